"""Every exercise: its solution is right, each known mistake gets its own hint, in ko and en."""

import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from cnnbook import exercises, language
from cnnbook.exercises import check, examine

FILES = sorted(Path(exercises.__file__).parent.glob("chapter_*.py"))
CHAPTERS = [path.stem.removeprefix("chapter_") for path in FILES]
ALL = [
    (chapter, name, exercise)
    for chapter in CHAPTERS
    for name, exercise in import_module(f"cnnbook.exercises.chapter_{chapter}").EXERCISES.items()
]
IDS = [f"{chapter}/{name}" for chapter, name, _ in ALL]
HINTS = [
    pytest.param(chapter, name, hint, known, id=f"{chapter}/{name}:{hint}")
    for chapter, name, exercise in ALL
    for hint, known in exercise.mistakes.items()
]
CONV = "5_1_2_convolution_layer"


@pytest.fixture(autouse=True, params=language.LANGUAGES)
def edition(request):
    language.set_language(request.param)
    yield request.param
    language.set_language("ko")


@pytest.mark.parametrize("chapter, name, exercise", ALL, ids=IDS)
def test_right_unattempted_and_enough_mistakes(chapter, name, exercise):
    key = f"{chapter}/{name}"
    assert examine(key, exercise.right)[0] == "right"
    assert examine(key, ...)[0] == "unattempted"
    assert examine(key, None)[0] == "unattempted"
    if exercise.cases:
        assert examine(key, lambda *arguments: ...)[0] == "unattempted"
    assert len(exercise.mistakes) >= 3


@pytest.mark.parametrize("chapter, name, hint, known", HINTS)
def test_each_mistake_gets_the_hint_that_fits(chapter, name, hint, known):
    expected = ("wrong", language.text(f"{chapter}.hint_{hint}"))
    assert examine(f"{chapter}/{name}", known) == expected


# Answers as readers write them, independent of the book's own list of mistakes.


def only_valid_for_squares(image, kernel, s):
    size = (image.shape[0] - kernel.shape[0]) // s + 1
    return np.zeros((size, size))


READERS = [
    ("by-hand", 0, "right", ""),
    ("by-hand", -1, "wrong", "편향"),
    ("by-hand", 17, "wrong", ""),
    ("by-hand", "0", "wrong", ""),
    ("size", lambda n, k, s, p: int((n - k + 2 * p) / s) + 1, "right", ""),
    ("size", lambda n, k, s, p: (n - k + 2 * p) / s + 1, "wrong", "//"),
    ("size", lambda n, k, s, p: round((n - k + p) // s + 1), "wrong", "2p"),
    ("size", lambda n, k, s, p: n / 0, "wrong", "ZeroDivisionError"),
    ("size", 4, "wrong", "함수"),
    ("parameters", lambda c, f, kh, kw: kh * kw * c * f + f, "right", ""),
    ("parameters", lambda c, f, kh, kw: kh * kw * c * f, "wrong", "편향"),
    ("stride", only_valid_for_squares, "wrong", "(3, 3)"),
    ("receptive", lambda layers: 1 + sum(k - 1 for k, s, d in layers), "wrong", ""),
]


@pytest.mark.parametrize("name, answer, status, words", READERS)
def test_answers_as_readers_write_them(name, answer, status, words, edition):
    found, message = examine(f"{CONV}/{name}", answer)
    assert found == status
    if edition == "ko":
        assert words in message


def test_an_answer_that_writes_into_its_arguments_spoils_nothing():
    def solve(image, kernel, s):
        image *= 0
        return np.zeros(1)

    assert examine(f"{CONV}/stride", solve)[0] == "wrong"
    right = dict((name, e) for chapter, name, e in ALL if chapter == CONV)["stride"].right
    assert examine(f"{CONV}/stride", right)[0] == "right"


def test_check_prints_a_mark_and_one_sentence(capsys):
    check(f"{CONV}/by-hand", 0)
    check(f"{CONV}/by-hand", ...)
    check(f"{CONV}/by-hand", 3)
    assert re.fullmatch(r"✓ .+\n… .+\n✗ .+\n", capsys.readouterr().out)


def test_an_unknown_exercise_is_named():
    with pytest.raises(ValueError, match="by-hnad.*by-hand"):
        examine(f"{CONV}/by-hnad", 0)
    with pytest.raises(ValueError, match="no chapter '9_9'"):
        examine("9_9/by-hand", 0)
