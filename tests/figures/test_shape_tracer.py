"""The shape tracer in a page from disk: the reader guesses, asks, and moves on."""

import pytest

from cnnbook import language
from cnnbook.figures import ShapeTracer

WIDTHS = (1280, 700, 360)


def trait(page, name):
    call = f"document.querySelector('.cnnbook-place').cnnbookModel.get('{name}')"
    return page.evaluate(call)


def guess(page, *numbers):
    for field, number in zip(page.locator(".shape-field").all(), numbers, strict=True):
        field.fill(str(number))


def press(page, figure, name):
    page.get_by_role("button", name=figure.words[name], exact=True).click()


def verdict(page):
    return page.locator(".shape-verdict").inner_text()


@pytest.mark.parametrize("name", ["ko", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("known", [[], list(range(12))], ids=["hidden", "open"])
def test_opens_in_both_languages_and_themes_at_every_width(open_figure, name, theme, known):
    language.set_language(name)
    figure = ShapeTracer(known=known)
    page = open_figure(figure, theme=theme)
    root = page.locator(".cnnbook-figure")
    assert root.get_attribute("lang") == name and root.get_attribute("data-theme") == theme
    sizes = page.locator(".shape-size").all_inner_texts()
    assert sizes[0] == "1 × 28 × 28"
    open_sizes = [" × ".join(map(str, shape)) for _, shape in figure.shapes]
    assert sizes[1:] == (open_sizes if known else ["?"] * 12)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(STICKING_OUT) == [], width


STICKING_OUT = """
[...document.querySelectorAll('.shape-tile, .shape-row, .shape-left, .shape-result, button')]
  .filter((node) => node.scrollWidth > node.clientWidth + 1).map((node) => node.textContent)
"""


@pytest.mark.parametrize("name", ["ko", "en"])
def test_stays_in_the_space_of_its_picture_at_every_layer(open_figure, name):
    language.set_language(name)
    figure = ShapeTracer(known=[1, 3, 5, 7, 9, 11])
    alive, asleep = open_figure(figure), open_figure(figure, java_script_enabled=False)
    assert asleep.locator("img").get_attribute("alt") == figure.alternative_text()
    for width in WIDTHS:
        for page in (asleep, alive):
            page.set_viewport_size({"width": width, "height": 800})
        reserved = asleep.locator(".cnnbook-figure").bounding_box()["height"]
        alive.locator(".shape-tile[tabindex='0']").focus()
        alive.keyboard.press("Home")
        for place in range(12):
            assert trait(alive, "place") == place
            height = alive.locator(".cnnbook-figure").bounding_box()["height"]
            assert height == reserved, (width, place)
            alive.keyboard.press("ArrowRight")


def test_a_guess_is_judged_part_by_part(open_figure):
    figure = ShapeTracer()
    page = open_figure(figure)
    assert page.locator(".shape-why").inner_text() == ""
    press(page, figure, "check")
    assert verdict(page) == figure.words["empty"]
    guess(page, 32, 26, 28, 288)
    press(page, figure, "check")
    assert verdict(page) == figure.text("wrong", what=f"H, {figure.words['parameters']}")
    invalid = [f.get_attribute("aria-invalid") for f in page.locator(".shape-field").all()]
    assert invalid == ["false", "true", "false", "true"]
    assert trait(page, "known") == []
    guess(page, 32, 28, 28, 320)
    page.keyboard.press("Enter")
    assert verdict(page) == figure.words["right"]
    assert trait(page, "known") == [0]
    assert page.locator(".shape-tuple b").all_inner_texts() == ["(N, 32, 28, 28)", "320"]
    why = page.locator(".shape-why").inner_text()
    assert "⌊(28 + 2·1 − 3) / 1⌋ + 1 = 28" in why and "32 · (1·3·3 + 1) = 320" in why


def test_every_right_answer_is_accepted(open_figure):
    """With thousands separators too; and the network is open at the end."""
    figure = ShapeTracer()
    page = open_figure(figure)
    for step in figure.steps:
        guess(page, *step["after"], f"{step['parameters']:,}")
        press(page, figure, "check")
        assert verdict(page) == figure.words["right"], step["name"]
        press(page, figure, "next")
    assert trait(page, "known") == list(range(12))
    assert "1,475,338" in page.locator(".shape-foot").inner_text()


def test_the_answer_is_shown_when_asked_for_and_can_be_hidden(open_figure):
    figure = ShapeTracer(place=7)
    page = open_figure(figure)
    assert page.locator(".shape-tuple").first.inner_text() == "?"  # it would tell the layer before
    assert "2304" not in page.locator(".cnnbook-figure").inner_text()
    press(page, figure, "answer")
    assert "1,383,000" in page.locator(".shape-panel").inner_text()
    assert trait(page, "known") == [7]
    said = page.locator(".shape-spoken").text_content()
    assert said == figure.text(
        "said", name="fc1, relu", before="(N, 2304)", after="(N, 600)", parameters="1,383,000"
    )
    press(page, figure, "show_all")
    assert page.locator(".shape-hidden").count() == 0
    press(page, figure, "hide_all")
    assert page.locator(".shape-hidden").count() == 12


def test_keyboard_and_mouse_move_between_layers(open_figure):
    figure = ShapeTracer()
    page = open_figure(figure)
    page.keyboard.press("Tab")  # one stop for the strip
    visited = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "Home"):
        page.keyboard.press(key)
        visited.append(trait(page, "place"))
        assert page.evaluate("document.activeElement.ariaCurrent") == "step"
    assert visited == [1, 2, 1, 11, 11, 0]
    page.locator(".shape-tile", has_text="conv2").click()
    assert trait(page, "place") == 3
    assert page.locator(".shape-title").inner_text() == "4. conv2"
    page.keyboard.press("Tab")  # into the first field: arrows stay in the text
    page.keyboard.type("64")
    page.keyboard.press("ArrowLeft")
    assert trait(page, "place") == 3


def test_the_drawing_tells_maps_from_vectors(open_figure):
    page = open_figure(ShapeTracer(known=list(range(12))))
    widths = page.evaluate(
        """[...document.querySelectorAll('.shape-tile')].map((tile) =>
        [...tile.querySelectorAll('rect')].map((r) => [r.width, r.height].map((v) =>
          v.baseVal.value)))"""
    )
    sheets = [len(tile) for tile in widths]
    assert sheets == [1, 6, 6, 6, 7, 7, 7, 1, 1, 1, 1, 1, 1]  # one, and one a doubling of channels
    heights = [tile[0][1] for tile in widths]
    assert heights[1] > heights[3] > heights[4] > heights[6]  # 28, 14, 12, 6
    assert heights[7] > heights[8] > heights[10] > heights[11]  # 2304, 600, 120, 10
