"""The transfer explorer in a page from disk: keys, mouse, slider; its neighbours against NumPy."""

import base64

import numpy as np
import pytest
from looks import settle, trait

from cnnbook import transfer
from cnnbook.data import fashion_mnist
from cnnbook.figures import TransferExplorer

FASHION = fashion_mnist("mini")


def shown(page):
    """The means in the table, and the marks ✓ ✗ under the ten neighbours."""
    settle(page)
    means = [row.locator("td").first for row in page.locator(".transfer-table tr").all()[1:]]
    marks = [text.split()[0] for text in page.locator("figcaption").all_inner_texts()]
    return [float(cell.inner_text()) for cell in means], marks


def expected(figure):
    means = [figure.curves[name][figure.place][0] for name in figure.curves]
    asked, *near = (figure.labels[place] for place in figure.queries[figure.query])
    return means, ["✓" if label == asked else "✗" for label in near]


def test_keys_mouse_and_slider_choose_and_everything_follows(open_figure):
    figure = TransferExplorer(FASHION)
    page = open_figure(figure)
    assert shown(page) == expected(figure)
    page.locator(".transfer-chart").focus()
    for key, place in (("ArrowRight", 1), ("End", 3), ("ArrowRight", 3), ("ArrowLeft", 2)):
        page.keyboard.press(key)
        figure.place = place
        assert shown(page) == expected(figure), key
    buttons = page.locator(".transfer-asked button")
    buttons.nth(6).click()
    figure.query = 6
    assert shown(page) == expected(figure)
    page.keyboard.press("ArrowRight")  # the focus is on the picture chosen
    figure.query = 7
    assert shown(page) == expected(figure) and trait(page, "place") == 2
    assert buttons.nth(7).evaluate("(node) => node === document.activeElement")
    box = page.locator(".transfer-chart svg").bounding_box()
    page.mouse.click(box["x"] + 0.17 * box["width"], box["y"] + 0.5 * box["height"])
    figure.place = 0
    assert shown(page) == expected(figure)
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    assert trait(page, "place") == 1
    said = page.locator("[aria-live=polite]").inner_text()
    assert all(f"{mean}%" in said for mean in expected_means(figure, 1))


def expected_means(figure, place):
    return [f"{rows[place][0]:.1f}" for rows in figure.curves.values()]


def test_neighbours_are_the_nearest_and_their_pictures_are_shown():
    figure = TransferExplorer(FASHION)
    record = transfer.recorded_features()
    images = FASHION.train.images[record["train"]["places"]].numpy()[:, 0]
    sheet = np.frombuffer(base64.b64decode(figure.pictures), np.uint8).reshape(-1, 28, 28)
    x = record["train"]["middle"].double()
    spread = x.std(0)
    for place, *near in figure.queries:
        asked = sheet[place].astype(float)
        by_pixels = ((images - asked) ** 2).sum((1, 2)).argsort(kind="stable")[:5]
        assert [sheet[k].tolist() for k in near[:5]] == images[by_pixels].tolist()
        test = FASHION.test.images[:1500, 0].numpy()
        number = int((test == sheet[place]).all((1, 2)).nonzero()[0][0])
        gap = ((x - record["test"]["middle"][number].double()) / spread).pow(2).sum(1)
        by_features = gap.argsort()[:5]
        assert [sheet[k].tolist() for k in near[5:]] == images[by_features.numpy()].tolist()


def test_javascript_counts_as_python_does(open_figure):
    figure = TransferExplorer(FASHION)
    page = open_figure(figure)
    for query, row in enumerate(figure.queries):
        figure.query = query
        found = page.evaluate(
            "([labels, row]) => cnnbookFigures.transfer_explorer.right(labels, row)",
            [figure.labels, row],
        )
        assert found == figure.right()


@pytest.mark.parametrize("state", [{"place": 4}, {"place": -1}, {"query": 10}])
def test_what_cannot_be_shown_is_refused(state):
    with pytest.raises(ValueError, match="must lie between 0 and"):
        TransferExplorer(FASHION, **state)
