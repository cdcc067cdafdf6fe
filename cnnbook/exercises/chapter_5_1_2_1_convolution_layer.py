"""Exercises of 5.1.2.1, the convolutional layer: right answers and the usual wrong ones."""

import math

import numpy as np

from cnnbook.convolution import conv2d, output_size, receptive_field
from cnnbook.exercises import Exercise


def _convolve(image, kernel, s):
    return conv2d(image[None, None], kernel[None, None], stride=s)[0, 0]


def _starts_at_every_cell(image, kernel, s):
    height, width = _convolve(image, kernel, s).shape
    return _convolve(image, kernel, 1)[:height, :width]


_RANDOM = np.random.default_rng(512)
_IMAGE = _RANDOM.integers(-3, 4, (7, 9))
_KERNEL = np.array([[1, 2], [0, -1], [3, 0]])

EXERCISES = {
    "by-hand": Exercise(
        right=0,
        mistakes={
            "forgot_bias": -1,
            "flipped": 2 * (-1) + 0 * 0 + 1 * 2 + 3 * 1 + 1,
            "added": 2 + 1 + 0 + 2 + 1 + 0 + 3 - 1 + 1,
            "transposed": 2 * 1 + 0 * 0 + 1 * 2 + 3 * (-1) + 1,
            "sign": 2 * 1 + 0 * 2 + 1 * 0 + 3 * 1 + 1,
        },
    ),
    "size": Exercise(
        right=lambda n, k, s, p: output_size(n, k, s, p),
        mistakes={
            "no_floor": lambda n, k, s, p: (n + 2 * p - k) / s + 1,
            "rounded_up": lambda n, k, s, p: math.ceil((n + 2 * p - k) / s) + 1,
            "no_plus_one": lambda n, k, s, p: (n + 2 * p - k) // s,
            "padding_once": lambda n, k, s, p: (n + p - k) // s + 1,
            "no_padding": lambda n, k, s, p: (n - k) // s + 1,
            "no_stride": lambda n, k, s, p: n + 2 * p - k + 1,
            "plus_one_inside": lambda n, k, s, p: (n + 2 * p - k + 1) // s,
        },
        cases=((6, 3, 1, 0), (6, 3, 2, 1), (9, 3, 1, 2), (28, 5, 3, 2), (11, 4, 4, 0)),
    ),
    "parameters": Exercise(
        right=lambda c, f, kh, kw: f * (c * kh * kw + 1),
        mistakes={
            "no_bias": lambda c, f, kh, kw: f * c * kh * kw,
            "one_bias": lambda c, f, kh, kw: f * c * kh * kw + 1,
            "bias_per_channel": lambda c, f, kh, kw: f * c * (kh * kw + 1),
            "no_channels": lambda c, f, kh, kw: f * (kh * kw + 1),
            "square": lambda c, f, kh, kw: f * (c * kh * kh + 1),
        },
        cases=((3, 16, 5, 5), (1, 32, 3, 3), (64, 10, 1, 7)),
    ),
    "stride": Exercise(
        right=_convolve,
        mistakes={
            "stride_flipped": lambda image, kernel, s: _convolve(image, kernel[::-1, ::-1], s),
            "stride_ignored": lambda image, kernel, s: _convolve(image, kernel, 1),
            "stride_only_size": _starts_at_every_cell,
            "stride_swapped": lambda image, kernel, s: _convolve(image, kernel, s).T,
        },
        cases=((_IMAGE, _KERNEL, 2), (_IMAGE, _KERNEL, 1), (_IMAGE, _KERNEL.T, 3)),
    ),
    "receptive": Exercise(
        right=receptive_field,
        mistakes={
            "no_dilation": lambda layers: receptive_field([(k, s, 1) for k, s, d in layers]),
            "no_step": lambda layers: receptive_field([(k, 1, d) for k, s, d in layers]),
            "sum_of_kernels": lambda layers: sum(k for k, s, d in layers),
            "step_too_early": lambda layers: receptive_field(
                [(1, layers[0][1])]
                + [
                    (k, after[1], d)
                    for (k, s, d), after in zip(layers, [*layers[1:], (1, 1, 1)], strict=True)
                ]
            ),
        },
        cases=(
            ([(3, 1, 1), (3, 2, 2), (5, 1, 1)],),
            ([(3, 2, 1), (2, 2, 1), (3, 1, 4)],),
        ),
    ),
}
