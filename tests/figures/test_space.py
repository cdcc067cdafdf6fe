"""A figure's still picture keeps the room that the live one takes, in the states that need most."""

from functools import partial

import numpy as np
import pytest
from examples import EXAMPLES
from looks import settle

from cnnbook import figures, language
from cnnbook.graphs import karate_club

LARGE = np.add.outer(9 * np.arange(28), np.arange(28) ** 2) % 256
COSTS = {"filters1": 128, "kernel1": 7, "filters2": 128, "kernel2": 7, "hidden": 1024, "batch": 1}
AVERAGE = {"gradient": True, "shift": (1, 1), "kind": "average", "window": 4}
FIGURES = {
    "convolution": partial(figures.ConvolutionExplorer, LARGE),
    "pooling": partial(figures.PoolingExplorer, LARGE, **AVERAGE),
    "costs": partial(figures.CostExplorer, peak=137.26, bandwidth=11.84, layer="fc1", **COSTS),
    "messages": partial(figures.MessagePassing, karate_club()),
    "shuffle": partial(EXAMPLES["shuffle_explorer"]["make"], shuffled=True, shift=-5),
    **{f"motion {n}": partial(figures.KernelMotion, n, channels=2) for n in (1, 2, 3)},
    **{f"shape {n}": partial(figures.ShapeTracer, known=[1, 3, 7], place=n) for n in (0, 4, 7, 11)},
    **{view: partial(figures.ExplanationExplorer, view=view) for view in ("patch", "grad_cam")},
}


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_nothing_jumps_when_it_wakes_up(open_figure, name, lang):
    language.set_language(lang)
    figure = FIGURES[name]()
    pages = open_figure(figure, java_script_enabled=False), open_figure(figure)
    assert pages[0].locator("img").get_attribute("alt") == figure.alternative_text()
    for width in (1280, 920, 760, 539, 360):
        heights = []
        for page in pages:
            page.set_viewport_size({"width": width, "height": 800})
            heights.append(page.locator(".cnnbook-figure").bounding_box()["height"])
        assert heights[0] == heights[1], width
        settle(pages[1])
        assert pages[1].evaluate("document.documentElement.scrollWidth") <= width
