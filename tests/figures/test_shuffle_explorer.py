"""Shuffle and shift in a page from disk: moved, shuffled and dragged as a reader does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from looks import put, settle, trait

from cnnbook.figures import ShuffleExplorer

RANDOM = np.random.default_rng(0)
PICTURE = np.zeros((12, 20), int)
PICTURE[2:9, 8:12] = RANDOM.integers(1, 256, (7, 4))  # room for 5 px and the kernel on both sides
WEIGHTS = RANDOM.integers(-9, 10, PICTURE.shape)
SHIFTED = {
    "dense": [0.9, 0.8, 0.7, 0.6, 0.5, 0.4],
    "convolution": [0.91, 0.81, 0.71, 0.61, 0.51, 0.41],
}
MIXED = {"dense": 0.89, "convolution": 0.79}


def explorer(**changes):
    state = {"picture": PICTURE, "weights": WEIGHTS, "window": (2, 8)}
    return ShuffleExplorer(**(state | changes))


def measured(**changes):
    return explorer(shifted=SHIFTED, mixed=MIXED, **changes)


def rows(page):
    """The table as {row: texts of its cells}."""
    settle(page)
    lines = page.locator(".shuffle-table tr").all()[1:]
    names = ("dense", "convolution")
    return {
        name: [cell.inner_text().strip() for cell in line.locator("td").all()]
        for name, line in zip(names, lines, strict=True)
    }


def written(number):
    return f"{number:,}".replace("-", "−")


def expected(figure, **state):
    """What the table must say in a state: sums from Python."""
    for name, value in state.items():
        setattr(figure, name, value)
    sums = figure.sums()
    return {
        name: [
            written(sums[f"{name}_before"]),
            written(sums[name]),
            figure.words["same" if sums[name] == sums[f"{name}_before"] else "changed"],
        ]
        for name in ("dense", "convolution")
    }


def test_the_table_says_the_sums_of_python(open_figure):
    """And the message of the chapter: which sum each of the two changes leaves as it was."""
    figure = explorer()
    page = open_figure(figure)
    for state, verdicts in [
        ({"shift": 0}, ["same", "same"]),
        ({"shuffled": True}, ["same", "changed"]),
        ({"shift": 2}, ["changed", "changed"]),
        ({"shift": -5, "shuffled": False}, ["changed", "same"]),
    ]:
        put(page, **state)
        assert rows(page) == expected(figure, **state)
        assert [row[2] for row in rows(page).values()] == [figure.words[one] for one in verdicts]
    sums = {name: written(figure.sums()[name]) for name in ("dense", "convolution")}
    said = figure.text("here", shift="−5", order=figure.words["in_order"], **sums)
    assert page.locator("[aria-live=polite]").inner_text() == said


def test_mouse_drags_the_picture_and_presses_the_buttons(open_figure):
    figure = explorer()
    page = open_figure(figure)
    box = page.locator(".shuffle-moves").bounding_box()
    x, y, cell = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"] / 20
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 3.2 * cell, y + 9)
    page.mouse.move(x - 0.2 * cell, y)
    settle(page)
    assert "−0" not in page.locator("[aria-live=polite]").inner_text()
    page.mouse.move(x + 3.2 * cell, y + 9)
    page.mouse.up()
    page.mouse.move(x, y)  # let go: it stays
    assert trait(page, "shift") == 3
    page.mouse.dblclick(x, y)
    assert rows(page) == expected(figure, shift=0)
    page.locator(".shuffle-title.picture").hover()  # pressed elsewhere and drawn over the picture
    page.mouse.down()
    page.mouse.move(x, y, steps=3)
    page.mouse.up()
    assert trait(page, "shift") == 0
    slider = page.get_by_role("slider", name=figure.words["shift"])
    slider.fill("3")
    page.get_by_role("button", name=figure.words["shuffle"]).click()
    assert rows(page) == expected(figure, shift=3, shuffled=True)
    assert page.get_by_role("button", pressed=True).count() == 1
    page.get_by_role("button", name=figure.words["back"]).click()
    assert rows(page) == expected(figure, shift=0, shuffled=False)
    slider.press("ArrowLeft")
    assert trait(page, "shift") == -1  # once, not twice
    assert rows(page) == expected(figure, shift=-1)


def test_the_nine_marks_are_where_the_pixels_went(open_figure):
    figure = explorer()
    page = open_figure(figure)

    def drawn():
        settle(page)
        board = page.locator(".shuffle-moves").bounding_box()
        boxes = [m.bounding_box() for m in page.locator(".shuffle-moves .shuffle-mark").all()]
        rows = [round((box["y"] - board["y"]) / board["height"] * 12) for box in boxes]
        columns = [round((box["x"] - board["x"]) / board["width"] * 20) for box in boxes]
        return sorted(zip(rows, columns, strict=True))

    assert drawn() == [(i, j) for i in (2, 3, 4) for j in (8, 9, 10)] == figure.marks()
    put(page, shift=1, shuffled=True)
    figure.shift, figure.shuffled = 1, True
    assert drawn() == sorted(figure.marks())
    values = figure.arranged(figure.moved(1))
    seen = sorted(int(values[place]) for place in drawn())
    assert seen == sorted(PICTURE[2:5, 8:11].flat)  # the same nine pixels


def test_measured_accuracies_follow(open_figure):
    figure = measured()
    page = open_figure(figure)
    unmeasured = figure.words["unmeasured"]
    for state, accuracies in [
        ({"shift": 0}, ["90.0%", "91.0%"]),
        ({"shift": -2}, ["70.0%", "71.0%"]),
        ({"shuffled": True}, [unmeasured, unmeasured]),
        ({"shift": 0}, ["89.0%", "79.0%"]),
    ]:
        put(page, **state)
        assert [row[3] for row in rows(page).values()] == accuracies
    assert "0.0%" not in explorer().alternative_text()
    assert "90.0%" in figure.alternative_text() and "91.0%" in figure.alternative_text()


def test_pixels_pushed_out_are_counted(open_figure):
    full = np.ones((8, 8), int)
    figure = ShuffleExplorer(full, full, window=(0, 0), shift=2)
    page = open_figure(figure)
    settle(page)
    assert figure.text("lost", count=16) in page.locator("[aria-live=polite]").inner_text()


def test_javascript_sums_as_python_does(open_figure):
    page = open_figure(explorer())
    random = np.random.default_rng(1)
    for _ in range(60):
        shape = tuple(random.integers(6, 20, 2))
        picture, weights = random.integers(0, 256, shape), random.integers(-20, 21, shape)
        state = {"shuffled": bool(random.integers(2)), "shift": int(random.integers(-5, 6))}
        state |= {"order": random.permutation(picture.size), "window": (0, 0)}
        kernel = random.integers(-5, 6, (3, 3))
        figure = ShuffleExplorer(picture, weights, kernel=kernel, **state)
        tables = ("picture", "weights", "kernel")
        state = {name: getattr(figure, name).tolist() for name in tables}
        state |= {"order": figure.order, "shuffled": figure.shuffled, "shift": figure.shift}
        found = page.evaluate("(s) => cnnbookFigures.shuffle_explorer.derive(s)", state)
        sums = figure.sums()
        for name in ("dense", "convolution"):
            assert found["before"][name] == sums[f"{name}_before"]
            assert found["now"][name] == sums[name]
        seen = figure.arranged(figure.moved(figure.shift))
        assert found["seen"] == seen.tolist()
        assert found["map"] == figure.feature_map(seen).tolist()


@settings(max_examples=30, deadline=None)
@given(st.integers(-5, 5), st.booleans())
def test_what_the_chapter_says_of_the_two_sums(shift, shuffled):
    """Shuffling never changes the dense sum; shifting inside the picture never the other."""
    sums = explorer(shift=shift).sums()
    assert sums["convolution"] == sums["convolution_before"]
    mixed = explorer(shift=shift, shuffled=shuffled).sums()
    assert mixed["dense"] == sums["dense"]


@pytest.mark.parametrize(
    "state, message",
    [
        ({"shift": 6}, "shift is 6"),
        ({"weights": WEIGHTS[:, 1:]}, "must be the same"),
        ({"picture": PICTURE + 0.5}, "whole numbers"),
        ({"window": (10, 0)}, r"window is \[10, 0\]"),
        ({"kernel": np.ones((2, 2))}, r"kernel has shape \(2, 2\)"),
        ({"order": [0, 1, 2]}, "order must hold"),
        ({"shifted": {"dense": [0.5]}}, "shifted holds dense"),
        ({"mixed": {"CNN": 0.5}}, "mixed holds CNN"),
        ({"mixed": {"dense": 85.0}}, "mixed holds dense"),
    ],
)
def test_what_cannot_be_shown_is_refused(state, message):
    with pytest.raises(ValueError, match=message):
        explorer(**state)
