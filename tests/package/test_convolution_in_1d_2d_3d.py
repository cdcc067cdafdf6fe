"""The exercises of 5.1.3: every known mistake gets its own hint, and no other answer's."""

import json

import numpy as np
import pytest

from cnnbook import language
from cnnbook.exercises import examine
from cnnbook.exercises.chapter_5_1_3_convolution_in_1d_2d_3d import EXERCISES
from cnnbook.language import text

CHAPTER = "5_1_3_convolution_in_1d_2d_3d"
MISTAKES = [(name, hint) for name, exercise in EXERCISES.items() for hint in exercise.mistakes]


@pytest.mark.parametrize("name, hint", MISTAKES)
def test_a_mistake_gets_its_own_hint(name, hint):
    status, message = examine(f"{CHAPTER}/{name}", EXERCISES[name].mistakes[hint])
    assert (status, message) == ("wrong", text(f"{CHAPTER}.hint_{hint}"))


@pytest.mark.parametrize("name", EXERCISES)
def test_the_right_answer_is_right_and_there_are_hints_enough(name):
    assert examine(f"{CHAPTER}/{name}", EXERCISES[name].right)[0] == "right"
    assert len(EXERCISES[name].mistakes) >= 3


def test_every_hint_belongs_to_a_mistake():
    path = language.__file__.replace("language.py", f"words/{CHAPTER}.json")
    with open(path, encoding="utf-8") as file:
        hints = {key.removeprefix("hint_") for key in json.load(file) if key.startswith("hint_")}
    assert hints == {hint for _, hint in MISTAKES}


def test_answers_of_another_kind_are_taken():
    """A list for a tuple, floats for integers, a tensor for an array; not a wrong shape."""
    import torch

    def shape(x_shape, f, kernel):
        return [x_shape[0], f] + [n - k + 1 for n, k in zip(x_shape[2:], kernel, strict=True)]

    assert examine(f"{CHAPTER}/shape", shape)[0] == "right"
    left = torch.tensor([[-1.0, -1, 2], [-1, 2, -1], [2, -1, -1]])
    assert examine(f"{CHAPTER}/left", left[:, None])[0] == "right"
    status, message = examine(f"{CHAPTER}/left", left)
    assert status == "wrong" and "3, 3" in message
    assert examine(f"{CHAPTER}/by-hand", np.float64(5))[0] == "right"
