"""What a reader hands in, as an array: lists, NumPy arrays, and tensors of any kind."""

import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np


def numbers_of(value: object, name: str = "value") -> np.ndarray:
    """`value` as an array of whole numbers, real numbers or truth values; it may be shared.

    Tensors may need a gradient, be sparse or lie on another device. What NumPy has no type for,
    such as bfloat16, becomes float32. ValueError if it is no array of such numbers.
    """
    try:
        array = np.asarray(_without_tensors(value))
    except Exception as error:  # whatever a foreign object raises when it is asked for its numbers
        if "inhomogeneous" in str(error):
            raise ValueError(f"{name} is {shortened(value)}; its rows differ in length") from None
        raise ValueError(f"{name} is {shortened(value)}; it must hold numbers") from None
    if array.dtype.kind not in "biuf":
        found = f"has type {array.dtype}" if array.ndim else f"is {shortened(value)}"
        raise ValueError(f"{name} {found}; it must hold whole or real numbers")
    return array


def whole_number(name: str, value: Any, least: float = -math.inf, most: float = math.inf) -> int:
    """`value` (of Python, NumPy or torch) as int; ValueError if it is none from least to most.

    True and False are no whole numbers here, nor are 2.0 and "2".
    """
    try:
        number = (
            None if str(getattr(value, "dtype", "")).endswith("bool") else operator.index(value)
        )
    except (TypeError, ValueError, RuntimeError):  # an array or a tensor of several
        number = None
    if isinstance(value, bool) or number is None or not least <= number <= most:
        limits = f", {least} or more" if most == math.inf else f", from {least} to {most}"
        limits = "" if least == -math.inf else limits
        raise ValueError(f"{name} is {shortened(value)}; it must be a whole number{limits}")
    return number


def whole_numbers(value: Any, least: float = -math.inf) -> tuple[int, ...] | None:
    """`value`, a whole number or several, as a tuple of ints; None if one is none from `least`."""
    value = value.tolist() if hasattr(value, "tolist") else value  # an array or a NumPy number
    several = value if isinstance(value, (tuple, list)) else (value,)
    try:
        return tuple(whole_number("value", one, least) for one in several)
    except ValueError:
        return None


def shortened(value: object, limit: int = 120) -> str:
    """``repr(value)`` on one line and cut off, or the name of its type where that fails."""
    try:
        words = " ".join(repr(value).split())
    except Exception:  # a foreign object may raise anything
        return f"a {type(value).__name__}"
    return words if len(words) <= limit else f"{words[:limit]}…"


def _without_tensors(value) -> Any:
    """`value` with its tensors, also those in lists, as arrays; NumPy takes only plain ones."""
    if hasattr(value, "detach"):
        tensor = value.detach().cpu().to_dense().resolve_conj().resolve_neg()
        try:
            return tensor.numpy()
        except TypeError:  # a type that NumPy has not
            return tensor.float().numpy()
    if isinstance(value, (list, tuple)) and any(_is_nested(one) for one in value):
        return [_without_tensors(one) for one in value]
    return value


def _is_nested(value):
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, np.ndarray))
