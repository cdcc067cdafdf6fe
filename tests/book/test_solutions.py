"""The folded solutions solve the exercises, and an untouched exercise says so.

Each exercise runs as the reader would have it: the cell as printed, then the solution below it in
the same namespace, then the answer of the cell's last line is examined again.
"""

import ast

import numpy as np
import pytest

import cnnbook
import notebooks
from checks.exercises import check_call, exercises
from checks.files import read
from cnnbook.exercises import examine

CASES = [
    pytest.param(exercise, id=f"{path.parent.name}/{path.stem}:{exercise.name}")
    for path in notebooks.find()
    for exercise in exercises(read(path))
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
    call = check_call(exercise.source)
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
