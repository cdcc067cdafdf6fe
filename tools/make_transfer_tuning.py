"""Measure fine-tuning for chapter 5.3: "fine-tuning" in cnnbook/assets/transfer_results.json.

    python tools/make_transfer_tuning.py [DEVICE [JOBS]]

Needs the backbone; a minute or a few on a GPU (``cuda 8``), hours on one processor. Each way of
fine-tuning gets the learning rate that suits it: every rate of `GRIDS` is tried with the seeds 0 to
4, and the one with the best mean on 1,000 validation pictures is used. These are training pictures
that no seed draws. Then the same with three times the steps at that rate. The chapter's own cells
do the work; a seed draws the training pictures and orders them.
"""

import copy
import json
import multiprocessing
import sys
import time
from itertools import product
from typing import Any

import numpy as np
import torch
from make_transfer_features import ASSETS, EACH, TESTED, from_the_chapter, places, set_aside

from cnnbook import transfer
from cnnbook.data import fashion_mnist
from cnnbook.files import write_atomically
from cnnbook.speedrun import mirror

SEEDS, COUNTS, STEPS = range(5), (10, 50, 200), 100
SMALL = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3)
HEADS = (3e-3, 1e-2, 3e-2)
GRIDS = {  # the rates of each way: of the backbone, or (of the backbone, of the new head)
    "frozen": (0.0,),
    "one_rate": SMALL,
    "by_depth": (3e-4, 1e-3, 3e-3, 1e-2),  # of the head; the chapter's `by_depth` has the others
    "new_head": tuple(product(SMALL[:4], HEADS)),
    "training_mode": SMALL,
    "mirrored": SMALL,
}
defined = from_the_chapter()
given: dict[str, Any] = {}  # to a process, by `prepare_once`


def prepare_once(device):
    """The backbone, and the pictures of each part on the device, prepared; once a process."""
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    fashion = fashion_mnist("mini")
    parts = {
        "train": fashion.train[places(fashion.train, EACH)],
        "validation": fashion.train[set_aside(fashion.train)],
        "test": fashion.test[:TESTED],
    }
    network = transfer.backbone()
    if network is None:
        sys.exit(1)
    images = {k: defined["prepare"](part.images).to(device) for k, part in parts.items()}
    labels = {k: part.labels for k, part in parts.items()}
    given.update(device=device, layers=network.features[:11], images=images, labels=labels)


def maps(layers, x):
    """The features of prepared pictures, as the chapter's `features` makes them, (N, 256)."""
    layers.eval()
    with torch.no_grad():
        parts = [layers(few) for few in x.split(500)]
        found = [torch.nn.functional.adaptive_avg_pool2d(few, 2).flatten(1) for few in parts]
    return torch.cat(found).cpu()


def tuned(job):
    """(way, rates, count, seed, steps) → that and its accuracies on validation and test pictures.

    rates : as `written` has them
    """
    way, rates, count, seed, steps = job
    rate, *of_the_head = (float(one) for one in rates.split())
    few = defined["draw"](count, seed, given["labels"]["train"])
    x, labels = (given[kind]["train"][few] for kind in ("images", "labels"))
    layers = copy.deepcopy(given["layers"]).requires_grad_(True).to(given["device"])
    torch.manual_seed(seed)
    if way == "new_head":
        head = torch.nn.Linear(256, 10)
    else:
        head = defined["linear_head"](maps(layers, x), labels)
    network = defined["Transferred"](layers, head.to(given["device"]))
    if way == "new_head":
        groups = [{"params": layers.parameters(), "lr": rate}]
        groups += [{"params": head.parameters(), "lr": of_the_head[0]}]
    elif way == "by_depth":
        groups = defined["by_depth"](network, rate)
    else:
        groups = [{"params": network.parameters(), "lr": rate}]
    if way != "frozen":
        options = {"train_mode": way == "training_mode", "seed": seed, "steps": steps}
        change = mirror if way == "mirrored" else None
        defined["tune"](network, x, labels.to(given["device"]), groups, change=change, **options)
    scores = [
        round(defined["accuracy"](head.cpu(), maps(layers, x), given["labels"][part]), 2)
        for part, x in given["images"].items()
        if part != "train"
    ]
    return job, scores


def written(rates):
    """One rate, or several, as a key of the record: "0.0001 0.03"."""
    return " ".join(f"{one:g}" for one in np.atleast_1d(rates))


def by_way(answers):
    """{way: {count: {rates: {"validation": […], "test": […]}}}}, one number a seed."""
    found = {}
    for (way, rates, count, _, _), scores in answers:
        tried = found.setdefault(way, {}).setdefault(str(count), {})
        entry = tried.setdefault(rates, {"validation": [], "test": []})
        for part, score in zip(entry, scores, strict=True):
            entry[part].append(score)
    return found


def main(device="cpu", jobs="1"):
    started = time.perf_counter()
    asked = [
        (way, written(rates), count, seed, STEPS)
        for way, grid in GRIDS.items()
        for count, rates, seed in product(COUNTS, grid, SEEDS)
    ]
    context = multiprocessing.get_context("spawn")
    with context.Pool(int(jobs), prepare_once, (device,)) as pool:
        tried = by_way(pool.map(tuned, asked, chunksize=1))
        best = {
            way: {
                count: max(rates, key=lambda rate: np.mean(rates[rate]["validation"]))
                for count, rates in counts.items()
            }
            for way, counts in tried.items()
        }
        asked = [
            (way, best[way][str(count)], count, seed, 3 * STEPS)
            for way, count, seed in product(GRIDS, COUNTS, SEEDS)
            if way != "frozen"
        ]
        longer = by_way(pool.map(tuned, asked, chunksize=1))
    found = {
        "device": torch.cuda.get_device_name() if device == "cuda" else device,
        "torch": torch.__version__.partition("+")[0],
        "steps": STEPS,
        "validation pictures": 1000,
        "tried": tried,
        "best": best,
        "longer": longer,
        "seconds": round(time.perf_counter() - started),
    }
    target = ASSETS / "transfer_results.json"
    results = json.loads(target.read_text(encoding="utf-8"))
    results.pop("fine-tuning seconds", None)
    results["fine-tuning"] = found
    write_atomically(target, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    for way, counts in best.items():
        means = {n: np.mean(tried[way][n][rate]["test"]).round(1) for n, rate in counts.items()}
        print(f"{way:14} {counts} {means}", flush=True)
    print(f"{found['seconds']} s on {found['device']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
