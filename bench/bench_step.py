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

import torch
import torch._dynamo  # torch.optim imports it at its first step: a second that is no training
from record import best_seconds, clothes
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from cnnbook.models import FashionCNN, SpeedrunCNN
from cnnbook.speedrun import RECIPES, recipe_optimizer, whiten


def measure(seeds, quick):
    """{"peak_gflops", "rows": [{"network", "batch_size", "milliseconds", "gflops", "share"}, …]}"""
    peak = max(matrix_gflops(size) for size in ((256,) if quick else (1024, 2048, 3072)))
    torch.manual_seed(0)
    model = FashionCNN()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    ways = [("FashionCNN", model, optimizer, 100, torch.contiguous_format)]
    for goal, recipe in RECIPES.items():  # as `speedrun` begins
        model = SpeedrunCNN(**recipe["network"])
        whiten(model, clothes(True).train.images)
        model.to(memory_format=torch.channels_last)
        optimizer = recipe_optimizer(model, recipe)
        name = f"SpeedrunCNN ({goal}%)"
        ways.append((name, model, optimizer, recipe["batch_size"], torch.channels_last))
    rows = [step_row(2 if quick else 100, peak, *way) for way in ways]
    return {"peak_gflops": round(peak, 1), "rows": rows}


def matrix_gflops(size):
    """GFLOP/s of the product of two square float32 matrices."""
    left, right, result = torch.randn(size, size), torch.randn(size, size), torch.empty(size, size)
    torch.mm(left, right, out=result)
    return 2 * size**3 / best_seconds(lambda: torch.mm(left, right, out=result), 6) / 1e9


def step_row(steps, peak, name, model, optimizer, batch_size, layout):
    """Median time of `steps` training steps on one batch of random pictures."""
    images = torch.randn(batch_size, 1, 28, 28).to(memory_format=layout)
    labels = torch.randint(10, (batch_size,))

    def forward_and_backward():
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()

    with FlopCounterMode(display=False) as counter:
        forward_and_backward()
    times = []
    for _ in range(5 + steps):
        began = time.perf_counter()
        forward_and_backward()
        optimizer.step()
        times.append(time.perf_counter() - began)
    seconds = statistics.median(times[5:])  # the first ones find their memory
    gflops = counter.get_total_flops() / seconds / 1e9
    return {
        "network": name,
        "batch_size": batch_size,
        "milliseconds": round(1000 * seconds, 2),
        "gflops": round(gflops, 1),
        "share": round(gflops / peak, 3),
    }
