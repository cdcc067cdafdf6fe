"""Exercises of 5.3, transfer learning: right answers and the usual wrong ones."""

import numpy as np

from cnnbook.exercises import Exercise

_RANDOM = np.random.default_rng(53)
_LABELS = np.array([0, 1, 2, 2, 1, 0, 2, 1])
_X = _RANDOM.normal(size=(8, 4)).round(2)
_FIRST, _SECOND = (_RANDOM.normal(size=(4, 3)).round(2) for _ in range(2))
_X[:6] += 3 * np.linalg.pinv(_FIRST)[_LABELS[:6]]  # the first network answers most of them right


def _first(x):
    return x @ _FIRST


def _second(x):
    return x @ _SECOND


def _share(network, x, labels):
    return (network(x).argmax(axis=1) == labels).mean()


EXERCISES = {
    "head": Exercise(
        right=lambda channels, pool, classes: channels * pool**2 * classes + classes,
        mistakes={
            "no_bias": lambda channels, pool, classes: channels * pool**2 * classes,
            "pool_once": lambda channels, pool, classes: channels * pool * classes + classes,
            "no_pool": lambda channels, pool, classes: channels * classes + classes,
            "one_bias": lambda channels, pool, classes: channels * pool**2 * classes + 1,
            "features": lambda channels, pool, classes: channels * pool**2,
        },
        cases=((64, 2, 10), (1280, 1, 2), (96, 3, 5)),
    ),
    "normalise": Exercise(
        right=lambda value, mean, std: (value / 255 - mean) / std,
        mistakes={
            "not_divided": lambda value, mean, std: (value - mean) / std,
            "order": lambda value, mean, std: value / 255 - mean / std,
            "std_first": lambda value, mean, std: value / 255 / std - mean,
            "variance": lambda value, mean, std: (value / 255 - mean) / std**2,
            "only_divided": lambda value, mean, std: value / 255,
            "times": lambda value, mean, std: (value / 255 - mean) * std,
        },
        cases=((255, 0.485, 0.229), (0, 0.406, 0.225), (128, 0.456, 0.224)),
    ),
    "rates": Exercise(
        right=lambda top, blocks, factor: [top / factor ** (blocks - 1 - k) for k in range(blocks)],
        mistakes={
            "reversed": lambda top, blocks, factor: [top / factor**k for k in range(blocks)],
            "one_too_many": lambda top, blocks, factor: [
                top / factor ** (blocks - k) for k in range(blocks)
            ],
            "equal": lambda top, blocks, factor: [top] * blocks,
            "not_powers": lambda top, blocks, factor: [
                top / (factor * (blocks - 1 - k) or 1) for k in range(blocks)
            ],
            "times": lambda top, blocks, factor: [
                top * factor ** (blocks - 1 - k) for k in range(blocks)
            ],
        },
        cases=((0.01, 3, 10), (1.0, 4, 2)),
    ),
    "drift": Exercise(
        right=lambda running, batch, momentum: (1 - momentum) * running + momentum * batch,
        mistakes={
            "frozen": lambda running, batch, momentum: running,
            "swapped": lambda running, batch, momentum: momentum * running + (1 - momentum) * batch,
            "replaced": lambda running, batch, momentum: batch,
            "average": lambda running, batch, momentum: (running + batch) / 2,
            "added": lambda running, batch, momentum: running + momentum * batch,
        },
        cases=((0.0, 1.0, 0.1), (2.0, -1.0, 0.1), (0.5, 0.3, 0.25)),
    ),
    "wrong-line": Exercise(
        right=7,
        mistakes={
            "line_1": 1,
            "line_2": 2,
            "line_3": 3,
            "line_4": 4,
            "line_5": 5,
            "line_6": 6,
            "line_8": 8,
        },
    ),  # fmt: skip
    "scores": Exercise(
        right=lambda networks, x, labels: [_share(network, x, labels) for network in networks],
        mistakes={
            "only_last": lambda networks, x, labels: (
                [_share(networks[-1], x, labels)] * len(networks)
            ),
            "only_first": lambda networks, x, labels: (
                [_share(networks[0], x, labels)] * len(networks)
            ),
            "returned_early": lambda networks, x, labels: [_share(networks[0], x, labels)],
            "counts": lambda networks, x, labels: [
                _share(network, x, labels) * len(labels) for network in networks
            ],
            "errors": lambda networks, x, labels: [
                1 - _share(network, x, labels) for network in networks
            ],
        },
        cases=(((_first, _second), _X, _LABELS), ((_second, _first, _second), _X, _LABELS)),
    ),
}
