"""The moving kernel in a page from disk: its sums, its three ways to move, its growing output."""

import numpy as np
import pytest
from looks import MODEL, number, numbers, put, settle, trait

from cnnbook import convolution
from cnnbook.figures import KernelMotion


def total(page):
    settle(page)
    return number(page.locator(".motion-total").inner_text())


def output_texts(page):
    settle(page)
    return page.locator(".motion-output .motion-cell text").all_text_contents()


@pytest.mark.parametrize("directions", [1, 2, 3])
def test_javascript_convolves_as_numpy_does(open_figure, directions):
    """Random boxes; the reference is conv1d, conv2d or conv3d, each on its own number of axes."""
    page = open_figure(KernelMotion())
    random = np.random.default_rng(directions)
    reference = getattr(convolution, f"conv{directions}d")
    cases = []
    for _ in range(60):
        channels = random.integers(1, 4)
        kernel_size = random.integers(1, 4, directions)
        size = kernel_size + random.integers(0, 4, directions)
        cases.append([random.integers(-9, 10, (channels, *s)) for s in (size, kernel_size)])
    boxes = [
        [a.reshape(len(a), *[1] * (3 - directions), *a.shape[1:]).tolist() for a in case]
        for case in cases
    ]
    call = "(cases) => cases.map((c) => cnnbookFigures.kernel_motion.convolve(...c))"
    for (box, kernel), answer in zip(cases, page.evaluate(call, boxes), strict=True):
        expected = reference(box[None], kernel[None])[0, 0]
        assert np.array_equal(np.reshape(answer, expected.shape), expected)
        assert np.size(answer) == expected.size


def test_the_keyboard_moves_along_every_direction_and_no_other(open_figure):
    page = open_figure(KernelMotion())
    everywhere = ("ArrowRight", "ArrowDown", "]", "PageDown", "ArrowLeft", "ArrowUp", "[", "PageUp")
    visited = {}
    for directions in (1, 2, 3):
        page.get_by_role("button", name=f"{directions}D").click()
        page.locator(".motion-boards").focus()
        page.keyboard.press("Home")
        visited[directions] = []
        for key in everywhere:
            page.keyboard.press(key)
            visited[directions].append("".join(map(str, trait(page, "position"))))
        assert page.get_by_role("slider").count() == directions
    assert visited[1] == ["001", "001", "001", "001", "000", "000", "000", "000"]
    assert visited[2] == ["001", "011", "011", "011", "010", "000", "000", "000"]
    assert visited[3] == ["001", "011", "111", "211", "210", "200", "100", "000"]


def test_the_output_fills_cell_by_cell(open_figure):
    figure = KernelMotion(directions=3)
    page = open_figure(figure)
    assert output_texts(page) == [f"{figure.output[0, 0, 0]}", *["·"] * 26]
    page.locator(".motion-boards").focus()
    page.keyboard.press("]")
    page.keyboard.press("ArrowRight")
    assert [i for i, text in enumerate(output_texts(page)) if text != "·"] == [0, 9, 10]
    assert total(page) == figure.output[1, 0, 1]
    words = figure.words
    page.get_by_role("button", name=words["all"], exact=True).click()
    settle(page)
    assert numbers(page, ".motion-output .motion-cell text") == figure.output.ravel().tolist()
    page.get_by_role("button", name=words["reset"], exact=True).click()
    assert output_texts(page).count("·") == 26 and trait(page, "position") == [0, 0, 0]


def test_mouse_and_sliders_move_the_window(open_figure):
    figure = KernelMotion(directions=3)
    page = open_figure(figure)
    page.locator(".motion-output .motion-cell[data-place='2,1,0'] text").click(force=True)
    assert trait(page, "position") == [2, 1, 0] and total(page) == figure.output[2, 1, 0]
    page.locator(".motion-input .motion-cell[data-place='1,2,2'] text").click(force=True)
    assert trait(page, "position") == [1, 2, 2]  # a window of 2 begins at the cell
    page.locator(".motion-kernel .motion-cell").first.click(force=True)
    assert trait(page, "position") == [1, 2, 2]  # the kernel is no place to go to
    page.get_by_role("slider", name=figure.words["axis_depth"]).fill("3")
    assert trait(page, "position") == [2, 2, 2] and total(page) == figure.output[2, 2, 2]
    page.get_by_role("button", name="2D").click()
    page.locator(".motion-input .motion-cell[data-place='0,4,3'] text").click(force=True)
    assert trait(page, "position") == [0, 3, 2]  # the middle of a 3 × 3 window


def test_channels_are_added_and_each_is_written_out(open_figure):
    figure = KernelMotion(directions=2, position=[0, 1, 3])
    page = open_figure(figure)
    one = total(page)
    assert one == figure.output[0, 1, 3]
    page.get_by_role("button", name=figure.words["two_channels"]).click()
    figure.channels = 2
    assert total(page) == figure.output[0, 1, 3] != one
    assert page.locator(".motion-input").count() == 2
    assert page.locator(".motion-output").count() == 1
    assert page.locator(".motion-sum .term").count() == 18
    assert "nn.Conv2d(2, 1, kernel_size=(3, 3))" in page.locator(".motion-facts").inner_text()
    assert "y (1, 1, 4, 4)" in page.locator(".motion-facts").inner_text()


def test_space_plays_to_the_end_and_python_can_choose(open_figure):
    figure = KernelMotion()
    page = open_figure(figure)
    page.locator(".motion-boards").focus()
    page.keyboard.press("Space")
    page.wait_for_function(f"String({MODEL}.get('position')) === '0,0,5'")
    settle(page)
    assert page.get_by_role("button", name=figure.words["play"]).count() == 1
    assert "·" not in output_texts(page)
    put(page, directions=3)  # its old position does not exist here
    assert page.locator(".motion-output .motion-cell").count() == 27
    assert total(page) == KernelMotion(3).output[0, 0, 2]


def test_python_and_page_agree_on_the_state():
    """No browser: what is refused, what the text says, what the picture shows."""
    figure = KernelMotion(directions=3, channels=2, position=[1, 1, 2])
    assert figure.alternative_text().endswith(f"{figure.output[1, 1, 2]}입니다.")
    assert "3 × 3 × 3" in figure.alternative_text()
    figure.directions = 1
    assert figure.position == [0, 0, 2] and figure.output.tolist() == [[[3, 6, 7, 4, -2, -3]]]
    assert "(3)" in figure.alternative_text()
    texts = [t.get_text() for axes in figure.still().axes for t in axes.texts]
    assert texts[-6:] == ["3", "6", "7", "4", "−2", "−3"]
    for bad, message in (
        ({"directions": 4}, "directions is 4"),
        ({"channels": 3}, "channels is 3"),
        ({"position": [0, 0, 6]}, "position is"),
        ({"position": [1, 0, 0]}, "position is"),
        ({"signal": (np.ones((1, 4)), np.ones((1, 5)))}, "signal has an input"),
        ({"signal": (np.ones((1, 11)), np.ones((1, 3)))}, "up to 10"),
        ({"picture": (np.ones((3, 3)), np.ones((1, 2, 2)))}, "picture has shape"),
        ({"volume": (np.ones((1, 6, 6, 6)), np.ones((1, 3, 3, 4)))}, "at most 27"),
        ({"volume": (np.ones((3, 2, 2, 2)), np.ones((3, 1, 1, 1)))}, "1 or 2 channels"),
        ({"signal": ([[np.nan, 1]], [[1]])}, "finite"),
    ):
        with pytest.raises(ValueError, match=message):
            KernelMotion(**bad)
