"""Explanations in a page from disk: their numbers, the reader's own patch, keys and fingers."""

import numpy as np
import pytest
from looks import number, pixels, put, settle, shares, trait

from cnnbook.data import fashion_mnist
from cnnbook.figures import ExplanationExplorer
from cnnbook.figures.explanation_explorer.figure import COVERS, LAYERS, VIEWS
from cnnbook.figures.small_network import from_base64

ATTRIBUTE = """([weights, pixels, choices]) => {
  const { attribute, decode } = cnnbookFigures.explanation_explorer;
  const shown = attribute(decode(weights), pixels, choices);
  return { map: [...shown.map], side: shown.side };
}"""


@pytest.fixture(scope="module")
def pictures():
    part = fashion_mnist("mini").test
    return part.images[:40], part.labels[:40]


def shown_logits(page):
    settle(page)
    texts = page.locator(".xai-bar .xai-quiet").all_inner_texts()
    return np.array([number(text.split(" ")[0]) for text in texts])


def value_read_out(page):
    return number(page.locator(".cnnbook-live").first.inner_text().split(" ")[-1])


def centre(page, board, row, column):
    box = page.locator(".xai-paper").nth(board).bounding_box()
    return shares(box, (column + 0.5) / 28, (row + 0.5) / 28)


@pytest.mark.parametrize("view", VIEWS[1:])
def test_the_page_explains_as_torch_does(open_figure, pictures, view):
    """Random pictures, classes, layers, maps, patches, against cnnbook.explain."""
    images, labels = pictures
    figure = ExplanationExplorer(pictures=images[:2], labels=labels[:2], view=view)
    page = open_figure(figure)
    random = np.random.default_rng(VIEWS.index(view))
    for case in range(12):
        figure.picture = images[random.integers(40)]
        if case == 0:
            figure.picture = random.integers(0, 256, (28, 28)).astype(np.uint8)
        choices = {"view": view, "layer": LAYERS[random.integers(4)]}
        choices |= {"target": int(random.integers(10)), "channel": int(random.integers(8))}
        choices |= {"size": int(random.integers(1, 15)), "cover": [*COVERS][random.integers(3)]}
        figure.set_state(choices)
        pixels = figure.picture.ravel().tolist()
        found = page.evaluate(ATTRIBUTE, [figure.weights, pixels, choices])
        expected = figure.attribution
        assert found["side"] == len(expected)
        scale = np.abs(expected).max() + 1e-6
        # A ReLU right at its kink may fall to either side on the way of integrated gradients.
        tolerance = 2e-2 if view == "integrated" else 1e-4
        difference = np.abs(np.reshape(found["map"], expected.shape) - expected)
        assert difference.max() < tolerance * scale, choices


def test_the_patch_changes_the_answer_as_in_torch(open_figure):
    figure = ExplanationExplorer(view="patch")
    page = open_figure(figure)
    for position, size, cover in (
        ([14, 14], 8, "black"),
        ([0, 0], 5, "grey"),
        ([27, 20], 14, "white"),
        ([9, 3], 1, "black"),
    ):
        put(page, position=position, size=size, cover=cover)
        figure.size, figure.cover = size, cover
        assert shown_logits(page) == pytest.approx(covered_logits(figure, position), abs=0.0051)


def covered_logits(figure, position):
    """The logits of the figure's picture under its patch, by torch."""
    top, left = (place - figure.size // 2 for place in position)
    picture = np.array(figure.picture)
    rows, columns = (slice(max(0, s), max(0, s + figure.size)) for s in (top, left))
    picture[rows, columns] = COVERS[figure.cover]
    return ExplanationExplorer(picture).logits


# What a figure does in each frame, by a clock that goes on by 1 ms whenever it is asked.
FRAMES = """
let now = 0;
performance.now = () => { now += 1; return now; };
window.frames = [];
const real = window.requestAnimationFrame;
window.requestAnimationFrame = (go) => real(() => {
  const start = now;
  go();
  const bar = document.querySelector('[role=progressbar]');
  frames.push([now - start, bar.hidden ? 100 : Number(bar.getAttribute('aria-valuenow'))]);
});
"""


def test_occlusion_is_computed_in_slices_and_dropped_when_other_things_are_asked(open_figure):
    figure = ExplanationExplorer(view="saliency")
    page = open_figure(figure, real_clock=True)
    page.evaluate("(code) => (0, eval)(code)", FRAMES)
    settle(page)  # frames in which nothing is to be computed
    bar = page.get_by_role("progressbar", name=figure.words["working"])
    put(page, size=2, view="occlusion")
    page.wait_for_function("frames.some(([, done]) => done > 5 && done < 100)")
    assert page.locator(".xai-paper").nth(1).get_attribute("aria-busy") == "true"
    put(page, picture=figure.pictures[3])  # from the start, of another picture
    bar.wait_for(state="hidden")
    frames = np.array(page.evaluate("frames"))
    assert 2 <= frames[:, 0].max() <= 8
    assert (np.diff(frames[:, 1]) < 0).sum() == 2 and len(np.unique(frames[:, 1])) > 50
    figure.view, figure.size, figure.picture = "occlusion", 2, from_base64(figure.pictures[3])
    assert value_read_out(page) == pytest.approx(figure.attribution[14, 14], abs=0.0051)
    put(page, size=1)
    put(page, view="saliency")
    assert bar.count() == 0
    before = page.evaluate("frames.length")
    page.wait_for_timeout(200)
    assert page.evaluate("frames.length") <= before + 3  # settle's own


def test_moves_the_patch_with_the_mouse_and_collects_the_fall(open_figure):
    figure = ExplanationExplorer(view="patch")
    page = open_figure(figure)
    page.mouse.move(*centre(page, 0, 5, 5))
    page.mouse.down()
    page.mouse.move(*centre(page, 0, 23, 12), steps=3)
    page.mouse.up()
    page.mouse.move(*centre(page, 0, 2, 2))  # not pressed: it stays
    assert trait(page, "position") == [23, 12]
    assert figure.classes[6] in page.locator(".xai-answer").inner_text()
    before, after = figure.logits[0], covered_logits(figure, [23, 12])[0]
    assert before - after > 1
    heard = page.locator(".cnnbook-live").first.inner_text()
    assert heard.endswith(f"{before:.2f} → {after:.2f}".replace("-", "−"))
    trace = page.locator(".xai-paper canvas").nth(1)
    assert (pixels(trace)[:, 0] < 250).sum() >= 64
    page.get_by_role("button", name=figure.words["again"]).click()
    settle(page)
    assert (pixels(trace)[:, 0] < 250).sum() == 64  # only where the patch is now


def test_the_value_read_out_is_the_value_of_the_cell(open_figure):
    figure = ExplanationExplorer(view="maps", layer="pool2", channel=1, position=[20, 10])
    page = open_figure(figure)
    assert value_read_out(page) == pytest.approx(figure.attribution[5, 2], abs=0.0051)


def test_the_class_and_the_map_are_chosen_by_their_buttons(open_figure):
    figure = ExplanationExplorer(view="grad_cam")
    page = open_figure(figure)
    bar = page.locator(".xai-bar").nth(6)
    bar.click()
    assert trait(page, "target") == 6 and bar.get_attribute("aria-pressed") == "true"
    assert page.locator(".xai-map").count() == 16
    page.locator(".xai-map").nth(4).click()
    assert (trait(page, "view"), trait(page, "channel")) == ("maps", 4)
    assert page.locator(".xai-map").nth(4).get_attribute("aria-pressed") == "true"
    page.locator("select").first.select_option("8")
    settle(page)
    assert trait(page, "label") == 8 and trait(page, "picture") == figure.pictures[8]
