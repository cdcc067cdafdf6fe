"""What a plot says of itself is what is drawn: a wrong label, curve or number cannot hide."""

import io

import numpy as np
import pytest
import torch
from matplotlib import font_manager
from matplotlib.figure import Figure
from PIL import Image
from torch import nn

from cnnbook import language, plots


@pytest.fixture(autouse=True)
def book_style():
    plots.use_book_style()


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(plots, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


def size_of(bundle):
    picture = Image.open(io.BytesIO(bundle["image/png"]))
    assert np.asarray(picture.convert("L")).std() > 1, "the picture is empty"
    assert len(bundle["image/png"]) < 60_000
    return picture.size


def test_pictures(shown):
    plots.pictures(np.arange(8.0).reshape(2, 2, 2), titles=["가", "나"], title="위")
    assert shown[0]["text/plain"] == (
        "그림: 위 · 가 · 2 × 2 칸, 최소 0, 최대 3, 평균 1.5"
        " · 나 · 2 × 2 칸, 최소 4, 최대 7, 평균 5.5"
    )
    assert size_of(shown[0])[0] == 300


def picture_in(bundle):
    return Image.open(io.BytesIO(bundle["image/png"])).convert("RGB")


def test_colour_pictures_keep_their_channels(shown):
    red = np.zeros((1, 3, 4, 4), dtype=np.uint8)
    red[0, 0] = 255
    plots.pictures(red)
    picture = picture_in(shown[0])
    colours = [colour for count, colour in picture.getcolors() if count > 100]
    assert (255, 0, 0) in colours


def test_signed_pictures_are_centred_on_zero(shown):
    plots.pictures(np.array([[[-1.0, 0.0, 1.0, 0.5]]]), signed=True)
    picture = picture_in(shown[0])
    width, height = picture.size
    left, middle, right = (
        np.array(picture.getpixel((int(width * x), height // 2))) for x in (0.13, 0.38, 0.62)
    )
    assert left[1] < left[0] and left[1] < left[2]  # purple below zero
    assert middle.min() > 240  # white at zero
    assert right[1] > right[0] and right[1] > right[2]  # green above


def test_numbers_and_lines(shown):
    language.set_language("en")
    plots.numbers([np.array([[1, -2]]), [[3]]], titles=["ㄱ", "ㄴ"], marked=[[(0, 1)], []])
    plots.lines([0, 1], {"CNN": [0.5, 0.25]}, "It falls", "px", "share", errors={"CNN": [0.1, 0.1]})
    assert [bundle["text/plain"] for bundle in shown if size_of(bundle)] == [
        "Picture: ㄱ [[ 1, -2]] · ㄴ [[3]]",
        "Picture: It falls · horizontal px, vertical share · line CNN (2 points): 0.5 0.25",
    ]


def test_answers_tell_right_from_wrong(shown):
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
    plots.answers(np.ones((2, 1, 2, 2)), ["신발", "가방"], [0, 0], probabilities)
    said = shown[0]["text/plain"]
    assert "신발 90%\n✓" in said and "가방 80%\n✗ ← 신발" in said


CONV = nn.Conv2d(1, 3, 3)
ODD = np.array([[np.nan, 1.0], [np.inf, -np.inf]])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "draw, said",
    [
        (lambda: plots.numbers(np.eye(2) > 0), "[[1, 0], [0, 1]]"),
        (lambda: plots.numbers(np.full((2, 2), 255, np.uint8)), "[[255, 255], [255, 255]]"),
        (lambda: plots.numbers(np.full((1, 2), -128, np.int8), signed=True), "[[-128, -128]]"),
        (lambda: plots.numbers([CONV.weight[0, 0], CONV.weight[1, 0]]), ""),
        (lambda: plots.numbers(ODD), "nan"),
        (lambda: plots.numbers(np.zeros((1, 1)), titles=["$$"]), "$$ [[0.]]"),
        (lambda: plots.pictures(CONV.weight, signed=True), "3 × 3"),
        (lambda: plots.pictures(torch.ones(4, 4)), "4 × 4 칸, 최소 1"),
        (lambda: plots.pictures(np.full((2, 3, 2, 2), True)), "최소 1"),
        (lambda: plots.pictures(np.linspace(-2, 3, 12).reshape(1, 3, 2, 2)), "최소 0, 최대 1"),
        (lambda: plots.pictures(np.arange(-6, 6).reshape(1, 3, 2, 2) * 99), "최소 0, 최대 255"),
        (lambda: plots.pictures(np.full((1, 3, 2, 2), np.nan)), "최소 0"),
        (lambda: plots.pictures([np.ones((2, 2), np.float16), ODD]), "최소 1, 최대 1"),
        (lambda: plots.pictures(np.full((1, 2, 2), -128, np.int8), signed=True), "최소 -128"),
        (lambda: plots.pictures(torch.ones(1, 2, 2).bfloat16()), "최대 1"),
        (lambda: plots.pictures(np.ones((1, 2, 2)), titles=["$$"], title="$x"), "$x · $$"),
        (lambda: plots.lines([0, 1], {"$$": CONV.bias[:2], "$a": [0, 1]}, "$$", "", ""), "선 $$"),
        (lambda: plots.lines([0, 1], {"a": [np.nan, np.inf]}, "", "x", ""), "nan inf"),
        (lambda: plots.answers(CONV.weight, ["$$", "b"], [0] * 3, torch.zeros(3, 2)), "$$ 0%"),
    ],
)
def test_numbers_and_words_are_drawn_as_they_come(shown, draw, said):
    draw()
    assert said in shown[0]["text/plain"]


@pytest.mark.parametrize(
    "draw, words",
    [
        (lambda: plots.pictures([]), "images is empty"),
        (lambda: plots.pictures(nn.Conv2d(16, 3, 3).weight), r"images\[0\] has shape \(16, 3, 3\)"),
        (lambda: plots.pictures(np.ones((1, 2, 2)) * 1j), r"images\[0\] has type complex128"),
        (lambda: plots.pictures(np.ones((1, 2, 2)), titles=["a", "b"]), "titles has 2 entries"),
        (lambda: plots.numbers([]), "arrays is empty"),
        (lambda: plots.numbers(np.zeros((0, 2))), r"arrays\[0\] has shape \(0, 2\)"),
        (lambda: plots.numbers([[[1, 2], [3]]]), r"arrays\[0\] is .* rows differ in length"),
        (lambda: plots.lines([], {"a": []}, "", "", ""), "nothing to draw"),
        (lambda: plots.lines([1], {}, "", "", ""), "nothing to draw"),
        (lambda: plots.lines([1], {"a": [1, 2]}, "", "", ""), r"series\['a'\] has shape \(2,\)"),
        (lambda: plots.answers([], [], [], []), "0 images"),
        (lambda: plots.answers(CONV.weight, ["a"], [0, 0, 0], np.ones((3, 2))), "classes has 1"),
        (lambda: plots.answers(CONV.weight, ["a", "b"], [0], np.ones((3, 2))), "labels has 1"),
    ],
)
def test_what_cannot_be_drawn_is_named(draw, words):
    with pytest.raises(ValueError, match=words):
        draw()


@pytest.mark.filterwarnings("error")
def test_a_given_alternative_wins_and_hangul_has_glyphs_from_a_font_that_is_added_once(shown):
    before = len(font_manager.fontManager.ttflist)
    plots.use_book_style()
    assert len(font_manager.fontManager.ttflist) == before
    figure = Figure()
    figure.suptitle("합성곱층의 특성맵 − 100% ✓")
    plots.show(figure, "말로")
    assert shown[0]["text/plain"] == "말로"


@pytest.mark.parametrize("times, grows", [(1, False), (6, True)])
def test_nothing_is_cut_off(times, grows):
    figure = Figure(figsize=(3, 2), dpi=100, layout="constrained")
    figure.subplots().set_title("a title " * times, loc="left")
    picture = Image.open(io.BytesIO(plots.png(figure)))
    assert picture.height == pytest.approx(200, abs=1)
    assert picture.width > 310 if grows else picture.width == 300
    assert (np.asarray(picture.convert("L"))[:, [0, -1]] == 255).all()  # nothing at the edges
