"""How the tests of figures look at a page: when its frame is drawn, and whether all of it fits."""

import os

import pytest


def give_up(reason):
    """Skip what cannot be tested here; where CNNBOOK_REQUIRE_BROWSER=1 that is a failure."""
    if os.environ.get("CNNBOOK_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}, and CNNBOOK_REQUIRE_BROWSER=1")
    pytest.skip(reason)


# What a reader meets in a figure: elements, the numbers in the fields, the pixels of the canvases.
SHOWN = """
(root) => [...root.querySelectorAll('*')].filter(
  (node) => node.checkVisibility() && !node.matches('.cnnbook-live')).map(
  (node) => [node.tagName, node.value ?? (node.childElementCount ? '' : node.textContent),
    ...[...node.attributes].filter(({ name }) => name !== 'tabindex')
      .map(({ name, value }) => `${name}=${value}`).sort(),
    node.matches('canvas') ? node.toDataURL() : ''].join(' '))
"""


def settle(page):
    """Wait until what was just done is drawn."""
    page.evaluate("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")


def at_width(page, width):
    page.set_viewport_size({"width": width, "height": 800})


def assert_it_fits(page, widths, sticking_out):
    """At every width: no scrolling sideways, and the script `sticking_out` finds nothing cut."""
    for width in widths:
        at_width(page, width)
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(sticking_out) == [], width


def assert_same_height(asleep, alive, widths):
    """The still picture reserves the height that the live figure needs: nothing jumps."""
    for width in widths:
        heights = []
        for page in (asleep, alive):
            at_width(page, width)
            heights.append(page.locator(".cnnbook-figure").bounding_box()["height"])
        assert heights[0] == heights[1], width
