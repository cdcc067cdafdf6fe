"""Exercises of 5.1.2.2, the pooling layer: right answers and the usual wrong ones."""

import math

import numpy as np

from cnnbook.exercises import Exercise


def _pool_gradient(x, upstream, k):
    gradient = np.zeros(x.shape)
    for (i, j), value in np.ndenumerate(upstream):
        window = x[k * i : k * i + k, k * j : k * j + k]
        row, column = np.unravel_index(window.argmax(), window.shape)
        gradient[k * i + row, k * j + column] = value
    return gradient


def _wins(x, k):
    """Where a cell is as large as the largest of its window: ties win together."""
    rows, columns = x.shape[0] // k, x.shape[1] // k
    best = x.reshape(rows, k, columns, k).max(axis=(1, 3))
    return x == _blown_up(best, k)


def _blown_up(table, k):
    return np.kron(table, np.ones((k, k)))


def _last_tie(x, upstream, k):
    return _pool_gradient(x[::-1, ::-1], upstream[::-1, ::-1], k)[::-1, ::-1]


_X = np.array([[1, 5, 2, 2], [3, 0, 2, 2], [-4, -1, 0, 6], [-1, -3, 6, 2]])
_UPSTREAM = np.array([[10, 20], [30, 40]])
_WIDE = np.array([[3, 1, 2, 0, 7, 7], [4, 4, 1, 5, 2, 0], [0, 2, 9, 1, 3, 8]])

EXERCISES = {
    "by-hand": Exercise(
        right=[[4, 5], [8, 7]],
        mistakes={
            "average": [[2.5, 2], [2.75, 5]],
            "smallest": [[1, 0], [0, 3]],
            "sum": [[10, 8], [11, 20]],
            "stride_one": [[4, 5, 5], [3, 7, 7], [8, 8, 7]],
            "transposed": [[4, 8], [5, 7]],
            "corner": [[1, 2], [0, 7]],
        },
    ),
    "size": Exercise(
        right=lambda n, k, s, ceil: (math.ceil if ceil else math.floor)((n - k) / s) + 1,
        mistakes={
            "always_floor": lambda n, k, s, ceil: (n - k) // s + 1,
            "always_ceil": lambda n, k, s, ceil: math.ceil((n - k) / s) + 1,
            "not_rounded": lambda n, k, s, ceil: (n - k) / s + 1,
            "no_plus_one": lambda n, k, s, ceil: (math.ceil if ceil else math.floor)((n - k) / s),
            "no_window": lambda n, k, s, ceil: (math.ceil if ceil else math.floor)(n / s),
            "the_other_way": lambda n, k, s, ceil: (
                (math.floor if ceil else math.ceil)((n - k) / s) + 1
            ),
        },
        cases=((7, 2, 2, False), (7, 2, 2, True), (6, 3, 2, True), (12, 4, 2, False)),
    ),
    "gradient": Exercise(
        right=_pool_gradient,
        mistakes={
            "spread": lambda x, upstream, k: _blown_up(upstream, k) / k**2,
            "copied": lambda x, upstream, k: _blown_up(upstream, k),
            "all_ties": lambda x, upstream, k: _blown_up(upstream, k) * _wins(x, k),
            "last_tie": _last_tie,
            "ones": lambda x, upstream, k: _pool_gradient(x, np.ones_like(upstream), k),
            "times_value": lambda x, upstream, k: _pool_gradient(x, upstream, k) * x,
        },
        cases=((_X, _UPSTREAM, 2), (_WIDE, np.array([[5, -7]]), 3)),
    ),
}
