"""One training step against the fastest matrix product.

The peak is the fastest of several big products of float32 matrices by `torch.mm`. Where the
library for convolutions is faster than that for matrices, the shares look larger than they are. A
step is forward, loss, backward and optimiser; its arithmetic is counted by torch over forward and
backward (a multiplication and an addition are two operations), so everything else in the step,
BatchNorm, ReLU, optimiser, counts as time lost. The networks of our recipes start as in `speedrun`:
a first layer that learns nothing, channels-last, AdamW.
"""

import statistics
import time

from machine import best_seconds
from record import clothes


def measure(seeds, quick):
    """{"peak_gflops", "rows": [{"network", "batch_size", "milliseconds", "gflops", "share"}, …]}"""
    import torch
    import torch._dynamo  # torch.optim imports it at its first step: a second that is no training

    from cnnbook.models import FashionCNN, SpeedrunCNN
    from cnnbook.speedrun import RECIPES, recipe_optimizer, whiten

    peak = matrix_peak((256,) if quick else (1024, 2048, 3072))
    steps = 2 if quick else 100
    rows = []
    torch.manual_seed(0)
    model = FashionCNN()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    rows.append(step_row("FashionCNN", model, optimizer, 100, steps, peak, torch.contiguous_format))
    for goal, recipe in RECIPES.items():  # as `speedrun` begins
        model = SpeedrunCNN(**recipe["network"])
        whiten(model, clothes(True).train.images)
        model.to(memory_format=torch.channels_last)
        optimizer = recipe_optimizer(model, recipe)
        name, batch_size = f"SpeedrunCNN ({goal} %)", recipe["batch_size"]
        rows.append(step_row(name, model, optimizer, batch_size, steps, peak, torch.channels_last))
    return {"peak_gflops": round(peak, 1), "rows": rows}


def matrix_peak(sizes):
    """GFLOP/s of the fastest product of two square float32 matrices."""
    import torch

    best = 0.0
    for size in sizes:
        left, right = torch.randn(size, size), torch.randn(size, size)
        result = torch.empty(size, size)
        torch.mm(left, right, out=result)
        seconds = best_seconds(lambda a=left, b=right, c=result: torch.mm(a, b, out=c), 6)
        best = max(best, 2 * size**3 / seconds / 1e9)
    return best


def step_row(name, model, optimizer, batch_size, steps, peak, layout):
    """Median time of `steps` training steps on one batch of random pictures."""
    import torch
    from torch.nn import functional
    from torch.utils.flop_counter import FlopCounterMode

    images = torch.randn(batch_size, 1, 28, 28).to(memory_format=layout)
    labels = torch.randint(10, (batch_size,))

    def forward_and_backward():
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()

    with FlopCounterMode(display=False) as counter:
        forward_and_backward()
    times = []
    for step in range(5 + steps):
        began = time.perf_counter()
        forward_and_backward()
        optimizer.step()
        if step >= 5:  # the first ones find their memory
            times.append(time.perf_counter() - began)
    seconds = statistics.median(times)
    gflops = counter.get_total_flops() / seconds / 1e9
    return {
        "network": name,
        "batch_size": batch_size,
        "milliseconds": round(1000 * seconds, 2),
        "gflops": round(gflops, 1),
        "share": round(gflops / peak, 3),
    }


def show(result):
    print(f"{'training step':22}{'batch':>7}{'time':>12}{'GFLOP/s':>10}{'of the peak':>13}")
    print(f"{'matrix product: peak':22}{'':19}{result['peak_gflops']:10.1f}{1:13.0%}")
    for one in result["rows"]:
        print(
            f"{one['network']:22}{one['batch_size']:7}{one['milliseconds']:9.2f} ms"
            f"{one['gflops']:10.1f}{one['share']:13.0%}"
        )
