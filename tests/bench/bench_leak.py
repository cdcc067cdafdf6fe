"""A network trained on shuffled labels can know nothing: about 10 % on the test set, or it cheats.

python tests/bench/bench_leak.py
"""

from record import clothes, run_alone


def measure(seeds, quick):
    """{"goal", "seed", "accuracy"} after a run whose labels were dealt out at random."""
    import torch

    from cnnbook.data import Part
    from cnnbook.training import RECIPES, evaluate, speedrun

    data, seed = clothes(quick), list(seeds)[0]
    goal = min(RECIPES)
    mixed = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(seed))
    train = Part(data.train.images, data.train.labels[mixed])
    model, _ = speedrun(train, goal=goal, seed=seed, progress=False, curve=False)
    views = {name: RECIPES[goal][name] for name in ("mirrored", "moved")}
    accuracy = evaluate(model, data.test, **views).accuracy
    return {"goal": goal, "seed": seed, "accuracy": round(accuracy, 4)}


def show(result):
    accuracy = 100 * result["accuracy"]
    print(f"shuffled labels, recipe for {result['goal']} %: {accuracy:.2f} % (chance: 10 %)")


if __name__ == "__main__":
    run_alone(measure, show)
