"""Time to 88, 90, 92 and 93% of the official test set: the course's way, others, ours.

The clock runs while data are prepared and while the network trains; imports, reading the set from
disk (measured apart) and looking at the test set are not counted. Seed by seed the course's way
and ours take turns, so that a machine that slows down slows both.
"""

import tempfile
import warnings
from pathlib import Path

import torch._dynamo  # noqa: F401  torch.optim imports it at its first step: 1.5 s, once
from medians import TARGETS, median_times, ratio_to_90, summary
from peers import PEERS, torchvision_dataset, train_peer
from record import as_json, clothes, say, timed
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from torch.utils.data import Subset

from cnnbook.data import fashion_mnist
from cnnbook.speedrun import RECIPES, speedrun
from cnnbook.training import evaluate

COURSE_RUNS = 3  # of the course's way, each until it is at 90%, or to its end
PEER_RUNS = 1  # of each of the others


def measure(seeds, quick):
    """{"load_seconds", "peers", "ours", "ratio_to_90", "ratio_to_90_at_least"}"""
    _, load_seconds = timed(fashion_mnist, "mini" if quick else "full", download=False)
    data = clothes(quick)
    course, *others = [dict(peer, epochs=1) if quick else peer for peer in PEERS]
    with tempfile.TemporaryDirectory() as folder:
        dataset = torchvision_dataset(data.train, data.test, Path(folder))
        warm_up(dataset, course)
        course_runs, our_runs = [], {goal: [] for goal in RECIPES}
        for number, seed in enumerate(seeds):
            if number < COURSE_RUNS:
                course_runs.append(peer_run(course, dataset, data.test, seed, 90))
            for goal in RECIPES:
                our_runs[goal].append(our_run(data, goal, seed))
                say(f"ours {goal}%", our_runs[goal][-1])
        peers = [entry(course, course_runs)]
        for peer in others:
            runs = [
                peer_run(peer, dataset, data.test, seed, TARGETS[-1]) for seed in seeds[:PEER_RUNS]
            ]
            peers.append(entry(peer, runs))
    regression, forest = SKLEARN  # nothing in the regression is random
    for peer, peer_seeds in (regression, [0]), (forest, seeds[:PEER_RUNS]):
        peers.append(entry(peer, [sklearn_run(peer, data, seed) for seed in peer_seeds]))
    ours = [summary(goal, as_json(RECIPES[goal]), runs) for goal, runs in our_runs.items()]
    ratio, bound = ratio_to_90(peers[0], next(entry for entry in ours if entry["goal"] == 90))
    return {
        "load_seconds": load_seconds,
        "peers": peers,
        "ours": ours,
        "ratio_to_90": ratio,
        "ratio_to_90_at_least": bound,
    }


def warm_up(dataset, course):
    """A few steps of both ways, so that neither pays for what torch does once in a process."""
    data = clothes(True)
    train_peer(dict(course, epochs=1), Subset(dataset, range(500)), data.test, 0, 100)
    for goal in RECIPES:
        our_model(data.train, goal, 0)


def our_model(train, goal, seed, **changes):
    """(model, seconds) of one run of our recipe, data preparation included."""
    options = {"goal": goal, "seed": seed, "progress": False, "curve": False, **changes}
    (model, _), seconds = timed(speedrun, train, **options)
    return model, seconds


def our_run(data, goal, seed):
    """{"seed", "seconds", "accuracy"} of one run of our recipe."""
    model, seconds = our_model(data.train, goal, seed)
    accuracy = evaluate(model, data.test, views=RECIPES[goal]["views"]).accuracy
    return {"seed": seed, "seconds": seconds, "accuracy": round(accuracy, 4)}


def peer_run(peer, dataset, test, seed, until):
    run = train_peer(peer, dataset, test, seed, until)
    seconds, accuracy = run["points"][-1]
    say(peer["name"], {"seed": seed, "seconds": seconds, "accuracy": accuracy})
    return run


def entry(peer, runs):
    """A line of the race."""
    named = {name: peer[name] for name in ("name", "settings")}
    return {**named, "runs": runs, "times": median_times(runs)}


SKLEARN = [
    {
        "name": "logistic regression",
        "settings": "scikit-learn LogisticRegression() on pixels / 255: lbfgs, at most 100 "
        "iterations",
        "model": lambda seed: LogisticRegression(max_iter=100),
    },
    {
        "name": "random forest",
        "settings": "scikit-learn RandomForestClassifier(100, n_jobs=-1) on pixels / 255",
        "model": lambda seed: RandomForestClassifier(100, n_jobs=-1, random_state=seed),
    },
]


def sklearn_run(peer, data, seed):
    """A run as `train_peer` gives it, of a model of scikit-learn: one point, its end."""

    def pixels_of(part):
        return part.images.flatten(1).numpy() / 255

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it may stop before it has converged: the settings
        model, seconds = timed(
            lambda: peer["model"](seed).fit(pixels_of(data.train), data.train.labels.numpy())
        )
    accuracy = float((model.predict(pixels_of(data.test)) == data.test.labels.numpy()).mean())
    say(peer["name"], {"seed": seed, "seconds": seconds, "accuracy": accuracy})
    point = [seconds, round(accuracy, 4)]
    return {"seed": seed, "until": TARGETS[-1], "points": [point]}
