"""How many pictures a second reach the network: torchvision's way, ours, and the limit.

"torchvision" opens each picture alone, as a PIL image, and makes a tensor of it. "in memory" is
`cnnbook.data.batches`: the batch is gathered from one uint8 tensor and normalised. "memory copy"
moves the same bytes and does nothing else.
"""

import tempfile
import time
from pathlib import Path

from machine import best_seconds
from record import clothes

SAMPLE = 6000  # pictures for the slow ways; the fast ones go through all


def measure(seeds, quick):
    """{"rows": [{"way", "batch_size", "workers", "pictures", "pictures_per_second"}, …]}"""
    from peers import torchvision_dataset

    data = clothes(quick)
    sample = data.train[:SAMPLE]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        dataset = torchvision_dataset(sample, data.test[:10], Path(folder))
        for workers in (0, 2):
            seconds = time_loader(dataset, workers)
            rows.append(row("torchvision", 100, workers, len(sample), seconds))
    for batch_size in (100, 250):
        seconds = time_batches(data.train, batch_size)
        rows.append(row("in memory", batch_size, 0, len(data.train), seconds))
    seconds = time_copy(data.train.images)
    rows.append(row("memory copy", None, 0, len(data.train), seconds))
    return {"rows": rows}


def row(way, batch_size, workers, pictures, seconds):
    speed = round(pictures / seconds)
    return {
        "way": way,
        "batch_size": batch_size,
        "workers": workers,
        "pictures": pictures,
        "pictures_per_second": speed,
    }


def time_loader(dataset, workers):
    """Seconds for one pass in batches of 100, from the first picture asked for to the last."""
    from torch.utils.data import DataLoader

    loader = DataLoader(dataset, batch_size=100, shuffle=True, num_workers=workers)
    batches = iter(loader)
    next(batches)  # the workers are running now
    began = time.perf_counter()
    count = 0
    for images, _ in batches:
        count += len(images)
    return (time.perf_counter() - began) * len(dataset) / count


def time_batches(train, batch_size):
    """Seconds for one pass through the set in memory, the best of five."""
    from cnnbook.data import batches

    def go_through():
        for _ in batches(train, batch_size, shuffle=True):
            pass

    return best_seconds(go_through, 5)


def time_copy(images):
    """Seconds to copy all pixels once, as bytes, the best of ten."""
    import torch

    target = torch.empty_like(images)
    return best_seconds(lambda: target.copy_(images), 10)


def show(result):
    print(f"{'feeding':34}{'pictures a second':>18}")
    for one in result["rows"]:
        name = one["way"]
        if one["batch_size"]:
            name += f", batch {one['batch_size']}, {one['workers']} workers"
        print(f"{name:34}{one['pictures_per_second']:18,}")
