"""What a GPU changes: cnnbook/assets/gpu_results.json, for chapter 5.6.

    python bench/bench_gpu.py

Needs a CUDA device and the full Fashion-MNIST. One step of the network that reaches 94% is timed in
several ways, by turns, so that what drifts drifts for all: `TURNS` turns of `STEPS` steps each.
Then `speedrun` trains on the GPU. Numbers are milliseconds a step, or seconds.
"""

import json
import sys
import time
from typing import Any

import torch
from torch.nn import functional

from cnnbook.data import fashion_mnist, normalise
from cnnbook.files import ASSETS, write_atomically
from cnnbook.models import SpeedrunCNN
from cnnbook.speedrun import RECIPES, recipe_optimizer, speedrun
from cnnbook.training import evaluate

BATCHES, TURNS, STEPS, SEEDS = (125, 1000, 8000), 5, 50, 5
WAYS: dict[str, dict[str, Any]] = {
    "float32": {},
    "tf32": {"tf32": True},
    "bfloat16": {"amp": True},
    "bfloat16, channels last": {"amp": True, "channels_last": True},
    "bfloat16, compiled": {"amp": True, "compiled": True},
}


def make_step(images, labels, tf32=False, amp=False, channels_last=False, compiled=False):
    """A function that makes one training step, and the seconds that its first three took."""
    torch.manual_seed(0)
    recipe = RECIPES[94]
    model: Any = SpeedrunCNN(**recipe["network"]).cuda().train()
    x = normalise(images)
    if channels_last:
        model, x = (
            model.to(memory_format=torch.channels_last),
            x.contiguous(memory_format=torch.channels_last),
        )
    optimizer = recipe_optimizer(model, recipe)
    forward = torch.compile(model) if compiled else model

    def step():
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        with torch.autocast("cuda", torch.bfloat16, enabled=amp):
            loss = functional.cross_entropy(forward(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(3):
        step()
    torch.cuda.synchronize()
    return step, time.perf_counter() - started


def milliseconds(step, synchronised=True):
    """Of one of `STEPS` steps; without waiting for the GPU it is the time to order them."""
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(STEPS):
        step()
    if synchronised:
        torch.cuda.synchronize()
    taken = time.perf_counter() - started
    torch.cuda.synchronize()
    return 1000 * taken / STEPS


def main():
    if not torch.cuda.is_available():
        sys.exit("There is no CUDA device here.")
    fashion = fashion_mnist("full")
    images, labels = fashion.train.images.cuda(), fashion.train.labels.cuda()
    found: dict[str, Any] = {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "steps": {},
        "not waited for": {},
        "first three steps": {},
    }
    for batch in BATCHES:
        pair = images[:batch], labels[:batch]
        made = {way: make_step(*pair, **options) for way, options in WAYS.items()}
        found["first three steps"][batch] = {way: round(s, 2) for way, (_, s) in made.items()}
        times = {way: [] for way in WAYS}
        for _ in range(TURNS):
            for way, (step, _) in made.items():
                times[way].append(round(milliseconds(step), 4))
        found["steps"][batch] = times
        step = made["float32"][0]
        found["not waited for"][batch] = [
            round(milliseconds(step, synchronised=False), 4) for _ in range(TURNS)
        ]
        print(batch, {way: min(t) for way, t in times.items()}, flush=True)
    found["speedrun"] = {}
    for goal, seeds in ((90, SEEDS), (94, 2)):
        runs = []
        for seed in range(seeds + 1):  # the first one warms up and does not count
            started = time.perf_counter()
            model, _ = speedrun(fashion.train, goal, seed=100 + seed, progress=False, curve=False)
            torch.cuda.synchronize()
            seconds = time.perf_counter() - started
            accuracy = evaluate(model, fashion.test, views=RECIPES[goal]["views"]).accuracy
            runs.append([round(seconds, 2), round(100 * accuracy, 2)])
        found["speedrun"][goal] = runs[1:]
        print(goal, runs, flush=True)
    write_atomically(ASSETS / "gpu_results.json", json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
