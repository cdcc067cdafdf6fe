"""How many pictures a second reach the network: torchvision's way, ours, and the limit.

"torchvision" opens each picture alone, as a PIL image, and makes a tensor of it. "in memory" is
`cnnbook.data.batches`: the batch is gathered from one uint8 tensor and normalised. "memory copy"
moves the same bytes and does nothing else.
"""

import tempfile
import time
from pathlib import Path

import torch
from peers import torchvision_dataset
from record import best_seconds, clothes
from torch.utils.data import DataLoader

from cnnbook.data import batches

SAMPLE = 6000  # pictures for the slow ways; the fast ones go through all


def measure(seeds, quick):
    """{"rows": [{"way", "batch_size", "workers", "pictures", "pictures_per_second"}, …]}"""
    data = clothes(quick)
    sample, images, count = data.train[:SAMPLE], data.train.images, len(data.train)
    target = torch.empty_like(images)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        dataset = torchvision_dataset(sample, data.test[:10], Path(folder))
        for workers in (0, 2):
            seconds = time_loader(dataset, workers)
            rows.append(["torchvision", 100, workers, len(sample), seconds])
    for size in (100, 250):
        seconds = best_seconds(lambda size=size: go_through(data.train, size), 5)
        rows.append(["in memory", size, 0, count, seconds])
    seconds = best_seconds(lambda: target.copy_(images), 10)
    rows.append(["memory copy", None, 0, count, seconds])
    names = ("way", "batch_size", "workers", "pictures", "pictures_per_second")
    return {
        "rows": [
            dict(zip(names, [*row, round(row[-1] / seconds)], strict=True))
            for *row, seconds in rows
        ]
    }


def go_through(train, batch_size):
    """One pass through the set in memory."""
    for _ in batches(train, batch_size, shuffle=True):
        pass


def time_loader(dataset, workers):
    """Seconds for one pass in batches of 100, from the first picture asked for to the last."""
    loader = DataLoader(dataset, batch_size=100, shuffle=True, num_workers=workers)
    batches = iter(loader)
    next(batches)  # the workers are running now
    began = time.perf_counter()
    count = sum(len(images) for images, _ in batches)
    return (time.perf_counter() - began) * len(dataset) / count
