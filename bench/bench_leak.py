"""A network trained on shuffled labels can know nothing: about 10 % on the test set, or it cheats.

Such a network gives nearly the same answer to pictures that look alike, so a single run scatters by
some points around 10 %: all seeds are run, and their mean counts.
"""

import statistics
from dataclasses import replace

from record import clothes


def measure(seeds, quick):
    """{"goal", "runs", "accuracy"}: runs whose labels were dealt out at random, and their mean."""
    import torch
    from bench_race import our_run

    from cnnbook.data import Part
    from cnnbook.speedrun import RECIPES

    data, goal, runs = clothes(quick), min(RECIPES), []
    for seed in seeds:
        mixed = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(seed))
        train = Part(data.train.images, data.train.labels[mixed])
        runs.append(our_run(replace(data, train=train), goal, seed))
    mean = statistics.mean(run["accuracy"] for run in runs)
    return {"goal": goal, "runs": runs, "accuracy": round(mean, 4)}


def show(result):
    each = " ".join(f"{100 * run['accuracy']:.2f}" for run in result["runs"])
    print(
        f"shuffled labels, recipe for {result['goal']} %: {100 * result['accuracy']:.2f} %"
        f" (chance: 10 %); each seed: {each}"
    )
