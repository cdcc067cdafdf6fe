"""Exercises of 5.2, FashionMNIST: right answers and the usual wrong ones."""

import numpy as np

from cnnbook.exercises import Exercise


def _batches(n, batch_size, drop_last):
    return n // batch_size if drop_last else -(-n // batch_size)


def _relu(x):
    return np.maximum(x, 0)


_RANDOM = np.random.default_rng(52)
_LOGITS = _RANDOM.normal(size=(8, 8)).round(2)
_LABELS = np.array([0, 1, 2, 2, 4, 1, 6, 7])
_LABELS[:5] = _LOGITS[:5].argmax(axis=1)
_CONFUSION = np.array([[8, 1, 1], [2, 5, 5], [0, 3, 15]])
_X = _RANDOM.normal(size=(4, 6)).round(2)
_W2, _W3 = _RANDOM.normal(size=(6, 5)).round(2), _RANDOM.normal(size=(5, 3)).round(2)


def _fc2(x):
    return x @ _W2


def _fc3(x):
    return x @ _W3


EXERCISES = {
    "batches": Exercise(
        right=_batches,
        mistakes={
            "fraction": lambda n, size, drop: n / size,
            "one_too_few": lambda n, size, drop: n // size,
            "drop_ignored": lambda n, size, drop: -(-n // size),
            "one_too_many": lambda n, size, drop: n // size if drop else n // size + 1,
            "drop_swapped": lambda n, size, drop: _batches(n, size, not drop),
        },
        cases=((105, 20, False), (105, 20, True), (100, 20, False), (7, 10, True)),
    ),
    "accuracy": Exercise(
        right=lambda logits, labels: (logits.argmax(axis=1) == labels).mean(),
        mistakes={
            "count": lambda logits, labels: (logits.argmax(axis=1) == labels).sum(),
            "percent": lambda logits, labels: 100 * (logits.argmax(axis=1) == labels).mean(),
            "axis": lambda logits, labels: (logits.argmax(axis=0) == labels).mean(),
            "lowest": lambda logits, labels: (logits.argmin(axis=1) == labels).mean(),
            "error_rate": lambda logits, labels: (logits.argmax(axis=1) != labels).mean(),
        },
        cases=((_LOGITS, _LABELS), (-_LOGITS, _LABELS)),
    ),
    "recall": Exercise(
        right=lambda confusion, c: confusion[c, c] / confusion[c].sum(),
        mistakes={
            "precision": lambda confusion, c: confusion[c, c] / confusion[:, c].sum(),
            "of_all": lambda confusion, c: confusion[c, c] / confusion.sum(),
            "overall": lambda confusion, c: confusion.trace() / confusion.sum(),
            "not_divided": lambda confusion, c: confusion[c, c],
        },
        cases=((_CONFUSION, 0), (_CONFUSION, 1), (_CONFUSION, 2)),
    ),
    "deviation": Exercise(
        right=lambda scores: (np.mean(scores), np.std(scores, ddof=1)),
        mistakes={
            "by_n": lambda scores: (np.mean(scores), np.std(scores)),
            "variance": lambda scores: (np.mean(scores), np.var(scores, ddof=1)),
            "standard_error": lambda scores: (
                np.mean(scores),
                np.std(scores, ddof=1) / np.sqrt(len(scores)),
            ),
            "range": lambda scores: (np.mean(scores), np.max(scores) - np.min(scores)),
        },
        cases=((np.array([88.0, 89.5, 90.1]),), (np.array([0.5, 0.7]),)),
    ),
    "head": Exercise(
        right=lambda x, fc2, fc3: fc3(_relu(fc2(_relu(x)))),
        mistakes={
            "no_activation": lambda x, fc2, fc3: fc3(fc2(x)),
            "only_first": lambda x, fc2, fc3: fc3(fc2(_relu(x))),
            "only_second": lambda x, fc2, fc3: fc3(_relu(fc2(x))),
            "on_logits": lambda x, fc2, fc3: _relu(fc3(_relu(fc2(_relu(x))))),
        },
        cases=((_X, _fc2, _fc3),),
    ),
}
