"""Shuffle and shift in a page from disk: moved, shuffled and dragged as a reader does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from looks import settle

from cnnbook import language
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
WIDTHS = (1280, 640, 360)


def explorer(**changes):
    state = {"picture": PICTURE, "weights": WEIGHTS, "window": (2, 8)}
    return ShuffleExplorer(**(state | changes))


def measured(**changes):
    return explorer(shifted=SHIFTED, mixed=MIXED, **changes)


def trait(page, name):
    model = "document.querySelector('.cnnbook-place').cnnbookModel"
    return page.evaluate(f"{model}.get('{name}')")


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


@pytest.mark.parametrize("name", ["ko", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("make", [explorer, lambda: measured(weights=WEIGHTS + 100, shuffled=True)])
def test_opens_in_both_languages_and_themes_at_every_width(open_figure, name, theme, make):
    language.set_language(name)
    figure = make()
    page = open_figure(figure, theme=theme)
    asleep = open_figure(figure, theme=theme, java_script_enabled=False)
    root = page.locator(".cnnbook-figure")
    assert root.get_attribute("lang") == name and root.get_attribute("data-theme") == theme
    assert asleep.locator("img").get_attribute("alt") == figure.alternative_text()
    for width in WIDTHS:
        heights = []
        for one in (page, asleep):
            one.set_viewport_size({"width": width, "height": 800})
            heights.append(one.locator(".cnnbook-figure").bounding_box()["height"])
        settle(page)
        assert heights[0] == heights[1], width  # nothing jumps when it wakes up
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        inside = page.locator(".shuffle-controls").bounding_box()["width"] + 0.5
        assert page.locator(".shuffle-table").bounding_box()["width"] <= inside, width
        wide = "(nodes) => nodes.filter((n) => n.scrollWidth > n.clientWidth + 1).length"
        assert page.locator(".cnnbook-figure td, .cnnbook-figure button").evaluate_all(wide) == 0


def test_keys_shift_and_shuffle_and_the_sums_follow(open_figure):
    figure = explorer()
    page = open_figure(figure)
    page.locator(".shuffle-moves").focus()
    assert rows(page) == expected(figure)
    for key, state in [
        ("ArrowRight", {"shift": 1}),
        ("ArrowRight", {"shift": 2}),
        ("Space", {"shuffled": True}),
        ("ArrowLeft", {"shift": 1}),
        ("End", {"shift": 5}),
        ("Home", {"shift": 0, "shuffled": False}),
        ("Space", {"shuffled": True}),
    ]:
        page.keyboard.press(key)
        assert rows(page) == expected(figure, **state), key
    # the message of the chapter, in this state: the dense sum is the same, the other is not
    assert [row[2] for row in rows(page).values()] == [
        figure.words["same"],
        figure.words["changed"],
    ]
    page.keyboard.press("Home")
    for _ in range(7):
        page.keyboard.press("ArrowLeft")
    assert trait(page, "shift") == -5
    assert rows(page) == expected(figure, shift=-5, shuffled=False)
    assert [row[2] for row in rows(page).values()] == [
        figure.words["changed"],
        figure.words["same"],
    ]
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
    page.get_by_role("slider", name=figure.words["shift"]).fill("3")
    page.get_by_role("button", name=figure.words["shuffle"]).click()
    assert rows(page) == expected(figure, shift=3, shuffled=True)
    assert page.get_by_role("button", pressed=True).count() == 1
    page.get_by_role("button", name=figure.words["back"]).click()
    assert rows(page) == expected(figure, shift=0, shuffled=False)
    slider = page.get_by_role("slider", name=figure.words["shift"])
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert trait(page, "shift") == -1  # once, not twice
    assert rows(page) == expected(figure, shift=-1)


def test_the_nine_marks_are_where_the_pixels_went(open_figure):
    figure = explorer()
    page = open_figure(figure)
    page.locator(".shuffle-moves").focus()

    def drawn():
        settle(page)
        board = page.locator(".shuffle-moves").bounding_box()
        boxes = [m.bounding_box() for m in page.locator(".shuffle-moves .shuffle-mark").all()]
        return sorted(
            (
                round((b["y"] - board["y"]) / board["height"] * 12),
                round((b["x"] - board["x"]) / board["width"] * 20),
            )
            for b in boxes
        )

    assert drawn() == [(i, j) for i in (2, 3, 4) for j in (8, 9, 10)] == figure.marks()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    figure.shift, figure.shuffled = 1, True
    assert drawn() == sorted(figure.marks())
    values = figure.arranged(figure.moved(1))
    seen = sorted(int(values[place]) for place in drawn())
    assert seen == sorted(PICTURE[2:5, 8:11].flat)  # the same nine pixels


def test_measured_accuracies_follow(open_figure):
    figure = measured()
    page = open_figure(figure)
    page.locator(".shuffle-moves").focus()

    def shown():
        return [row[3] for row in rows(page).values()]

    assert shown() == ["90.0 %", "91.0 %"]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert shown() == ["70.0 %", "71.0 %"]
    page.keyboard.press("Space")
    assert shown() == [figure.words["unmeasured"]] * 2
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    assert shown() == ["89.0 %", "79.0 %"]
    assert "0.0 %" not in explorer().alternative_text()
    assert "90.0 %" in figure.alternative_text() and "91.0 %" in figure.alternative_text()


def test_pixels_pushed_out_are_counted(open_figure):
    full = np.ones((8, 8), int)
    figure = ShuffleExplorer(full, full, window=(0, 0))
    page = open_figure(figure)
    page.locator(".shuffle-moves").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    settle(page)
    assert figure.text("lost", count=16) in page.locator("[aria-live=polite]").inner_text()


def test_javascript_sums_as_python_does(open_figure):
    page = open_figure(explorer())
    random = np.random.default_rng(1)
    for _ in range(60):
        shape = tuple(random.integers(6, 20, 2))
        picture, weights = random.integers(0, 256, shape), random.integers(-20, 21, shape)
        figure = ShuffleExplorer(
            picture,
            weights,
            kernel=random.integers(-5, 6, (3, 3)),
            order=random.permutation(picture.size),
            window=(0, 0),
            shuffled=bool(random.integers(2)),
            shift=int(random.integers(-5, 6)),
        )
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


def test_tables_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="must be the same"):
        ShuffleExplorer(PICTURE, WEIGHTS[:, 1:])
    with pytest.raises(ValueError, match="whole numbers"):
        ShuffleExplorer(PICTURE + 0.5, WEIGHTS)
