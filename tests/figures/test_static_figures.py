"""The convolution explorer in a page from disk: seen, moved and edited as a reader does."""

import numpy as np
import pytest
from looks import numbers, pixels, settle, trait

from cnnbook.figures import ConvolutionExplorer, fragment, share
from cnnbook.figures import page as whole_page

PICTURE = np.add.outer(9 * np.arange(28), np.arange(28)) % 256  # 28 × 28, every row different


def total(page):
    settle(page)
    return page.locator(".total").inner_text()


def test_editing_a_cell_changes_the_output(open_figure):
    figure = ConvolutionExplorer()
    page = open_figure(figure)
    cell = page.get_by_label(figure.text("kernel_cell", row=1, column=2), exact=True)
    cell.click()
    page.keyboard.type("-2")
    page.keyboard.press("ArrowDown")  # to the middle of the kernel
    page.keyboard.type("1/2")
    page.get_by_label(figure.text("input_cell", row=6, column=6), exact=True).click()
    page.keyboard.type("7")
    settle(page)
    kernel, image = figure.kernel.copy(), figure.image.copy()
    kernel[0, 1], kernel[1, 1], image[5, 5] = -2, 0.5, 7
    figure.kernel, figure.image = kernel, image
    assert numbers(page, ".output .cnnbook-cells > *") == list(figure.output.flat)
    assert total(page) == f"= {figure.output[tuple(trait(page, 'position'))]:.3g}".replace("-", "−")
    # what is no number is marked and changes nothing; leaving the cell brings the number back
    page.keyboard.type("x")
    settle(page)
    field = page.get_by_label(figure.text("input_cell", row=6, column=6), exact=True)
    assert field.get_attribute("aria-invalid") == "true"
    assert numbers(page, ".output .cnnbook-cells > *") == list(figure.output.flat)
    page.keyboard.press("ArrowUp")
    assert field.input_value() == "7"


def test_stride_shows_the_floor_and_what_it_drops_and_dilation_what_does_not_fit(open_figure):
    figure = ConvolutionExplorer(position=(3, 3))
    page = open_figure(figure)

    def press(name, key):
        page.get_by_label(figure.words[name], exact=True).focus()
        page.keyboard.press(key)
        settle(page)

    assert page.locator(".dropped:visible").count() == 0
    press("stride", "ArrowRight")
    assert trait(page, "position") == [1, 1]  # of 2 × 2
    formula = page.locator(".formula").inner_text().replace("\n", "").replace("\u00a0", " ")
    assert "⌊(6 + 2·0 − 1·(3 − 1) − 1) / 2⌋ + 1 = ⌊3 / 2⌋ + 1 = 1 + 1 = 2" in formula
    assert figure.text("dropped", rows=1, columns=1) in formula
    grid = page.locator(".input .grid").bounding_box()
    row, column = (node.bounding_box() for node in page.locator(".dropped:visible").all())
    frame = page.locator(".input .frame").bounding_box()  # of the window at (1, 1)
    for side, size, strip in (("x", "width", column), ("y", "height", row)):
        assert frame[side] - grid[side] == pytest.approx(2 / 6 * grid[size], abs=1)
        assert strip[side] - grid[side] == pytest.approx(5 / 6 * grid[size], abs=1)
    press("dilation", "End")
    assert page.locator(".help [role=status]").inner_text() == figure.words["no_output"]
    assert page.locator(".frame:visible").count() == 0
    press("padding", "ArrowRight")
    assert page.locator(".output > .title").inner_text().endswith("1 × 1")


def test_a_picture_is_chosen_and_edited_through_the_window(open_figure):
    figure = ConvolutionExplorer(kernel="vertical_edges", pictures={"slope": PICTURE})
    page = open_figure(figure)
    page.get_by_label(figure.words["picture"]).select_option("slope")
    page.locator(".output .board").focus()
    page.keyboard.press("ArrowDown")
    settle(page)
    assert page.locator(".output > .title").inner_text().endswith("26 × 26")
    assert numbers(page, ".window .cnnbook-cells > *") == list(PICTURE[1:4, 0:3].flat)
    page.get_by_label(figure.text("window_cell", row=1, column=1), exact=True).click()
    page.keyboard.type("250")
    settle(page)
    changed = PICTURE.copy()
    changed[1, 0] = 250
    figure.image, figure.position = changed, [1, 0]
    assert total(page) == f"= {figure.output[1, 0]:.0f}".replace("-", "−")
    # the picture of the output: purple below zero, green above
    red, green, _, _ = pixels(page.locator(".output canvas")).T
    strong = np.abs(figure.output.ravel()) > 0.2 * np.abs(figure.output).max()
    assert list((red > green)[strong]) == list((figure.output.ravel() < 0)[strong])


def test_kernel_presets_and_size(open_figure):
    figure = ConvolutionExplorer()
    page = open_figure(figure)
    page.get_by_label(figure.words["preset"]).select_option(figure.words["kernel_sharpen"])
    settle(page)
    assert numbers(page, ".kernel .cnnbook-cells > *") == [0, -1, 0, -1, 5, -1, 0, -1, 0]
    page.get_by_label(figure.words["kernel_size"], exact=True).focus()
    page.keyboard.press("End")
    settle(page)
    grown = np.pad([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], 1)
    assert numbers(page, ".kernel .cnnbook-cells > *") == list(grown.flat)
    assert page.get_by_label(figure.words["preset"]).input_value() == ""


def test_two_figures_on_a_page_do_not_meet(open_figure):
    figures = [ConvolutionExplorer(), ConvolutionExplorer(position=(2, 2))]
    page = open_figure(figures[0])
    body = "".join(fragment(figure.figure_json(), b"", "") for figure in figures)
    page.set_content(whole_page(body, [figures[0].name], "two", "ko"))
    page.locator(".output .board").first.focus()
    page.keyboard.press("ArrowRight")
    places = page.locator(".cnnbook-place").evaluate_all(
        "(nodes) => nodes.map((node) => node.cnnbookModel.get('position'))"
    )
    assert places == [[0, 1], [2, 2]]


def test_figures_of_a_page_share_what_is_the_same_and_are_what_they_were(chromium, tmp_path):
    """Three figures, the last two with their words and inputs named only; each with its state."""
    made = [ConvolutionExplorer(stride=stride) for stride in (1, 2, 3)]
    made[1].image = PICTURE
    body = "".join(fragment(f.figure_json(), f.png(), f.alternative_text()) for f in made)
    shared = share(body)
    assert len(body) - len(shared) > 2 * len(str(made[0].words))
    assert share(fragment(made[0].figure_json(), "", "")) == fragment(made[0].figure_json(), "", "")
    path = tmp_path / "page.html"
    path.write_text(whole_page(shared, ["convolution_explorer"], "", "ko"), encoding="utf-8")
    page = chromium.new_page()
    page.goto(path.as_uri())
    read = """names => [...document.querySelectorAll('.cnnbook-place')].map(place =>
        Object.fromEntries(names.map(name => [name, place.cnnbookModel.get(name)])))"""
    states = page.evaluate(read, list(made[0].state()))
    assert states == [figure.state() for figure in made]
    page.close()
