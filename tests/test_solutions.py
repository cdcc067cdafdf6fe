"""The folded solutions solve the exercises, and an untouched exercise says so.

Each exercise runs as the reader would have it: the cell as printed, then the solution below it in
the same namespace, then the answer of the cell's last line is examined again.
"""

import ast

import notebook_checks as checks
import numpy as np
import pytest

import cnnbook
from cnnbook.exercises import examine
from notebooks import LANGUAGES

CASES = [
    pytest.param(exercise, id=f"{case.id}:{exercise.name}")
    for case in checks.notebooks_of(*LANGUAGES)
    for exercise in checks.exercises(checks.read(case.values[0]))
]


def solve(exercise, with_solution):
    """The status that `examine` gives to the exercise, with its solution or untouched."""
    import torch
    from torch import nn
    from torch.nn import functional

    namespace = {
        "np": np,
        "torch": torch,
        "F": functional,
        "nn": nn,
        "cnnbook": cnnbook,
        "check": lambda name, answer: None,
    }
    call = checks.check_call(exercise.source)
    cell = ast.parse(exercise.source)
    cell.body.pop()
    exec(compile(cell, exercise.name, "exec"), namespace)
    if with_solution:
        exec(compile(exercise.solution, f"the solution of {exercise.name}", "exec"), namespace)
    name, answer = (eval(ast.unparse(argument), namespace) for argument in call.args)
    return examine(name, answer)


@pytest.mark.parametrize("exercise", CASES)
def test_solution_is_right(exercise):
    assert solve(exercise, with_solution=True)[0] == "right"


@pytest.mark.parametrize("exercise", CASES)
def test_untouched_exercise_is_unattempted(exercise):
    assert solve(exercise, with_solution=False)[0] == "unattempted"
