"""The pooling explorer in a page from disk: moved, shifted and edited as a reader does."""

import numpy as np
import pytest
import torch
from looks import assert_same_height, settle
from torch.nn import functional

from cnnbook.figures import PoolingExplorer

PICTURE = np.add.outer(9 * np.arange(28), np.arange(28) ** 2) % 256
WIDTHS = (1280, 700, 360)


def trait(page, name):
    call = f"document.querySelector('.cnnbook-place').cnnbookModel.get('{name}')"
    return page.evaluate(call)


def total(page):
    return page.locator(".pool-total").inner_text()


def output(page):
    """The numbers of the output, flat, without the small ones from before the shift."""
    return page.locator(".pool-texts > div").evaluate_all(
        "(nodes) => nodes.map((n) => Number(n.firstChild.textContent.replace('−', '-')))"
    )


STICKING_OUT = """
[...document.querySelectorAll('.pool-part, button, .pool-sum, .pool-effect, .cnnbook-tick')].filter(
  (node) => node.scrollWidth > node.clientWidth + 1).map((node) => node.className)
"""


@pytest.mark.parametrize("image", [None, PICTURE], ids=["example", "picture"])
def test_wakes_up_in_the_space_of_its_picture(open_figure, image):
    figure = PoolingExplorer(image, gradient=True, shift=(1, 1), kind="average", window=4)
    alive, asleep = open_figure(figure), open_figure(figure, java_script_enabled=False)
    assert asleep.locator("img").get_attribute("alt") == figure.alternative_text()
    assert_same_height(asleep, alive, WIDTHS)


def test_the_page_pools_and_differentiates_as_torch_does(open_figure):
    page = open_figure(PoolingExplorer())
    random, cases = np.random.default_rng(0), []
    for _ in range(200):
        size = random.integers(4, 12, size=2)
        window, stride = int(random.integers(2, 5)), int(random.integers(1, 5))
        image = random.integers(-4, 5, size=size).tolist()  # few values: many ties
        kind, ceil = str(random.choice(["max", "average"])), bool(random.integers(2))
        cases.append([image, kind, window, stride, ceil])
    answers = page.evaluate(
        """(cases) => cases.map((c) => ['pool', 'gradientOf'].map(
          (name) => cnnbookFigures.pooling_explorer[name](...c)))""",
        cases,
    )
    for (image, kind, window, stride, ceil), (pooled, gradient) in zip(cases, answers, strict=True):
        x = torch.tensor([[image]], dtype=torch.float64, requires_grad=True)
        pool = functional.max_pool2d if kind == "max" else functional.avg_pool2d
        expected = pool(x, window, stride, ceil_mode=ceil)
        expected.sum().backward()
        assert np.allclose(pooled, expected[0, 0].detach(), rtol=0, atol=1e-12)
        assert np.allclose(gradient, x.grad[0, 0], rtol=0, atol=1e-12)


def test_the_mouse_moves_the_window(open_figure):
    page = open_figure(PoolingExplorer())
    box = page.locator(".pool-input .pool-grid").bounding_box()
    page.mouse.move(box["x"] + 3.5 / 6 * box["width"], box["y"] + 2.5 / 6 * box["height"])
    settle(page)
    assert trait(page, "position") == [1, 1] and total(page) == "9"
    frame = page.locator(".pool-input .pool-frame").bounding_box()
    assert frame["x"] - box["x"] == pytest.approx(2 / 6 * box["width"], abs=1)
    assert frame["width"] == pytest.approx(2 / 6 * box["width"], abs=1)
    page.locator(".pool-texts > :nth-child(3)").hover(force=True)
    settle(page)
    assert trait(page, "position") == [0, 2] and total(page) == "4"
    assert page.locator(".pool-best").inner_text() == "4"


def test_shifting_marks_what_changed(open_figure):
    figure = PoolingExplorer()
    page = open_figure(figure)
    assert page.locator(".pool-effect").inner_text() == figure.words["not_moved"]
    page.get_by_label(figure.words["right"], exact=True).focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    assert trait(page, "shift") == [0, 1] and trait(page, "position") == [0, 0]
    figure.shift = [0, 1]
    assert output(page) == list(figure.output.flat)
    marked = page.locator(".pool-texts > div").evaluate_all(
        "(nodes) => nodes.map((n) => n.classList.contains('pool-changed'))"
    )
    assert marked == list(figure.changed.flat)
    before = page.locator(".pool-changed small").all_inner_texts()
    assert before == ["← 2", "← 7", "← 4", "← 6", "← 3", "← 0"]
    effect = page.locator(".pool-effect").inner_text()
    assert effect == figure.text("moved", down=0, right=1, changed=6, total=9)
    # the zeros that came in cannot be changed; other cells are those of the picture, moved along
    came_in = page.get_by_label(figure.words["came_in"], exact=True)
    assert came_in.count() == 6 and not came_in.first.is_editable()
    page.get_by_label(figure.text("input_cell", row=1, column=2), exact=True).click()
    page.keyboard.type("8")
    settle(page)
    assert trait(page, "image").startswith("8 0 1 3 2 0;")


def test_where_the_gradient_goes(open_figure):
    figure = PoolingExplorer()
    page = open_figure(figure)
    assert page.locator(".pool-won").count() == 9
    assert "".join(page.locator(".pool-mark").all_inner_texts()) == ""
    page.get_by_label(figure.words["gradient"], exact=True).check()
    settle(page)
    assert page.locator(".pool-mark").all_inner_texts() == ["1"] * 9
    page.get_by_label(figure.words["kind"]).select_option("average")
    settle(page)
    assert page.locator(".pool-mark").all_inner_texts() == ["0.25"] * 36
    assert page.locator(".pool-won").count() == 0


def test_ceil_counts_the_window_over_the_edge(open_figure):
    figure = PoolingExplorer(kind="average", window=3)
    page = open_figure(figure)
    assert page.locator(".pool-dropped:visible").count() == 2
    assert "⌊(6 − 3) / 2⌋ + 1 = 2" in page.locator(".pool-reading").inner_text()
    page.get_by_label(figure.words["ceil"], exact=True).check()
    page.locator(".pool-output .pool-board").focus()
    page.keyboard.press("End")
    settle(page)
    assert page.locator(".pool-dropped:visible").count() == 0
    assert "⌈(6 − 3) / 2⌉ + 1 = 3" in page.locator(".pool-reading").inner_text()
    assert page.locator(".pool-sum").inner_text().endswith("/ 4 = 0")
    box = page.locator(".pool-input .pool-grid").bounding_box()
    frame = page.locator(".pool-input .pool-frame").bounding_box()
    assert frame["width"] == pytest.approx(2 / 6 * box["width"], abs=1)  # not over the edge


def test_a_real_picture_tints_what_changed(open_figure):
    figure = PoolingExplorer(PICTURE, shift=(0, 1))
    page = open_figure(figure)
    pixels = page.evaluate(
        """() => { const c = document.querySelector('.pool-output canvas');
        const data = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        return Array.from({ length: data.length / 4 },
          (_, i) => data[4 * i] - data[4 * i + 2]); }"""
    )
    assert figure.changed.any() and not figure.changed.all()
    assert [redder > 20 for redder in pixels] == list(figure.changed.flat)
