"""Exercises of 5.1.1, why convolution: right answers and the usual wrong ones."""

import numpy as np

from cnnbook.exercises import Exercise


def _move_right(picture, d):
    return np.pad(picture, ((0, 0), (d, 0)))[:, : picture.shape[1]]


def _move_left(picture, d):
    return np.pad(picture, ((0, 0), (0, d)))[:, d:]


def _move_down(picture, d):
    return np.pad(picture, ((d, 0), (0, 0)))[: picture.shape[0]]


def _smear(picture, d):
    return np.pad(picture, ((0, 0), (d, 0)), mode="edge")[:, : picture.shape[1]]


def _cut_by_minus_d(picture, d):
    return np.hstack([np.zeros((picture.shape[0], d), picture.dtype), picture[:, :-d]])


def _unshuffle(pixels, order):
    original = np.empty_like(pixels)
    original[order] = pixels
    return original


_RANDOM = np.random.default_rng(511)
_PICTURE = _RANDOM.integers(1, 10, (4, 6))
_ORDER = _RANDOM.permutation(7)
_PIXELS = _RANDOM.permutation(np.arange(10, 80, 10))

EXERCISES = {
    "by-hand": Exercise(
        right=3,
        mistakes={
            "only_pixels": 2 * 1 + 3 * 5 + 1 * (-1) + 0 * 2,
            "only_weights": 3 * (-1) + 0 * 1 + 2 * 2 + 1 * 5,
            "added": 3 + 0 + 2 + 1 + 1 + 5 - 1 + 2,
            "sign": 3 * 1 + 0 * 5 + 2 * 1 + 1 * 2,
        },
    ),
    "place": Exercise(
        right=lambda i, j, height, width: i * width + j,
        mistakes={
            "transposed": lambda i, j, height, width: j * width + i,
            "by_columns": lambda i, j, height, width: j * height + i,
            "height": lambda i, j, height, width: i * height + j,
            "from_one": lambda i, j, height, width: (i - 1) * width + j,
        },
        cases=((0, 5, 28, 28), (3, 1, 28, 28), (2, 4, 6, 9)),
    ),
    "dense": Exercise(
        right=lambda c, f, h, w: (c * h * w + 1) * f * h * w,
        mistakes={
            "no_bias": lambda c, f, h, w: c * h * w * f * h * w,
            "bias_per_map": lambda c, f, h, w: c * h * w * f * h * w + f,
            "one_output": lambda c, f, h, w: (c * h * w + 1) * f,
            "convolution": lambda c, f, h, w: (c * 9 + 1) * f,
        },
        cases=((1, 8, 28, 28), (8, 16, 14, 14), (3, 2, 4, 5)),
    ),
    "move": Exercise(
        right=_move_right,
        mistakes={
            "wraps": lambda picture, d: np.roll(picture, d, axis=1),
            "left": _move_left,
            "down": _move_down,
            "smeared": _smear,
            "minus_zero": _cut_by_minus_d,
            "wider": lambda picture, d: np.pad(picture, ((0, 0), (d, 0))),
        },
        cases=((_PICTURE, 2), (_PICTURE, 0), (_PICTURE.T, 1)),
    ),
    "unshuffle": Exercise(
        right=_unshuffle,
        mistakes={
            "again": lambda pixels, order: pixels[order],
            "untouched": lambda pixels, order: pixels,
            "reversed": lambda pixels, order: pixels[::-1],
            "sorted": lambda pixels, order: np.sort(pixels),
        },
        cases=((_PIXELS, _ORDER), (_PIXELS[:3], np.array([1, 2, 0]))),
    ),
}
