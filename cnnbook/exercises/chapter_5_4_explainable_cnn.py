"""Exercises of 5.4, explainable CNNs: right answers and the usual wrong ones."""

import math

import numpy as np

from cnnbook.exercises import Exercise


def _along_one_axis(n, w, s):
    return math.ceil((n - w) / s) + 1


def _cam(maps, gradients):
    return (gradients.mean(axis=(1, 2))[:, None, None] * maps).sum(axis=0)


def _gathered(slope, start, x, steps, place=0.5):
    return sum(slope(start + (k + place) / steps * (x - start)) for k in range(steps)) / steps


def _gap(shares, before, after):
    return abs(shares.sum() - (after - before)) / abs(after - before)


_RANDOM = np.random.default_rng(54)
_MAPS = _RANDOM.integers(0, 5, (3, 2, 4)).astype(float)
_GRADIENTS = _RANDOM.integers(-4, 5, (3, 2, 4)) / 4
_SHARES = _RANDOM.integers(-8, 9, (5, 6)) / 8
_MASK = np.zeros((5, 6), dtype=bool)
_MASK[1:3, 2:5] = True

EXERCISES = {
    "windows": Exercise(
        right=lambda n, w, s: _along_one_axis(n, w, s) ** 2,
        mistakes={
            "windows_floor": lambda n, w, s: ((n - w) // s + 1) ** 2,
            "windows_one_axis": _along_one_axis,
            "windows_no_first": lambda n, w, s: math.ceil((n - w) / s) ** 2,
            "windows_outside": lambda n, w, s: math.ceil(n / s) ** 2,
        },
        cases=((28, 5, 3), (28, 4, 4), (10, 3, 2), (7, 7, 1)),
    ),
    "cam": Exercise(
        right=_cam,
        mistakes={
            "cam_sum": lambda maps, gradients: _cam(maps, gradients) * maps[0].size,
            "cam_no_mean": lambda maps, gradients: (gradients * maps).sum(axis=0),
            "cam_relu": lambda maps, gradients: np.maximum(_cam(maps, gradients), 0),
            "cam_swapped": lambda maps, gradients: _cam(gradients, maps),
            "cam_mean_maps": lambda maps, gradients: _cam(maps, gradients) / len(maps),
        },
        cases=((_MAPS, _GRADIENTS), (_MAPS[:2, :, :2], _GRADIENTS[:2, :, 2:])),
    ),
    "integrated": Exercise(
        right=lambda slope, start, x, steps: (x - start) * _gathered(slope, start, x, steps),
        mistakes={
            "integrated_left": lambda slope, start, x, steps: (
                (x - start) * _gathered(slope, start, x, steps, 0)
            ),
            "integrated_right": lambda slope, start, x, steps: (
                (x - start) * _gathered(slope, start, x, steps, 1)
            ),
            "integrated_no_way": _gathered,
            "integrated_times_x": lambda slope, start, x, steps: (
                x * _gathered(slope, start, x, steps)
            ),
            "integrated_sum": lambda slope, start, x, steps: (
                (x - start) * steps * _gathered(slope, start, x, steps)
            ),
            "integrated_one_look": lambda slope, start, x, steps: (x - start) * slope(x),
        },
        cases=((lambda t: 3 * t**2, 1.0, 3.0, 4), (lambda t: float(t < 1), -1.0, 2.0, 6)),
    ),
    "share": Exercise(
        right=lambda attribution, mask: np.abs(attribution)[mask].sum() / np.abs(attribution).sum(),
        mistakes={
            "share_signed": lambda attribution, mask: attribution[mask].sum() / attribution.sum(),
            "share_area": lambda attribution, mask: mask.mean(),
            "share_mean": lambda attribution, mask: (
                np.abs(attribution)[mask].mean() / np.abs(attribution).mean()
            ),
            "share_positive": lambda attribution, mask: (
                np.maximum(attribution, 0)[mask].sum() / np.maximum(attribution, 0).sum()
            ),
            "share_outside": lambda attribution, mask: (
                np.abs(attribution)[~mask].sum() / np.abs(attribution).sum()
            ),
        },
        cases=((_SHARES, _MASK), (_SHARES.T[1:4], _MASK.T[1:4])),
    ),
    "gap": Exercise(
        right=_gap,
        mistakes={
            "gap_signed": lambda shares, before, after: (
                (shares.sum() - (after - before)) / (after - before)
            ),
            "gap_absolute": lambda shares, before, after: abs(shares.sum() - (after - before)),
            "gap_after": lambda shares, before, after: abs(shares.sum() - after) / abs(after),
            "gap_absolute_shares": lambda shares, before, after: _gap(
                np.abs(shares), before, after
            ),
        },
        cases=((_SHARES, -1.5, 2.5), (_SHARES[:2], 3.0, 1.0)),
    ),
}
