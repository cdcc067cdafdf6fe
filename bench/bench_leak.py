"""A network trained on shuffled labels can know nothing: about 10% on the test set, or it cheats.

Such a network gives nearly the same answer to pictures that look alike, so a single run scatters by
some points around 10%: all seeds are run, and their mean counts.
"""

from dataclasses import replace

import torch
from bench_race import our_run
from record import clothes, mean_of

from cnnbook.data import Part
from cnnbook.speedrun import RECIPES


def measure(seeds, quick):
    """{"goal", "runs", "accuracy"}: runs whose labels were dealt out at random, and their mean."""
    data, goal, runs = clothes(quick), min(RECIPES), []
    for seed in seeds:
        mixed = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(seed))
        train = Part(data.train.images, data.train.labels[mixed])
        runs.append(our_run(replace(data, train=train), goal, seed))
    return {"goal": goal, "runs": runs, "accuracy": round(mean_of(runs, "accuracy"), 4)}
