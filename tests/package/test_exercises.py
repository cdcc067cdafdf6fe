"""Every exercise: its solution is right, each known mistake gets its own hint, in ko and en."""

import io
import json
import re
import sys
from decimal import Decimal
from fractions import Fraction
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

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
CONV, IN_3D = "5_1_2_1_convolution_layer", "5_1_3_convolution_in_1d_2d_3d"
# How each hint begins, and no other of its chapter: who rewords a hint rewords it here, too.
BEGIN = json.loads(Path(__file__).with_name("hints.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True, params=language.LANGUAGES)
def edition(request):
    language.set_language(request.param)
    return request.param


@pytest.mark.parametrize("chapter, name, exercise", ALL, ids=IDS)
def test_right_unattempted_and_every_mistake_gets_its_hint(chapter, name, exercise):
    key = f"{chapter}/{name}"
    assert examine(key, exercise.right)[0] == "right"
    assert examine(key, ...)[0] == "unattempted"
    assert examine(key, None)[0] == "unattempted"
    if exercise.cases:
        assert examine(key, lambda *arguments: ...)[0] == "unattempted"
    assert len(exercise.mistakes) >= 3
    for hint, known in exercise.mistakes.items():
        expected = ("wrong", language.text(f"{chapter}.hint_{hint}"))
        assert examine(key, known) == expected


class Stubborn:
    """An object that answers every question with an error."""

    def _refuse(self, *arguments, **named):
        raise RuntimeError("no")

    __eq__ = __array__ = __len__ = __iter__ = __repr__ = __str__ = __bool__ = __float__ = _refuse
    __hash__ = object.__hash__


class Silent(Exception):
    def __str__(self):
        raise RuntimeError("no")


def silently_fails(*arguments):
    raise Silent


def shape_as_a_list(x_shape, f, kernel):
    return [x_shape[0], f] + [n - k + 1 for n, k in zip(x_shape[2:], kernel, strict=True)]


LEFT = torch.tensor([[-1.0, -1, 2], [-1, 2, -1], [2, -1, -1]])
POOLED, STRIDE = "5_1_2_2_pooling_layer/by-hand", f"{CONV}/stride"
RIGHT = {f"{chapter}/{name}": exercise.right for chapter, name, exercise in ALL}
TABLE = [[4, 5], [8, 7]]


@pytest.mark.parametrize(
    "name, answer",
    [
        ("5_0_start_here/pixels", torch.tensor(784.0, requires_grad=True)),
        ("5_0_start_here/pixels", torch.tensor(784.0).bfloat16()),
        ("5_0_start_here/pixels", Fraction(784)),
        ("5_0_start_here/pixels", Decimal(784)),
        (POOLED, torch.tensor(TABLE, dtype=torch.float32, requires_grad=True)),
        (POOLED, [torch.tensor([4.0, 5.0], requires_grad=True), [8, np.float32(7)]]),
        (POOLED, torch.tensor(TABLE).to_sparse()),
        (POOLED, tuple(map(tuple, TABLE))),
        (f"{IN_3D}/left", LEFT[:, None]),
        (f"{IN_3D}/by-hand", np.float64(5)),
        (f"{IN_3D}/shape", shape_as_a_list),
        (f"{CONV}/by-hand", 0),
        (f"{CONV}/size", lambda n, k, s, p: int((n - k + 2 * p) / s) + 1),
        (f"{CONV}/parameters", lambda c, f, kh, kw: kh * kw * c * f + f),
        (STRIDE, lambda *case: torch.tensor(RIGHT[STRIDE](*case)).float().requires_grad_()),
    ],
)
def test_numbers_are_taken_however_they_come(name, answer):
    assert examine(name, answer)[0] == "right"


NO_NUMBERS = [[[4, 5], [8]], [[4, 5], "8"], "4 5 8 7", {"a": 4}, {4, 5}, 4j, b"4", object()]
NO_NUMBERS += [Stubborn(), [Stubborn()], torch.nn.Linear(1, 1), np.array(["a"]), lambda: 4]
NO_NUMBERS += [torch.zeros(2, 2, device="meta"), (n for n in range(4))]


@pytest.mark.parametrize("answer", NO_NUMBERS, ids=lambda answer: type(answer).__name__)
def test_what_is_no_number_gets_a_sentence(answer, edition):
    for name, given in [(POOLED, answer), (f"{CONV}/by-hand", answer), (STRIDE, lambda *c: answer)]:
        status, message = examine(name, given)
        assert status == "wrong" and type(answer).__name__ in message, message


def only_valid_for_squares(image, kernel, s):
    size = (image.shape[0] - kernel.shape[0]) // s + 1
    return np.zeros((size, size))


@pytest.mark.parametrize(
    "name, answer, said",
    [
        (POOLED, np.full((2, 2), np.nan), ""),
        (POOLED, np.zeros((3000, 3000)), "(3000, 3000)"),
        (POOLED, [TABLE], "(1, 2, 2)"),
        (f"{IN_3D}/left", LEFT, "3, 3"),
        (f"{CONV}/by-hand", -1, "편향"),
        (f"{CONV}/by-hand", [0], "(1,)"),
        (f"{CONV}/by-hand", False, "bool"),  # == in place of =
        ("5_1_1_why_convolution/by-hand", 3 + 1e-4, ""),
        (f"{CONV}/size", lambda n: 4, "TypeError"),
        (f"{CONV}/size", silently_fails, "Silent"),
        (f"{CONV}/size", lambda n, k, s, p: "{size}", "str"),
        (f"{CONV}/size", lambda n, k, s, p: n == k, "bool"),
        (f"{CONV}/size", lambda n, k, s, p: (n - k + 2 * p) / s + 1, "//"),
        (f"{CONV}/size", lambda n, k, s, p: round((n - k + p) // s + 1), "2p"),
        (f"{CONV}/size", lambda n, k, s, p: n / 0, "ZeroDivisionError"),
        (f"{CONV}/size", 4, "함수"),
        (f"{CONV}/parameters", lambda c, f, kh, kw: kh * kw * c * f, "편향"),
        (f"{CONV}/receptive", lambda layers: 1 + sum(k - 1 for k, s, d in layers), ""),
        (STRIDE, only_valid_for_squares, "(3, 3)"),
    ],
)
def test_answers_as_readers_write_them_are_wrong_with_a_reason(name, answer, said, edition):
    status, message = examine(name, answer)
    assert status == "wrong" and message
    if edition == "ko" or said.isascii():
        assert said in message


def test_an_interruption_is_none_of_our_business():
    def solve(*arguments):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine(f"{CONV}/size", solve)


def test_an_answer_that_writes_into_its_arguments_spoils_nothing():
    def spoil(*arguments):
        for argument in arguments:
            if isinstance(argument, (list, tuple)):
                spoil(*argument)
            if isinstance(argument, list):
                argument.clear()
            elif isinstance(argument, np.ndarray):
                argument *= 0
        return 0

    for name, right in RIGHT.items():
        if callable(right):
            examine(name, spoil)
            assert examine(name, right)[0] == "right", name


@pytest.mark.parametrize("encoding", ["cp949", "ascii", "latin-1", "utf-8"])
def test_check_prints_a_mark_and_a_sentence_even_where_the_mark_does_not_exist(
    encoding, monkeypatch
):
    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", output)
    for answer in (0, ..., 3):
        check(f"{CONV}/by-hand", answer)
    output.flush()
    said = output.buffer.getvalue().decode(encoding)
    assert said.count("\n") == 3
    if encoding == "utf-8":
        assert re.fullmatch(r"✓ .+\n… .+\n✗ .+\n", said)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_hint_belongs_to_a_mistake_and_to_no_other(chapter, edition):
    hints = {k: v for k, v in language.words(chapter).items() if k.startswith("hint_")}
    mistakes = [name for other, _, e in ALL if other == chapter for name in e.mistakes]
    assert sorted(hints) == sorted({f"hint_{name}" for name in mistakes})
    assert len(set(hints.values())) == len(hints)
    begin = {f"hint_{name}": words[edition] for name, words in BEGIN[chapter].items()}
    assert set(begin) == set(hints)
    for name, words in begin.items():  # two hints that changed places would be noticed
        assert [one for one in hints if hints[one].startswith(words)] == [name]


def test_an_unknown_exercise_is_named():
    with pytest.raises(ValueError, match="by-hnad.*by-hand"):
        examine(f"{CONV}/by-hnad", 0)
    with pytest.raises(ValueError, match="no chapter '9_9'"):
        examine("9_9/by-hand", 0)
