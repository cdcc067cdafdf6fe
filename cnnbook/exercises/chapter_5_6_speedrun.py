"""Exercises of 5.6, speed: right answers and the usual wrong ones."""

import numpy as np

from cnnbook.exercises import Exercise


def _triangle(step, total, peak, warm_up):
    progress = step / total
    return peak * min(progress / warm_up, (1 - progress) / (1 - warm_up))


def _model(x):
    """Something that is not linear and not symmetric, (N, 1, H, W) → (N, 3)."""
    weights = np.arange(x[0].size * 3).reshape(-1, 3) % 7 - 3
    return np.maximum(x.reshape(len(x), -1) @ weights, -2.0) ** 2 / 10


_X = np.random.default_rng(56).normal(size=(2, 1, 3, 4)).round(2)

EXERCISES = {
    "count": Exercise(
        right=7 * 7 * 32 * 16 * 3 * 3,
        mistakes={
            "no_channels": 7 * 7 * 32 * 3 * 3,
            "input_size": 14 * 14 * 32 * 16 * 3 * 3,
            "no_window": 7 * 7 * 32 * 16,
            "one_filter": 7 * 7 * 16 * 3 * 3,
            "parameters": 32 * 16 * 3 * 3,
            "additions_too": 2 * 7 * 7 * 32 * 16 * 3 * 3,
            "no_padding": 6 * 6 * 32 * 16 * 3 * 3,
        },
    ),
    "roof": Exercise(
        right=lambda flop, moved, peak, bandwidth: 1e-6 * max(flop / peak, moved / bandwidth),
        mistakes={
            "one_after_the_other": lambda flop, moved, peak, bandwidth: (
                1e-6 * (flop / peak + moved / bandwidth)
            ),
            "the_faster": lambda flop, moved, peak, bandwidth: (
                1e-6 * min(flop / peak, moved / bandwidth)
            ),
            "computing_only": lambda flop, moved, peak, bandwidth: 1e-6 * flop / peak,
            "memory_only": lambda flop, moved, peak, bandwidth: 1e-6 * moved / bandwidth,
            "in_seconds": lambda flop, moved, peak, bandwidth: (
                1e-9 * max(flop / peak, moved / bandwidth)
            ),
            "no_giga": lambda flop, moved, peak, bandwidth: (
                1000 * max(flop / peak, moved / bandwidth)
            ),
        },
        cases=((8e9, 1e9, 100, 10), (1e9, 4e9, 100, 10), (3e10, 1e9, 120, 15)),
    ),
    "schedule": Exercise(
        right=_triangle,
        mistakes={
            "never_falls": lambda step, total, peak, warm_up: peak * min(1, step / total / warm_up),
            "never_rises": lambda step, total, peak, warm_up: peak * (1 - step / total),
            "falls_too_early": lambda step, total, peak, warm_up: (
                peak * min(step / total / warm_up, 1 - step / total)
            ),
            "in_steps": lambda step, total, peak, warm_up: (
                peak * min(step / warm_up, (total - step) / (total - warm_up))
            ),
            "without_peak": lambda step, total, peak, warm_up: _triangle(step, total, 1, warm_up),
        },
        cases=(
            (0, 100, 0.1, 0.2),
            (10, 100, 0.1, 0.2),
            (20, 100, 0.1, 0.2),
            (60, 100, 0.1, 0.2),
            (100, 100, 0.1, 0.2),
            (7, 50, 3.0, 0.3),
        ),  # fmt: skip
    ),
    "twice": Exercise(
        right=lambda model, x: (model(x) + model(x[..., ::-1])) / 2,
        mistakes={
            "upside_down": lambda model, x: (model(x) + model(x[..., ::-1, :])) / 2,
            "pictures_averaged": lambda model, x: model((x + x[..., ::-1]) / 2),
            "mirrored_only": lambda model, x: model(x[..., ::-1]),
            "once": lambda model, x: model(x),
            "sum": lambda model, x: model(x) + model(x[..., ::-1]),
            "order_of_pictures": lambda model, x: (model(x) + model(x[::-1])) / 2,
        },
        cases=((_model, _X), (_model, 2 * _X[:1])),
    ),
}
