"""Time to 88, 90, 92 and 93 % of the official test set: the course's way, three others, ours.

The clock runs while data are prepared and while the network trains; imports, reading the set from
disk (measured apart) and looking at the test set are not counted. Seed by seed the course's way
and ours take turns, so that a machine that slows down slows both.
"""

import statistics
import tempfile
import time
import warnings
from pathlib import Path

from medians import TARGETS, median_times, ratio_to_90, shown, summary
from record import as_json, clothes, run_line

COURSE_RUNS = 3  # of the course's way, each until it is at 90 %, or to its end
PEER_RUNS = 1  # of each of the others
LONG = 94  # the goal whose runs take minutes: `bench.py --long` says how many there are


def measure(seeds, quick, long=5):
    """{"load_seconds", "peers", "ours", "ratio_to_90", "ratio_to_90_at_least"}"""
    import torch
    import torch._dynamo  # noqa: F401  torch.optim imports it at its first step: 1.5 s, once
    from peers import PEERS, torchvision_dataset, train_peer

    from cnnbook.speedrun import RECIPES

    result = {"load_seconds": load_seconds(quick)}
    data = clothes(quick)
    seeds = list(seeds)
    course, *others = [dict(peer, epochs=1) if quick else peer for peer in PEERS]
    with tempfile.TemporaryDirectory() as folder:
        dataset = torchvision_dataset(data.train, data.test, Path(folder))
        warm_up(dataset, course)
        course_runs, our_runs = [], {goal: [] for goal in RECIPES}
        for number, seed in enumerate(seeds):
            if number < COURSE_RUNS:
                course_runs.append(train_peer(course, dataset, data.test, seed, 90))
                print(f"course, seed {seed}: {ending(course_runs[-1])}", flush=True)
            for goal in RECIPES:
                if goal == LONG and number >= long:
                    continue
                our_runs[goal].append(our_run(data, goal, seed))
                print(f"ours {goal} %, {run_line(our_runs[goal][-1], 1)}", flush=True)
        peers = [as_entry(course, course_runs)]
        for peer in others:
            runs = [
                train_peer(peer, dataset, data.test, seed, TARGETS[-1])
                for seed in seeds[:PEER_RUNS]
            ]
            print(f"{peer['name']}: {'; '.join(map(ending, runs))}", flush=True)
            peers.append(as_entry(peer, runs))
    peers += [logistic_regression(data), random_forest(data, seeds[:PEER_RUNS])]
    result["peers"] = peers
    result["ours"] = [
        summary(goal, as_json(RECIPES[goal]), runs) for goal, runs in our_runs.items()
    ]
    ninety = next((entry for entry in result["ours"] if entry["goal"] == 90), None)
    ratio, bound = ratio_to_90(peers[0], ninety) if ninety else (None, None)
    result["ratio_to_90"] = ratio and round(ratio, 2)
    result["ratio_to_90_at_least"] = bound and round(bound, 2)
    return result


def load_seconds(quick):
    """Seconds to read the set from disk and check its hashes."""
    from cnnbook.data import fashion_mnist

    began = time.perf_counter()
    fashion_mnist("mini" if quick else "full", download=False)
    return round(time.perf_counter() - began, 3)


def warm_up(dataset, course):
    """A few steps of both ways, so that neither pays for what torch does once in a process."""
    from peers import train_peer
    from torch.utils.data import Subset

    from cnnbook.speedrun import RECIPES, speedrun

    data = clothes(True)
    train_peer(dict(course, epochs=1), Subset(dataset, range(500)), data.test, 0, 100)
    for goal in RECIPES:
        speedrun(data.train, goal=goal, seed=0, progress=False, curve=False)


def our_run(data, goal, seed):
    """{"seed", "seconds", "accuracy"} of one run of our recipe, data preparation included."""
    from cnnbook.speedrun import RECIPES, speedrun
    from cnnbook.training import evaluate

    began = time.perf_counter()
    model, _ = speedrun(data.train, goal=goal, seed=seed, progress=False, curve=False)
    seconds = time.perf_counter() - began
    accuracy = evaluate(model, data.test, views=RECIPES[goal]["views"]).accuracy
    return {"seed": seed, "seconds": round(seconds, 3), "accuracy": round(accuracy, 4)}


def as_entry(peer, runs):
    return {
        "name": peer["name"],
        "settings": peer["settings"],
        "runs": runs,
        "times": median_times(runs),
    }


def sklearn_entry(name, settings, make_model, data, seeds):
    """An entry of the race for a model of scikit-learn."""
    runs = []
    test = data.test.images.flatten(1).numpy() / 255
    for seed in seeds:
        began = time.perf_counter()
        pixels = data.train.images.flatten(1).numpy() / 255
        model = make_model(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it may stop before it has converged: the settings
            model.fit(pixels, data.train.labels.numpy())
        seconds = time.perf_counter() - began
        accuracy = float((model.predict(test) == data.test.labels.numpy()).mean())
        point = [round(seconds, 3), round(accuracy, 4)]
        runs.append({"seed": seed, "until": TARGETS[-1], "points": [point]})
    print(f"{name}: {'; '.join(map(ending, runs))}", flush=True)
    return as_entry({"name": name, "settings": settings}, runs)


def logistic_regression(data):
    from sklearn.linear_model import LogisticRegression

    settings = "scikit-learn LogisticRegression() on pixels / 255: lbfgs, at most 100 iterations"
    return sklearn_entry(
        "logistic regression",
        settings,
        lambda seed: LogisticRegression(max_iter=100),
        data,
        [0],  # nothing in it is random
    )


def random_forest(data, seeds):
    from sklearn.ensemble import RandomForestClassifier

    settings = "scikit-learn RandomForestClassifier(100, n_jobs=-1) on pixels / 255"
    return sklearn_entry(
        "random forest",
        settings,
        lambda seed: RandomForestClassifier(100, n_jobs=-1, random_state=seed),
        data,
        seeds,
    )


def ending(run):
    seconds, accuracy = run["points"][-1]
    return f"{seconds:.1f} s, {100 * accuracy:.2f} %"


def show(result):
    print(f"reading the set from disk: {result['load_seconds']:.2f} s")
    print(f"{'median seconds to':22}", end="")
    print("".join(f"{cell:>10}" for cell in [*(f"{target} %" for target in TARGETS), "best"]))
    for peer in result["peers"]:
        cells = shown(peer, "{:.1f} s".format, "{:.2%}".format, "not run")
        print(f"{peer['name']:22}" + "".join(f"{cell:>10}" for cell in cells))
    for entry in result["ours"]:
        accuracies = " ".join(f"{100 * run['accuracy']:.2f}" for run in entry["runs"])
        spread = statistics.median(run["seconds"] for run in entry["runs"])
        print(
            f"ours, goal {entry['goal']} %: {spread:.1f} s; accuracy in %: {accuracies}; "
            f"reached {entry['reached']} of {len(entry['runs'])}"
        )
    if result["ratio_to_90"]:
        print(f"ours is at 90 % {result['ratio_to_90']:.1f} times sooner than the course's way")
    elif result["ratio_to_90_at_least"]:
        bound = result["ratio_to_90_at_least"]
        print(f"the course's way did not get to 90 %; ours did, {bound:.1f} times sooner than that")
    else:
        print("no ratio: our median accuracy is below 90 %")
