"""Exercises of 5.1.4, the backward pass: right answers and the usual wrong ones."""

import numpy as np

from cnnbook.exercises import Exercise


def _softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def _logits_gradient(z, label):
    return _softmax(z) - np.eye(len(z))[label]


def _overflowing(z, label):
    with np.errstate(over="ignore", invalid="ignore"):
        return np.exp(z) / np.exp(z).sum() - np.eye(len(z))[label]


_G = np.array([[1.0, -2.0], [0.5, 3.0], [0.0, 1.0]])
_X = np.array([[2.0, 0.0, 1.0], [1.0, 4.0, -1.0], [3.0, 1.0, 2.0]])

EXERCISES = {
    "by-hand": Exercise(
        right=[1, -1],
        mistakes={
            "turned": [-1, 1],
            "no_gradient": [3, 4],
            "mean": [1 / 3, -1 / 3],
            "last_window": [-1, -3],
            "bias": 2,
        },
    ),
    "input": Exercise(
        right=np.convolve,
        mistakes={
            "not_turned": lambda g, w: np.convolve(g, w[::-1]),
            "no_padding": lambda g, w: np.convolve(g, w, "valid"),
            "same_size": lambda g, w: np.convolve(g, w, "same"),
            "overwritten": lambda g, w: np.concatenate([g[:-1] * w[0], g[-1] * w]),
            "gradient_only": lambda g, w: np.convolve(g, np.ones(len(w))),
        },
        cases=(
            (np.array([1.0, 2.0, -1.0]), np.array([1.0, 3.0])),
            (np.array([2.0, 0.0, 1.0, 5.0]), np.array([1.0, -1.0, 4.0])),
        ),
    ),
    "linear": Exercise(
        right=lambda g, x: g.T @ x,
        mistakes={
            "transposed": lambda g, x: x.T @ g,
            "mean": lambda g, x: g.T @ x / len(x),
            "one_picture": lambda g, x: np.outer(g[0], x[0]),
            "bias": lambda g, x: g.sum(axis=0),
        },
        cases=((_G, _X), (_G[:2], _X[:2, :2])),
    ),
    "logits": Exercise(
        right=_logits_gradient,
        mistakes={
            "sign": lambda z, label: -_logits_gradient(z, label),
            "probabilities": lambda z, label: _softmax(z),
            "only_the_true_one": lambda z, label: (_softmax(z) - 1) * np.eye(len(z))[label],
            "mean": lambda z, label: _logits_gradient(z, label) / len(z),
            "overflow": _overflowing,
        },
        cases=(
            (np.array([2.0, 1.0, 0.0]), 1),
            (np.array([0.0, 0.0, 3.0, 1.0]), 0),
            (np.array([1000.0, 999.0]), 1),
        ),
    ),
}
