"""Answers at once for the exercise cells: right, not attempted yet, or the hint that fits.

An exercise knows the right answer and the answers of people who made a known mistake. What the
reader hands in is compared with both, so that the hint speaks about the reader's own mistake. The
exercises of a chapter stand in the module named after it, their words in ``cnnbook/words``.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from importlib import import_module
from typing import Any

import numpy as np

from cnnbook.arrays import numbers_of
from cnnbook.language import say, text


@dataclass
class Exercise:
    """One exercise.

    right : the right answer: a value, or a function when there are `cases`
    mistakes : {name of the hint: the answer that this mistake gives}, of the same kind
    cases : argument tuples on which the reader's function is tried; none for a plain value
    tolerance : how far a real number may be off, absolute and relative
    """

    right: Any
    mistakes: dict[str, Any] = field(default_factory=dict)
    cases: tuple = ()
    tolerance: float = 1e-6


def check(name: str, answer: object) -> None:
    """Say at once whether `answer` solves the exercise `name` ("CHAPTER/NAME")."""
    status, message = examine(name, answer)
    say({"right": "✓", "unattempted": "…", "wrong": "✗"}[status], message)


def examine(name: str, answer: object) -> tuple[str, str]:
    """What `check` prints, as ``(status, message)``.

    `status` is "right", "unattempted" or "wrong". Numbers may come as lists, arrays or tensors of
    any kind; whatever else is handed in is wrong, with a sentence that says why. ValueError if
    there is no such exercise.
    """
    chapter, exercise = _find(name)
    if answer is None or answer is ...:
        return "unattempted", text("exercises.unattempted")
    if not exercise.cases:
        return _judge(exercise, chapter, [answer])
    if not callable(answer):
        return "wrong", text("exercises.not_a_function", kind=type(answer).__name__)

    answers = []
    for case in exercise.cases:
        try:
            found = answer(*deepcopy(case))  # a copy: the answer may write into its arguments
        except Exception as error:
            return "wrong", text("exercises.raised", case=_short(case), reason=_reason(error))
        if found is None or found is ...:
            return "unattempted", text("exercises.unattempted")
        answers.append(found.copy() if isinstance(found, np.ndarray) else found)
    return _judge(exercise, chapter, answers)


def _find(name):
    """The chapter and the exercise of that name."""
    chapter, _, short = str(name).partition("/")
    try:
        exercises = import_module(f"cnnbook.exercises.chapter_{chapter}").EXERCISES
    except ModuleNotFoundError:
        raise ValueError(f"exercise is {name!r}; there is no chapter {chapter!r}") from None
    if short not in exercises:
        raise ValueError(f"exercise is {name!r}; the chapter has {', '.join(exercises)}")
    return chapter, exercises[short]


def _judge(exercise, chapter, answers):
    def solves(known):
        """One truth value a case: whether the answer is that of `known`."""
        expected = [known(*deepcopy(case)) for case in exercise.cases] or [known]
        return [
            _same(one, _numbers(other), exercise.tolerance)
            for one, other in zip(found, expected, strict=True)
        ]

    found = [_numbers(answer) for answer in answers]
    right = solves(exercise.right)
    if all(right):
        return "right", text("exercises.right")
    for hint, known in exercise.mistakes.items():
        if all(solves(known)):
            return "wrong", text(f"{chapter}.hint_{hint}")
    first = right.index(False)
    case = exercise.cases[first] if exercise.cases else None
    wanted = exercise.right if case is None else exercise.right(*deepcopy(case))
    return "wrong", _complaint(case, answers[first], found[first], wanted)


def _complaint(case, answer, found, wanted):
    """What is wrong with an `answer` that no known mistake gives."""
    shape = np.shape(wanted)
    if found is None or _is_truth_value(found):
        key = "not_numbers" if shape else "not_a_number"
        return text(f"exercises.{key}", kind=type(answer).__name__, wanted=shape)
    if found.shape != shape:
        return text("exercises.shape", found=found.shape, wanted=shape)
    if case is None:
        return text("exercises.value")
    return text("exercises.case", case=_short(case), found=_short(found), wanted=_short(wanted))


def _same(a, b, tolerance):
    if a is None or a.shape != b.shape or _is_truth_value(a) != _is_truth_value(b):
        return False
    with np.errstate(all="ignore"):  # of infinities and small types
        return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True))


def _is_truth_value(array):
    """True or False: 1 and 0 in a table of numbers, but no answer where one number is asked."""
    return array.dtype == bool and not array.shape


def _numbers(answer):
    """`answer` as an array, None where it is none."""
    try:
        return numbers_of(float(answer) if isinstance(answer, (Fraction, Decimal)) else answer)
    except (ValueError, OverflowError):
        return None


def _reason(error):
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # its words raise an error themselves
        return type(error).__name__


def _short(value):
    if isinstance(value, tuple) and any(isinstance(v, np.ndarray) for v in value):
        return ", ".join(_short(v) for v in value)
    if isinstance(value, np.ndarray):
        if value.size > 16:
            return f"array{value.shape}"
        return np.array2string(value, separator=", ").replace("\n", "")
    return str(value)
