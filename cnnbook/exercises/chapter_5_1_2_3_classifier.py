"""Exercises of 5.1.2.3, the classifier: right answers and the usual wrong ones."""

import math

import numpy as np

from cnnbook.exercises import Exercise


def _cross_entropy(z, label):
    largest = z.max()
    return largest + np.log(np.exp(z - largest).sum()) - z[label]


def _naive(z, label):
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return -np.log(np.exp(z[label]) / np.exp(z).sum())


def _log_of_zero(z, label):
    with np.errstate(divide="ignore"):
        return _naive(z - z.max(), label)


EXERCISES = {
    "by-hand": Exercise(
        right=[2, -3],
        mistakes={
            "no_bias": [1, 0],
            "relu": [2, 0],
            "no_inputs": [1, -1],
            "bias_subtracted": [0, 3],
            "one_number": -1,
        },
    ),
    "count": Exercise(
        right=lambda c, h, w, units: (c * h * w + 1) * units,
        mistakes={
            "weights_only": lambda c, h, w, units: c * h * w * units,
            "one_bias": lambda c, h, w, units: c * h * w * units + 1,
            "one_map": lambda c, h, w, units: (h * w + 1) * units,
            "pooled": lambda c, h, w, units: (c + 1) * units,
            "outputs_only": lambda c, h, w, units: c * h * w + units,
        },
        cases=((64, 6, 6, 600), (3, 2, 5, 1), (16, 7, 7, 10)),
    ),
    "flat": Exercise(
        right=lambda n: 64 * ((n // 2 - 2) // 2) ** 2,
        mistakes={
            "no_channels": lambda n: ((n // 2 - 2) // 2) ** 2,
            "one_side": lambda n: 64 * ((n // 2 - 2) // 2),
            "conv2_keeps": lambda n: 64 * (n // 4) ** 2,
            "conv1_shrinks": lambda n: 64 * (((n - 2) // 2 - 2) // 2) ** 2,
            "not_floored": lambda n: 64 * ((n / 2 - 2) / 2) ** 2,
            "one_pool": lambda n: 64 * (n // 2 - 2) ** 2,
            "first_filters": lambda n: 32 * ((n // 2 - 2) // 2) ** 2,
        },
        cases=((28,), (30,), (32,), (45,)),
    ),
    "cross-entropy": Exercise(
        right=_cross_entropy,
        mistakes={
            "overflow": _naive,
            "log_of_zero": _log_of_zero,
            "no_minus": lambda z, label: -_cross_entropy(z, label),
            "best_class": lambda z, label: _cross_entropy(z, z.argmax()),
            "all_classes": lambda z, label: sum(_cross_entropy(z, i) for i in range(len(z))),
            "log_two": lambda z, label: _cross_entropy(z, label) / math.log(2),
            "largest_lost": lambda z, label: _cross_entropy(z, label) - z.max(),
        },
        cases=(
            (np.array([2.0, 1.0, 0.0]), 1),
            (np.array([1000.0, 1000.0, 0.0]), 0),
            (np.array([0.0, 1000.0]), 0),
        ),
    ),
}
