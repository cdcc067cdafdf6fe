"""Times and accuracies of several runs, as one number each."""

import math
import statistics

from record import median_of

TARGETS = (88, 90, 92, 93)  # per cent of the official test set


def first_time(points, target):
    """Seconds at the first of the `points` [seconds, accuracy] at or above `target` per cent.

    None if there is no such point.
    """
    return next((seconds for seconds, accuracy in points if accuracy >= target / 100), None)


def median_time(runs, target):
    """Median over `runs` of `first_time`; a run that never got there counts as endless.

    Runs that were told to stop below `target` say nothing about it and are left out. None if the
    median is endless, or if no run is left.
    """
    times = [first_time(run["points"], target) for run in runs if run["until"] >= target]
    endless = [math.inf if seconds is None else seconds for seconds in times] or [math.inf]
    found = statistics.median(endless)
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


def shown(peer, number, percent, not_run):
    """The cells of a peer: its times to all `TARGETS`, then its best accuracy.

    `number` writes seconds, `percent` an accuracy. A target that no run was let go on to, since
    all were stopped when they reached an earlier one, is `not_run`; one that the runs were given
    time for and missed is "–".
    """
    until = max(run["until"] for run in peer["runs"])
    stopped = until < TARGETS[-1] and peer["times"][str(until)]
    cells = []
    for target in TARGETS:
        seconds = peer["times"][str(target)]
        missed = not_run if stopped and target > until else "–"
        cells.append(missed if seconds is None else number(seconds))
    return [*cells, not_run if stopped else percent(best_accuracy(peer["runs"]))]


def summary(goal, recipe, runs):
    """Our runs {"seed", "seconds", "accuracy"} for one goal, what they did, and their medians."""
    return {
        "goal": goal,
        "recipe": recipe,
        "runs": runs,
        "median_seconds": median_of(runs, "seconds"),
        "median_accuracy": median_of(runs, "accuracy"),
        "reached": sum(run["accuracy"] >= goal / 100 for run in runs),
    }


def ratio_to_90(course, ours):
    """How many times sooner `ours` is at 90% than `course`: (ratio, lower bound of the ratio).

    The ratio is None when the median of the course's runs never got there: then the bound counts,
    from the time those runs were given. Both are None when our own median is below 90%.
    """
    if ours["median_accuracy"] < 0.90:
        return None, None
    known = course["times"]["90"]
    given = [first_time(run["points"], 90) or run["points"][-1][0] for run in course["runs"]]
    bound = round(statistics.median(given) / ours["median_seconds"], 2)
    return known and round(known / ours["median_seconds"], 2), bound
