"""The convolution explorer in a page from disk: seen, moved and edited as a reader does."""

import numpy as np
import pytest
from looks import SHOWN, assert_it_fits, assert_same_height, settle

from cnnbook import language
from cnnbook.figures import (
    ConvolutionExplorer,
    ExplanationExplorer,
    KernelMotion,
    MessagePassing,
    NetworkExplorer,
    PoolingExplorer,
    fragment,
)
from cnnbook.figures import page as whole_page
from cnnbook.graphs import karate_club

PICTURE = np.add.outer(9 * np.arange(28), np.arange(28)) % 256  # 28 × 28, every row different
WIDTHS = (1280, 760, 360)


def total(page):
    return page.locator(".total").inner_text()


def position(page):
    return page.evaluate("document.querySelector('.cnnbook-place').cnnbookModel.get('position')")


def numbers(page, cells):
    """The numbers of the table at locator `cells`, flat."""
    texts = page.locator(f"{cells} > *").evaluate_all(
        "(nodes) => nodes.map((n) => n.value ?? n.textContent)"
    )
    return [float(text.replace("−", "-")) for text in texts]


@pytest.mark.parametrize("name", ["ko", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("image", [None, PICTURE], ids=["example", "picture"])
def test_opens_in_both_languages_and_themes_at_every_width(open_figure, name, theme, image):
    language.set_language(name)
    figure = ConvolutionExplorer(image, position=(1, 2))
    page = open_figure(figure, theme=theme)
    root = page.locator(".cnnbook-figure")
    assert root.get_attribute("lang") == name
    assert root.get_attribute("data-theme") == theme
    assert page.locator(".output > .title").inner_text().startswith(figure.words["output"])
    assert total(page) == f"= {figure.output[1, 2]:.0f}"
    assert_it_fits(page, WIDTHS, STICKING_OUT)


# Parts whose content sticks out of them, so that it is cut off or covers a neighbour.
STICKING_OUT = """
[...document.querySelectorAll('.part, .part .title, .term, button, .line')].filter((node) =>
  node.scrollWidth > node.clientWidth + 1).map((node) => node.className + ': ' + node.textContent)
"""


@pytest.mark.parametrize("image", [None, PICTURE], ids=["example", "picture"])
def test_wakes_up_in_the_space_of_its_picture(open_figure, image):
    """The still picture reserves the height that the live figure needs: nothing jumps."""
    figure = ConvolutionExplorer(image)
    alive = open_figure(figure)
    asleep = open_figure(figure, java_script_enabled=False)
    assert asleep.locator("img").get_attribute("alt") == figure.alternative_text()
    assert_same_height(asleep, alive, WIDTHS)


def test_the_mouse_moves_the_window(open_figure):
    figure = ConvolutionExplorer()
    page = open_figure(figure)
    for row, column in [(0, 3), (3, 3), (2, 0)]:
        page.locator(f".output .cnnbook-cells > :nth-child({4 * row + column + 1})").hover(
            force=True
        )
        settle(page)
        assert position(page) == [row, column]
        assert total(page) == f"= {figure.output[row, column]:.0f}"
    box = page.locator(".input .grid").bounding_box()  # the middle of the window at (1, 2)
    page.mouse.move(box["x"] + 3.5 / 6 * box["width"], box["y"] + 2.5 / 6 * box["height"])
    settle(page)
    assert position(page) == [1, 2]
    frame = page.locator(".input .frame").bounding_box()
    assert frame["x"] - box["x"] == pytest.approx(2 / 6 * box["width"], abs=1)
    assert frame["y"] - box["y"] == pytest.approx(1 / 6 * box["height"], abs=1)


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
    assert numbers(page, ".output .cnnbook-cells") == list(figure.output.flat)
    assert total(page) == f"= {figure.output[tuple(position(page))]:.3g}".replace("-", "−")
    # what is no number is marked and changes nothing; leaving the cell brings the number back
    page.keyboard.type("x")
    settle(page)
    field = page.get_by_label(figure.text("input_cell", row=6, column=6), exact=True)
    assert field.get_attribute("aria-invalid") == "true"
    assert numbers(page, ".output .cnnbook-cells") == list(figure.output.flat)
    page.keyboard.press("ArrowUp")
    assert field.input_value() == "7"


def test_every_product_is_written_out(open_figure):
    figure = ConvolutionExplorer(kernel="sharpen", position=(1, 1))
    page = open_figure(figure)
    terms = [text.split() for text in page.locator(".term").all_inner_texts()]
    window = figure.image[1:4, 1:4]
    for (x, _, w, product), pixel, weight in zip(
        terms, window.flat, figure.kernel.flat, strict=True
    ):
        shown = [float(text.strip("()").replace("−", "-")) for text in (x, w, product)]
        assert shown == [pixel, weight, pixel * weight]


def test_stride_shows_the_floor_and_what_it_drops(open_figure):
    figure = ConvolutionExplorer(position=(3, 3))
    page = open_figure(figure)
    assert page.locator(".dropped:visible").count() == 0
    page.get_by_label(figure.words["stride"], exact=True).focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    assert position(page) == [1, 1]  # of 2 × 2
    formula = page.locator(".formula").inner_text().replace("\n", "").replace("\u00a0", " ")
    assert "⌊(6 + 2·0 − 1·(3 − 1) − 1) / 2⌋ + 1 = ⌊3 / 2⌋ + 1 = 1 + 1 = 2" in formula
    assert figure.text("dropped", rows=1, columns=1) in formula
    grid = page.locator(".input .grid").bounding_box()
    row, column = (node.bounding_box() for node in page.locator(".dropped:visible").all())
    assert row["y"] - grid["y"] == pytest.approx(5 / 6 * grid["height"], abs=1)
    assert column["x"] - grid["x"] == pytest.approx(5 / 6 * grid["width"], abs=1)


def test_a_kernel_that_does_not_fit_is_explained(open_figure):
    figure = ConvolutionExplorer()
    page = open_figure(figure)
    page.get_by_label(figure.words["dilation"], exact=True).focus()
    page.keyboard.press("End")
    settle(page)
    assert page.locator(".help [role=status]").inner_text() == figure.words["no_output"]
    assert page.locator(".frame:visible").count() == 0
    page.get_by_label(figure.words["padding"], exact=True).focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    assert page.locator(".output > .title").inner_text().endswith("2 × 2")


def test_a_picture_is_chosen_and_edited_through_the_window(open_figure):
    figure = ConvolutionExplorer(kernel="vertical_edges", pictures={"slope": PICTURE})
    page = open_figure(figure)
    page.get_by_label(figure.words["picture"]).select_option("slope")
    page.locator(".output .board").focus()
    page.keyboard.press("ArrowDown")
    settle(page)
    assert page.locator(".output > .title").inner_text().endswith("26 × 26")
    assert numbers(page, ".window .cnnbook-cells") == list(PICTURE[1:4, 0:3].flat)
    page.get_by_label(figure.text("window_cell", row=1, column=1), exact=True).click()
    page.keyboard.type("250")
    settle(page)
    changed = PICTURE.copy()
    changed[1, 0] = 250
    figure.image, figure.position = changed, [1, 0]
    assert total(page) == f"= {figure.output[1, 0]:.0f}".replace("-", "−")
    # the picture of the output: purple below zero, green above
    pixels = page.evaluate(PIXELS, ".output canvas")
    for value, (red, green, _, _) in zip(figure.output.flat, pixels, strict=True):
        if abs(value) > 0.2 * np.abs(figure.output).max():
            assert (red > green) == (value < 0)


PIXELS = """(selector) => {
  const canvas = document.querySelector(selector);
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return Array.from({ length: data.length / 4 }, (_, i) => [...data.slice(4 * i, 4 * i + 4)]);
}"""


def test_kernel_presets_and_size(open_figure):
    figure = ConvolutionExplorer()
    page = open_figure(figure)
    page.get_by_label(figure.words["preset"]).select_option(figure.words["kernel_sharpen"])
    settle(page)
    assert numbers(page, ".kernel .cnnbook-cells") == [0, -1, 0, -1, 5, -1, 0, -1, 0]
    page.get_by_label(figure.words["kernel_size"], exact=True).focus()
    page.keyboard.press("End")
    settle(page)
    grown = np.pad([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], 1)
    assert numbers(page, ".kernel .cnnbook-cells") == list(grown.flat)
    assert page.get_by_label(figure.words["preset"]).input_value() == ""


def test_follows_the_theme_of_the_page(open_figure):
    page = open_figure(ConvolutionExplorer(), theme="light")
    zero = page.evaluate(PIXELS, ".input canvas")[1]
    assert zero == [255, 255, 255, 255]
    for switch in (  # Sphinx, JupyterLab, the reader's system
        "document.documentElement.dataset.theme = 'dark'",
        "document.body.dataset.jpThemeLight = 'false'",
    ):
        page.evaluate(switch)
        settle(page)
        assert page.locator(".cnnbook-figure").get_attribute("data-theme") == "dark"
        assert page.evaluate(PIXELS, ".input canvas")[1][0] < 60  # repainted
        page.evaluate("delete document.documentElement.dataset.theme")
        page.evaluate("delete document.body.dataset.jpThemeLight")
        settle(page)
        assert page.locator(".cnnbook-figure").get_attribute("data-theme") == "light"
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector(".cnnbook-figure[data-theme=dark]")  # the system tells with a frame


def test_what_changed_is_all_that_had_to_be_drawn(open_figure):
    """After every change the figure looks as if it had been drawn anew from its traits."""
    page = open_figure(ConvolutionExplorer(PICTURE))
    changes = [
        {"kernel": "1 0 -1; 2 0 -2; 1 0 -1"},
        {"stride": 3},
        {"padding": 2},
        {"dilation": 2},
        {"position": [1, 1]},
        {"kernel": "1 2; 3 4"},
        {"padding": 0},
        {"image": "1 2 3 4 5; 2 3 4 5 6; 3 4 5 6 7; 4 5 6 7 8; 5 6 7 8 9"},  # numbers in the cells
        {"padding": 1},
        {"kernel": "5 2; 3 -4"},
        {"stride": 1},
        {"dilation": 3, "stride": 2},
        {"image": "1 2; 3 4"},  # smaller than the window
        {"dilation": 1, "padding": 0},
        {"image": "; ".join(" ".join(map(str, row)) for row in PICTURE)},
    ]
    for change in changes:
        page.evaluate(
            """(change) => { const model = document.querySelector('.cnnbook-place').cnnbookModel;
              Object.entries(change).forEach(([name, value]) => model.set(name, value)); }""",
            change,
        )
        settle(page)
        page.evaluate("""() => {
          const [old] = document.querySelectorAll('.cnnbook-place');
          const place = document.createElement('div');
          old.parentElement.append(place);
          cnnbookFigures.convolution_explorer.render({ model: old.cnnbookModel, el: place });
        }""")
        settle(page)
        roots = page.locator(".cnnbook-figure")
        assert roots.nth(0).evaluate(SHOWN) == roots.nth(1).evaluate(SHOWN), change
        page.evaluate("document.querySelectorAll('.cnnbook-place')[1].remove()")


FIGURES = [
    ConvolutionExplorer,
    ExplanationExplorer,
    KernelMotion,
    NetworkExplorer,
    PoolingExplorer,
    lambda: MessagePassing(karate_club()),
]


@pytest.mark.parametrize("make", FIGURES, ids=lambda make: make.__name__.strip("<>"))
def test_a_figure_that_is_put_on_the_page_later_has_its_colours(open_figure, make):
    """JupyterLab calls `render` first and puts the element on the page afterwards."""
    page = open_figure(make())
    page.evaluate("""async () => {
      const [old] = document.querySelectorAll('.cnnbook-place');
      const [name] = Object.keys(cnnbookFigures);
      const place = document.createElement('div');
      cnnbookFigures[name].render({ model: old.cnnbookModel, el: place });
      await new Promise((go) => setTimeout(go, 50));
      old.parentElement.append(place);
    }""")
    page.wait_for_timeout(100)
    settle(page)
    roots = page.locator(".cnnbook-figure")
    assert roots.nth(0).evaluate(SHOWN) == roots.nth(1).evaluate(SHOWN)


def test_two_figures_on_a_page_do_not_meet(open_figure, tmp_path):
    first, second = ConvolutionExplorer(), ConvolutionExplorer(position=(2, 2))
    page = open_figure(first)
    body = "".join(
        fragment(figure.figure_json(), figure.png(), figure.alternative_text())
        for figure in (first, second)
    )
    page.set_content(whole_page(body, [first.name], "two", "ko"))
    page.locator(".output .board").first.focus()
    page.keyboard.press("ArrowRight")
    places = page.locator(".cnnbook-place").evaluate_all(
        "(nodes) => nodes.map((node) => node.cnnbookModel.get('position'))"
    )
    assert places == [[0, 1], [2, 2]]
