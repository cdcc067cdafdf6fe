"""The record of `make bench`: what the sections measure on, and how they are kept as JSON."""

import json
import re
import statistics
import time
from functools import cache


@cache
def clothes(quick):
    """Fashion-MNIST, all of it. For a quick try of the benchmarks: 600 + 200 pictures of mini."""
    from cnnbook.data import FashionMNIST, fashion_mnist

    if not quick:
        return fashion_mnist("full")
    mini = fashion_mnist("mini")
    return FashionMNIST(mini.train[::16][:600], mini.test[:200], mini.classes, mini.source)


def timed(action, *arguments, **options):
    """(what `action` returns, its seconds to the millisecond)"""
    began = time.perf_counter()
    result = action(*arguments, **options)
    return result, round(time.perf_counter() - began, 3)


def best_seconds(action, repeats):
    """The shortest of `repeats` times of `action()`, in seconds: what the machine can do."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return min(times)


def mean_of(runs, name):
    return statistics.mean(run[name] for run in runs)


def median_of(runs, name):
    return statistics.median(run[name] for run in runs)


def as_json(recipe):
    """A recipe of `cnnbook.speedrun` as JSON keeps it: functions by name, tuples as lists."""
    return json.loads(json.dumps(recipe, default=lambda function: function.__name__))


def as_text(record):
    """The record as JSON; a number that is not finite would be no JSON and raises ValueError."""
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    plain_lists = r"\[\s+([^\[\]{}]*?)\s+\]"  # of numbers: on one line each
    return re.sub(plain_lists, lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def say(what, run):
    """Print a run {"seed", "seconds", "accuracy"} as soon as it is done."""
    seconds, percent = run["seconds"], 100 * run["accuracy"]
    print(f"  {what}, seed {run['seed']}: {seconds:.2f} s, {percent:.2f}%", flush=True)


def show(value, name=""):
    """Print the numbers of a section: rows as a table, without the lists in them."""
    if isinstance(value, dict):
        for key, entry in value.items():
            show(entry, f"{name} {key}".strip())
    elif not isinstance(value, list):
        print(f"{name}: {value}")
    elif value and isinstance(value[0], dict):
        columns = [key for key, cell in value[0].items() if not isinstance(cell, (dict, list))]
        lines = [columns, *([str(row[key])[:40] for key in columns] for row in value)]
        widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
        print(name)
        for line in lines:
            print("  ", *(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
