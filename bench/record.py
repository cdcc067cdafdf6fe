"""The record of `make bench`: what the sections write, and how it is kept as JSON."""

import json
import re
from functools import cache


@cache
def clothes(quick):
    """Fashion-MNIST, all of it. For a quick try of the benchmarks: 600 + 200 pictures of mini."""
    from cnnbook.data import FashionMNIST, fashion_mnist

    if not quick:
        return fashion_mnist("full")
    mini = fashion_mnist("mini")
    return FashionMNIST(mini.train[::16][:600], mini.test[:200], mini.classes, mini.source)


def as_json(recipe):
    """A recipe of `cnnbook.speedrun` as JSON keeps it: functions by name, tuples as lists."""
    return json.loads(json.dumps(recipe, default=lambda function: function.__name__))


def as_text(record):
    """The record as JSON; a number that is not finite would be no JSON and raises ValueError."""
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    plain_lists = r"\[\s+([^\[\]{}]*?)\s+\]"  # of numbers: on one line each
    return re.sub(plain_lists, lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def run_line(run, decimals):
    """A run {"seed", "seconds", "accuracy"} as it is printed, its seconds with so many decimals."""
    seconds, percent = run["seconds"], 100 * run["accuracy"]
    return f"seed {run['seed']}: {seconds:.{decimals}f} s, {percent:.2f} %"
