"""What a plot says of itself is what is drawn: a wrong label, curve or number cannot hide."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from cnnbook import language, plots


@pytest.fixture(autouse=True)
def korean():
    language.set_language("ko")
    plots.use_book_style()
    yield
    language.set_language("ko")


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


def test_colour_pictures_keep_their_channels(shown):
    red = np.zeros((1, 3, 4, 4), dtype=np.uint8)
    red[0, 0] = 255
    plots.pictures(red)
    picture = Image.open(io.BytesIO(shown[0]["image/png"])).convert("RGB")
    colours = [colour for count, colour in picture.getcolors() if count > 100]
    assert (255, 0, 0) in colours


def test_signed_pictures_are_centred_on_zero(shown):
    plots.pictures(np.array([[[-1.0, 0.0, 1.0, 0.5]]]), signed=True)
    picture = Image.open(io.BytesIO(shown[0]["image/png"])).convert("RGB")
    width, height = picture.size
    left, middle, right = (
        np.array(picture.getpixel((int(width * x), height // 2))) for x in (0.13, 0.38, 0.62)
    )
    assert left[1] < left[0] and left[1] < left[2]  # purple below zero
    assert middle.min() > 240  # white at zero
    assert right[1] > right[0] and right[1] > right[2]  # green above


def test_numbers(shown):
    plots.numbers(
        [np.array([[1, -2]]), np.array([[3]])], titles=["ㄱ", "ㄴ"], marked=[[(0, 1)], []]
    )
    assert shown[0]["text/plain"] == "그림: ㄱ [[ 1, -2]] · ㄴ [[3]]"
    size_of(shown[0])


def test_lines(shown):
    language.set_language("en")
    plots.lines([0, 1], {"CNN": [0.5, 0.25]}, "It falls", "px", "share", errors={"CNN": [0.1, 0.1]})
    assert shown[0]["text/plain"] == (
        "Picture: It falls · horizontal px, vertical share · line CNN (2 points): 0.5 0.25"
    )
    size_of(shown[0])


def test_answers_tell_right_from_wrong(shown):
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
    plots.answers(np.ones((2, 1, 2, 2)), ["신발", "가방"], [0, 0], probabilities)
    said = shown[0]["text/plain"]
    assert "신발 90 %\n✓" in said and "가방 80 %\n✗ ← 신발" in said


def test_a_given_alternative_wins_and_hangul_has_glyphs(shown, recwarn):
    from matplotlib.figure import Figure

    figure = Figure()
    figure.suptitle("합성곱층의 특성맵 − 100 % ✓")
    plots.show(figure, "말로")
    assert shown[0]["text/plain"] == "말로"
    assert not [w for w in recwarn if "Glyph" in str(w.message)]


@pytest.mark.parametrize("times, grows", [(1, False), (6, True)])
def test_nothing_is_cut_off(times, grows):
    figure = Figure(figsize=(3, 2), dpi=100, layout="constrained")
    figure.subplots().set_title("a title " * times, loc="left")
    picture = Image.open(io.BytesIO(plots.png(figure)))
    assert picture.height == pytest.approx(200, abs=1)
    assert picture.width > 310 if grows else picture.width == 300
    assert (np.asarray(picture.convert("L"))[:, [0, -1]] == 255).all()  # nothing at the edges
