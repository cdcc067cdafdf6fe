"""How the tests of figures look at a page: when its frame is drawn, and whether all of it fits."""

import os

import numpy as np
import pytest


def give_up(reason):
    """Skip what cannot be tested here; where CNNBOOK_REQUIRE_BROWSER=1 that is a failure."""
    if os.environ.get("CNNBOOK_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}, and CNNBOOK_REQUIRE_BROWSER=1")
    pytest.skip(reason)


MODEL = "document.querySelector('.cnnbook-place').cnnbookModel"


def settle(page):
    """Wait until what was just done is drawn."""
    page.evaluate("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")


def trait(page, name):
    settle(page)
    return page.evaluate(f"{MODEL}.get('{name}')")


def put(page, **values):
    """Set traits as Python does, and wait until the page shows them."""
    set_all = f"(all) => Object.entries(all).forEach(([name, value]) => {MODEL}.set(name, value))"
    page.evaluate(set_all, values)
    settle(page)


def number(text):
    return float(text.replace("−", "-").strip("()"))


def numbers(page, cells):
    """The numbers of all elements `cells`, in the order of the page."""
    read = "(all) => all.map((one) => (one.matches('input') ? one.value : one.textContent))"
    return [number(text) for text in page.locator(cells).evaluate_all(read)]


def shares(box, right, down):
    """The point of the page that lies a share of a bounding box to the right and down in it."""
    return box["x"] + right * box["width"], box["y"] + down * box["height"]


def pixels(canvas):
    """The colours of a canvas: (height · width, 4), red green blue and opacity in 0…255."""
    read = """(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"""
    return np.array(canvas.evaluate(read)).reshape(-1, 4)
