"""Answers at once for the exercise cells: right, not attempted yet, or the hint that fits.

An exercise knows the right answer and the answers of people who made a known mistake. What the
reader hands in is compared with both, so that the hint speaks about the reader's own mistake. The
exercises of a chapter stand in the module named after it, their words in ``cnnbook/words``.
"""

from dataclasses import dataclass, field
from importlib import import_module

import numpy as np

from cnnbook.language import text


@dataclass
class Exercise:
    """One exercise.

    right : the right answer: a value, or a function when there are `cases`
    mistakes : {name of the hint: the answer that this mistake gives}, of the same kind
    cases : argument tuples on which the reader's function is tried; none for a plain value
    tolerance : how far a real number may be off, absolute and relative
    """

    right: object
    mistakes: dict = field(default_factory=dict)
    cases: tuple = ()
    tolerance: float = 1e-6


def check(name, answer):
    """Say at once whether `answer` solves the exercise `name` ("CHAPTER/NAME")."""
    status, message = examine(name, answer)
    print({"right": "✓", "unattempted": "…", "wrong": "✗"}[status], message)


def examine(name, answer):
    """What `check` prints, as ``(status, message)``.

    `status` is "right", "unattempted" or "wrong".

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    chapter, _, short = name.partition("/")
    try:
        exercises = import_module(f"cnnbook.exercises.chapter_{chapter}").EXERCISES
    except ModuleNotFoundError:
        raise ValueError(f"exercise is {name!r}; there is no chapter {chapter!r}") from None
    if short not in exercises:
        raise ValueError(f"exercise is {name!r}; the chapter has {', '.join(exercises)}")
    exercise = exercises[short]

    if answer is None or answer is ...:
        return "unattempted", text("exercises.unattempted")
    if not exercise.cases:
        return _judge(exercise, chapter, [answer], lambda known: [known])
    if not callable(answer):
        return "wrong", text("exercises.not_a_function", kind=type(answer).__name__)

    answers = []
    for case in exercise.cases:
        try:
            answers.append(answer(*_copies(case)))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            return "wrong", text("exercises.raised", case=_short(case), reason=reason)
        if answers[-1] is None or answers[-1] is ...:
            return "unattempted", text("exercises.unattempted")
    return _judge(
        exercise, chapter, answers, lambda known: [known(*_copies(case)) for case in exercise.cases]
    )


def _judge(exercise, chapter, answers, answers_of):
    expected = answers_of(exercise.right)
    wrong = [
        i
        for i, (a, e) in enumerate(zip(answers, expected, strict=True))
        if not _same(a, e, exercise.tolerance)
    ]
    if not wrong:
        return "right", text("exercises.right")
    for hint, known in exercise.mistakes.items():
        pairs = zip(answers, answers_of(known), strict=True)
        if all(_same(a, k, exercise.tolerance) for a, k in pairs):
            return "wrong", text(f"{chapter}.hint_{hint}")
    first = wrong[0]
    if np.shape(answers[first]) != np.shape(expected[first]):
        found, wanted = tuple(np.shape(answers[first])), tuple(np.shape(expected[first]))
        return "wrong", text("exercises.shape", found=found, wanted=wanted)
    if not exercise.cases:
        return "wrong", text("exercises.value")
    case, found, wanted = exercise.cases[first], answers[first], expected[first]
    return "wrong", text(
        "exercises.case", case=_short(case), found=_short(found), wanted=_short(wanted)
    )


def _same(a, b, tolerance):
    if isinstance(b, str) or isinstance(a, str):
        return a == b
    try:
        a, b = np.asarray(a), np.asarray(b)
        return a.shape == b.shape and bool(
            np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
        )
    except (TypeError, ValueError):
        return False


def _copies(case):
    """Fresh arguments, so that an answer that writes into them spoils nothing."""
    return [value.copy() if isinstance(value, np.ndarray) else value for value in case]


def _short(value):
    if isinstance(value, tuple) and any(isinstance(v, np.ndarray) for v in value):
        return ", ".join(_short(v) for v in value)
    if isinstance(value, np.ndarray):
        if value.size > 16:
            return f"array{value.shape}"
        return np.array2string(value, separator=", ").replace("\n", "")
    if hasattr(value, "detach"):  # a tensor
        return _short(value.detach().numpy())
    return str(value)
