"""The shape tracer in a page from disk: the reader guesses, asks, and moves on."""

from looks import trait

from cnnbook.figures import ShapeTracer


def guess(page, *numbers):
    for field, number in zip(page.locator(".shape-field").all(), numbers, strict=True):
        field.fill(str(number))


def press(page, figure, name):
    page.get_by_role("button", name=figure.words[name], exact=True).click()


def verdict(page):
    return page.locator(".shape-verdict").inner_text()


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
