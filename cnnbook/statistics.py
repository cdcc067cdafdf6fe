"""How sure a measured number is: the standard errors of means, differences and accuracies.

Chapter 5.2 works them out by hand; every other chapter uses these.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from cnnbook.arrays import numbers_of


def standard_error(values: ArrayLike) -> float:
    """The standard error of the mean of `values` (n,): s / √n, with s from n − 1.

    Raises ValueError for fewer than two values: one run says nothing about its own spread.

    >>> standard_error([1, 2, 3])
    0.5773502691896258
    """
    runs = _runs(values, "values")
    return float(runs.std(ddof=1) / math.sqrt(len(runs)))


def difference(first: ArrayLike, second: ArrayLike, *, paired: bool = False) -> tuple[float, float]:
    """The mean of `first` (n,) minus that of `second` (m,), and the standard error of that.

    paired : the i-th of both share a seed; what the seed does to both then cancels, and the error
        is that of the mean of the n differences. Else √(s₁²/n + s₂²/m) (Welch 1947).

    Raises ValueError for fewer than two values, or for paired ones of different number.

    >>> difference([3, 4, 5], [1, 2, 3])
    (2.0, 0.8164965809277261)
    >>> difference([3, 4, 5], [1, 2, 3], paired=True)
    (2.0, 0.0)
    """
    ours, theirs = _runs(first, "first"), _runs(second, "second")
    if not paired:
        error = math.hypot(standard_error(ours), standard_error(theirs))
        return float(ours.mean() - theirs.mean()), error
    if len(ours) != len(theirs):
        raise ValueError(f"first has {len(ours)} runs, second {len(theirs)}; pairs need as many")
    return float((ours - theirs).mean()), standard_error(ours - theirs)


def accuracy_error(accuracy: float, pictures: int) -> float:
    """The standard error √(p(1 − p)/N) of an accuracy p in 0 … 1 measured on N `pictures`.

    It is about other pictures of the same kind, not about other seeds.

    Raises ValueError if `accuracy` is outside 0 … 1 or `pictures` below 1.

    >>> round(accuracy_error(0.86, 10_000), 4)
    0.0035
    """
    if not 0 <= accuracy <= 1:
        raise ValueError(f"accuracy is {accuracy!r}; it must be in 0 … 1")
    if pictures < 1:
        raise ValueError(f"pictures is {pictures!r}; it must be 1 or more")
    return math.sqrt(accuracy * (1 - accuracy) / pictures)


def _runs(values: ArrayLike, name: str) -> np.ndarray:
    runs = numbers_of(values, name).astype(float)
    if runs.ndim != 1 or len(runs) < 2:
        raise ValueError(f"{name} has shape {runs.shape}; it must hold two runs or more, (n,)")
    return runs
