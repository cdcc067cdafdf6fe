"""Exercises of 5.1.3, convolution in 1D, 2D and 3D: right answers and the usual wrong ones."""

from math import prod

import numpy as np

from cnnbook.exercises import Exercise

_RANDOM = np.random.default_rng(513)
_IMAGE = _RANDOM.integers(-3, 4, (3, 4, 5))
_WEIGHT = _RANDOM.integers(-3, 4, (2, 3))
_RIGHT = 3 * np.eye(3, dtype=int) - 1  # frames, columns


def _shape(x_shape, f, kernel, less=1):
    return (x_shape[0], f, *[n - k + less for n, k in zip(x_shape[2:], kernel, strict=True)])


def _cheaper(c, f, k, depthwise=1, pointwise=1):
    return c * f * k / (depthwise * c * k + pointwise * c * f)


def _pixelwise(image, weight):
    return np.tensordot(weight, image, axes=1)


def _reshaped(image, weight):
    return np.moveaxis(image.reshape(*image.shape[1:], -1) @ weight.T, -1, 0)


EXERCISES = {
    "by-hand": Exercise(
        right=5,
        mistakes={
            "no_bias": 4,
            "one_channel": -2 + 1,
            "bias_twice": 6,
            "flipped": (1 * -1 + 4 * 2) + (0 * 2 + 3 * 1) + 1,
            "next_cell": (4 * 2 + 2 * -1) + (3 * 1 + 1 * 2) + 1,
            "mean": (-2 + 6) / 2 + 1,
        },
    ),
    "shape": Exercise(
        right=_shape,
        mistakes={
            "channels_kept": lambda x, f, kernel: _shape(x, x[1], kernel),
            "no_plus_one": lambda x, f, kernel: _shape(x, f, kernel, less=0),
            "same_size": lambda x, f, kernel: (x[0], f, *x[2:]),
            "no_batch": lambda x, f, kernel: _shape(x, f, kernel)[1:],
            "filters_last": lambda x, f, kernel: (x[0], *_shape(x, f, kernel)[2:], f),
        },
        cases=(
            ((8, 2, 100), 16, (5,)),
            ((1, 3, 32, 30), 8, (3, 5)),
            ((4, 1, 16, 20, 24), 2, (3, 2, 5)),
        ),
    ),
    "left": Exercise(
        right=_RIGHT[:, None, ::-1],
        mistakes={
            "to_right": _RIGHT[:, None],
            "negated": -_RIGHT[:, None],
            "upright": np.array([[[-1, 2, -1]]] * 3),
            "no_zero_sum": 2 * np.eye(3)[:, None, ::-1],
            "time_last": _RIGHT[None, :, ::-1],
        },
    ),
    "cost": Exercise(
        right=lambda c, f, kernel: _cheaper(c, f, prod(kernel)),
        mistakes={
            "only_depthwise": lambda c, f, kernel: _cheaper(c, f, prod(kernel), pointwise=0),
            "only_pointwise": lambda c, f, kernel: _cheaper(c, f, prod(kernel), depthwise=0),
            "upside_down": lambda c, f, kernel: 1 / _cheaper(c, f, prod(kernel)),
            "kernel_sum": lambda c, f, kernel: _cheaper(c, f, sum(kernel)),
            "depthwise_filters": lambda c, f, kernel: _cheaper(c, f, prod(kernel), f / c),
        },
        cases=((64, 128, (3, 3)), (16, 8, (5,)), (32, 48, (3, 3, 3))),
    ),
    "pixelwise": Exercise(
        right=_pixelwise,
        mistakes={
            "channels_last": lambda image, weight: image.transpose(1, 2, 0) @ weight.T,
            "reshaped": _reshaped,
            "axes_swapped": lambda image, weight: _pixelwise(image, weight).transpose(0, 2, 1),
            "not_mixed": lambda image, weight: weight.sum(1)[:, None, None] * image.sum(0),
        },
        cases=((_IMAGE, _WEIGHT), (_IMAGE[:, :, :4], _WEIGHT.T[:, [0, 1, 1]])),
    ),
}
