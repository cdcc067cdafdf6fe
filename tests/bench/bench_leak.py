"""A network trained on shuffled labels can know nothing: about 10 % on the test set, or it cheats.

python tests/bench/bench_leak.py
"""

from dataclasses import replace

from record import clothes, run_alone


def measure(seeds, quick):
    """{"goal", "seed", "accuracy"} after a run whose labels were dealt out at random."""
    import torch
    from bench_race import our_run

    from cnnbook.data import Part
    from cnnbook.training import RECIPES

    data, seed = clothes(quick), list(seeds)[0]
    goal = min(RECIPES)
    mixed = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(seed))
    train = Part(data.train.images, data.train.labels[mixed])
    run = our_run(replace(data, train=train), goal, seed)
    return {"goal": goal, "seed": seed, "accuracy": run["accuracy"]}


def show(result):
    accuracy = 100 * result["accuracy"]
    print(f"shuffled labels, recipe for {result['goal']} %: {accuracy:.2f} % (chance: 10 %)")


if __name__ == "__main__":
    run_alone(measure, show)
