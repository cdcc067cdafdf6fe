"""What all benchmarks share: the data, the machine, medians, and writing without half files."""

import json
import math
import os
import platform
import re
import statistics
import sys
import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import files  # noqa: E402

from cnnbook.environment import thread_count, use_threads  # noqa: E402
from cnnbook.language import set_language  # noqa: E402

TARGETS = (88, 90, 92, 93)  # per cent of the official test set
PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn")


@cache
def clothes(quick):
    """Fashion-MNIST, all of it. For a quick try of the benchmarks: 600 + 200 pictures of mini."""
    from cnnbook.data import FashionMNIST, fashion_mnist

    if not quick:
        return fashion_mnist("full")
    mini = fashion_mnist("mini")
    return FashionMNIST(mini.train[::16][:600], mini.test[:200], mini.classes, mini.source)


def machine():
    """What the numbers depend on; nothing that tells whose machine it is."""
    return {
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "threads": thread_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def processor_name():
    """The maker's name of the processor, where the system tells it."""
    listed = Path("/proc/cpuinfo")
    if listed.exists():
        for line in listed.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def versions():
    """{"python": …, "torch": …, …}; None where a package is not installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def now():
    """The time in UTC, as 2026-11-24T10:50:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def first_time(points, target):
    """Seconds at the first of the `points` [seconds, accuracy] at or above `target` per cent.

    None if there is no such point.
    """
    for seconds, accuracy in points:
        if accuracy >= target / 100:
            return seconds
    return None


def median_time(runs, target):
    """Median over `runs` of `first_time`; a run that never got there counts as endless.

    Runs that were told to stop below `target` say nothing about it and are left out. None if the
    median is endless, or if no run is left.
    """
    times = [first_time(run["points"], target) for run in runs if run["until"] >= target]
    if not times:
        return None
    found = statistics.median(math.inf if seconds is None else seconds for seconds in times)
    return None if math.isinf(found) else found


def median_times(runs):
    """{"88": seconds or None, …} for all `TARGETS`."""
    return {str(target): median_time(runs, target) for target in TARGETS}


def best_accuracy(runs):
    """Median over the runs that went to their end of the best accuracy each one showed."""
    longest = max(run["until"] for run in runs)
    return statistics.median(
        max(accuracy for _, accuracy in run["points"]) for run in runs if run["until"] == longest
    )


def stopped_at(peer):
    """The target at which the runs of a peer were stopped when they reached it: above, nothing is
    known. None if they went to their end.
    """
    until = max(run["until"] for run in peer["runs"])
    return until if until < TARGETS[-1] and peer["times"][str(until)] else None


def shown(peer, number, percent, not_run):
    """The cells of a peer: its times to all `TARGETS`, then its best accuracy.

    `number` writes seconds, `percent` an accuracy. A target that no run was let go on to is
    `not_run`; one that the runs were given time for and missed is "–".
    """
    stop = stopped_at(peer)
    cells = []
    for target in TARGETS:
        seconds = peer["times"][str(target)]
        if stop and target > stop:
            cells.append(not_run)
        else:
            cells.append("–" if seconds is None else number(seconds))
    return [*cells, not_run if stop else percent(best_accuracy(peer["runs"]))]


def as_json(recipe):
    """A recipe of `cnnbook.speedrun` as JSON keeps it: functions by name, tuples as lists."""
    return json.loads(json.dumps(recipe, default=lambda function: function.__name__))


def run_line(run, decimals):
    """A run {"seed", "seconds", "accuracy"} as it is printed, its seconds with so many decimals."""
    seconds, percent = run["seconds"], 100 * run["accuracy"]
    return f"seed {run['seed']}: {seconds:.{decimals}f} s, {percent:.2f} %"


def summary(goal, recipe, runs):
    """Our runs {"seed", "seconds", "accuracy"} for one goal, what they did, and their medians."""
    return {
        "goal": goal,
        "recipe": recipe,
        "runs": runs,
        "median_seconds": statistics.median(run["seconds"] for run in runs),
        "median_accuracy": statistics.median(run["accuracy"] for run in runs),
        "reached": sum(run["accuracy"] >= goal / 100 for run in runs),
    }


def ratio_to_90(course, ours):
    """How many times sooner `ours` is at 90 % than `course`: (ratio, lower bound of the ratio).

    The ratio is None when the median of the course's runs never got there: then the bound counts,
    from the time those runs were given. Both are None when our own median is below 90 %.
    """
    if ours["median_accuracy"] < 0.90:
        return None, None
    known = course["times"]["90"]
    given = [first_time(run["points"], 90) or run["points"][-1][0] for run in course["runs"]]
    ratio = None if known is None else known / ours["median_seconds"]
    return ratio, statistics.median(given) / ours["median_seconds"]


def write_atomically(path, text):
    """Write `text` to `path`, old or new but never half; makes the folder if there is none."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    files.write_atomically(path, text)


def as_text(record):
    """The record as JSON; a number that is not finite would be no JSON and raises ValueError."""
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    plain_lists = r"\[\s+([^\[\]{}]*?)\s+\]"  # of numbers: on one line each
    return re.sub(plain_lists, lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def browser_tools():
    """(path of Chromium, its flags, None), or (None, None, why pages cannot be opened)."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        return None, None, "playwright is not installed"
    browser = str(Path(__file__).parents[1] / "browser")
    if browser not in sys.path:
        sys.path.insert(0, browser)
    from conftest import FLAGS, find_chromium

    path = find_chromium()
    if path is None:
        return None, None, "no Chromium found; CNNBOOK_CHROMIUM can name one"
    return path, FLAGS, None


def best_seconds(action, repeats):
    """The shortest of `repeats` times of `action()`, in seconds: what the machine can do."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return min(times)


def run_alone(measure, show):
    """A benchmark run by itself, ``python tests/bench/bench_X.py [--quick]``."""
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="tiny: only to see that it runs")
    options = parser.parse_args()
    prepare()
    show(measure(range(options.seeds), options.quick))


def prepare():
    """English, and threads as in the book. Call it before anything imports torch."""
    use_threads()
    set_language("en")
