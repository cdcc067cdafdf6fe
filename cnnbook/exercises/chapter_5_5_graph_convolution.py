"""Exercises of 5.5, graph convolutional networks: right answers and the usual wrong ones."""

import numpy as np

from cnnbook.exercises import Exercise


def _adjacency(n, edges, both=True, add=False):
    table = np.zeros((n, n))
    for i, j in edges:
        for a, b in ((i, j), (j, i)) if both else ((i, j),):
            table[a, b] = table[a, b] + 1 if add else 1
    return table


def _with_loops(table):
    return table + np.eye(len(table))


def _scaled(table, degree):
    return table / np.sqrt(np.outer(degree, degree))


def _relu(x):
    return np.maximum(x, 0)


def _walks(table, k):
    return np.linalg.matrix_power(table.astype(int), k)


_RANDOM = np.random.default_rng(55)
_EDGES = ((0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (4, 5))
_HOUSE = _adjacency(6, _EDGES).astype(int)
_STAR = _adjacency(5, ((0, 1), (0, 2), (0, 3), (3, 4))).astype(int)
_HAT = _scaled(_with_loops(_STAR), _with_loops(_STAR).sum(axis=1))
_X = _RANDOM.normal(size=(5, 3)).round(2)
_W1, _W2 = _RANDOM.normal(size=(3, 4)).round(2), _RANDOM.normal(size=(4, 2)).round(2)

EXERCISES = {
    "by-hand": Exercise(
        right=1 / np.sqrt(6),
        mistakes={
            "no_loops_by_hand": 1 / np.sqrt(2),
            "mean_of_listener": 1 / 2,
            "mean_of_speaker": 1 / 3,
            "no_root": 1 / 6,
            "not_scaled": 1,
        },
        tolerance=2e-3,
    ),
    "adjacency": Exercise(
        right=_adjacency,
        mistakes={
            "one_way": lambda n, edges: _adjacency(n, edges, both=False),
            "counted": lambda n, edges: _adjacency(n, edges, add=True),
            "with_loops": lambda n, edges: _with_loops(_adjacency(n, edges)),
            "laplacian": lambda n, edges: (
                np.diag(_adjacency(n, edges).sum(axis=1)) - _adjacency(n, edges)
            ),
        },
        cases=((6, _EDGES), (4, ((0, 1), (3, 1), (1, 3))), (3, ((2, 0),))),
    ),
    "normalise": Exercise(
        right=lambda A: _scaled(_with_loops(A), _with_loops(A).sum(axis=1)),
        mistakes={
            "no_loops": lambda A: _scaled(A, A.sum(axis=1)),
            "mean": lambda A: _with_loops(A) / _with_loops(A).sum(axis=1, keepdims=True),
            "old_degree": lambda A: _scaled(_with_loops(A), A.sum(axis=1)),
            "product": lambda A: (
                _with_loops(A) / np.outer(_with_loops(A).sum(axis=1), _with_loops(A).sum(axis=1))
            ),
        },
        cases=((_HOUSE,), (_STAR,)),
    ),
    "layers": Exercise(
        right=lambda a, x, w1, w2: a @ _relu(a @ x @ w1) @ w2,
        mistakes={
            "no_activation": lambda a, x, w1, w2: a @ (a @ x @ w1) @ w2,
            "relu_at_end": lambda a, x, w1, w2: _relu(a @ _relu(a @ x @ w1) @ w2),
            "once": lambda a, x, w1, w2: _relu(a @ x @ w1) @ w2,
            "deaf": lambda a, x, w1, w2: _relu(x @ w1) @ w2,
            "early_relu": lambda a, x, w1, w2: a @ (a @ _relu(x @ w1)) @ w2,
        },
        cases=((_HAT, _X, _W1, _W2),),
    ),
    "reach": Exercise(
        right=lambda A, v, k: int((_walks(_with_loops(A), k)[v] > 0).sum()),
        mistakes={
            "exactly_k": lambda A, v, k: int((_walks(A, k)[v] > 0).sum()),
            "neighbours_only": lambda A, v, k: int(A[v].sum()) + 1,
            "without_itself": lambda A, v, k: int((_walks(_with_loops(A), k)[v] > 0).sum()) - 1,
            "walks": lambda A, v, k: int(_walks(_with_loops(A), k)[v].sum()),
        },
        cases=((_HOUSE, 0, 1), (_HOUSE, 0, 2), (_HOUSE, 5, 3), (_STAR, 4, 2)),
    ),
}
