"""The training curve in a page from disk: filled, scrubbed and read as a reader does."""

import numpy as np
import pytest
from examples import POINTS, VALIDATION
from looks import put, settle, trait

from cnnbook import language
from cnnbook.figures.training_curve.figure import TrainingCurve


def curve(**changes):
    state = {"points": POINTS, "validation": VALIDATION, "total": 4.0, "kept": 2.0}
    return TrainingCurve(**state | changes)


def table(page):
    rows = page.locator(".curve-table tr").all()
    return [[cell.inner_text() for cell in row.locator("th, td").all()] for row in rows]


def line(page, panel, name):
    """The corners of a curve as fractions of its picture, [(x, y), …]."""
    path = page.locator(f".curve-panel >> nth={panel}").locator(f"path.curve-{name}")
    numbers = path.get_attribute("d").replace("M", "").split("L")
    return [tuple(map(float, pair.split())) for pair in numbers if pair]


def test_curves_are_drawn_where_their_numbers_are(open_figure):
    page = open_figure(curve())
    rows = np.array([row[:3] for row in (*POINTS, *VALIDATION)])
    for panel, column in ((0, 1), (1, 2)):
        drawn = np.array(line(page, panel, "training") + line(page, panel, "validation"))
        # one straight scale for both curves, epochs to the right, values upwards
        for places, values, sign in (
            (drawn[:, 0], rows[:, 0], 1),
            (drawn[:, 1], rows[:, column], -1),
        ):
            slope, start = np.polyfit(values, places, 1)
            assert slope * sign > 0
            assert places == pytest.approx(start + slope * values, abs=0.2)
    assert page.locator("circle.curve-dot").count() == 2 * len(VALIDATION)
    kept = float(page.locator("line.curve-kept").first.get_attribute("x1"))
    assert kept == pytest.approx(line(page, 0, "validation")[1][0], abs=0.2)


def test_axis_marks_are_round_numbers(open_figure):
    page = open_figure(curve())
    call = "([low, high, n]) => cnnbookFigures.training_curve.ticks(low, high, n)"
    assert page.evaluate(call, [0, 1, 5]) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert page.evaluate(call, [0.3, 2.4, 5]) == [0.5, 1, 1.5, 2]
    assert page.evaluate(call, [0, 30, 6]) == [0, 5, 10, 15, 20, 25, 30]
    limits = "([values, most]) => cnnbookFigures.training_curve.range(values, most)"
    for *values, most in ((0.1, 0.99, 1), (0.9012, 0.9034, 1), (2.3, 0.31, 9), (0.5, 1), (0, 1)):
        low, high = page.evaluate(limits, [values, most])
        assert 0 <= low <= min(values) and max(values) <= high <= most and low < high


def test_keys_slider_and_pointer_read_the_numbers(open_figure):
    figure = curve()
    page = open_figure(figure)
    assert table(page)[1][1:] == ["4.00", "0.250", "0.889", "0.0125"]  # the newest
    page.get_by_role("slider").press("Home")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert trait(page, "position") == 4
    assert table(page)[1:] == [
        [figure.words["training"], "2.50", "0.400", "0.833", "0.0200"],
        [figure.words["validation"], "2.00", "0.600", "0.800", "–"],
    ]
    spoken = page.locator("[aria-live=polite]").inner_text()
    numbers = {"epoch": "2.50", "loss": "0.400", "accuracy": "0.833", "learning_rate": "0.0200"}
    validation = {"epoch": "2.00", "loss": "0.600", "accuracy": "0.800"}
    told = [figure.text("here", **numbers), figure.text("here_validation", **validation)]
    assert spoken == " ".join(told)
    assert page.get_by_role("slider").get_attribute("aria-valuetext") == spoken

    box = page.locator(".curve-panel svg").nth(1).bounding_box()
    x, y = line(page, 1, "training")[1]
    page.mouse.click(box["x"] + x / 420 * box["width"] + 3, box["y"] + box["height"] / 2)
    assert trait(page, "position") == 1
    assert table(page)[1][1] == "1.00" and table(page)[2][1] == "1.00"
    ring = page.locator("circle.curve-ring.curve-training").nth(1)
    centre = [float(ring.get_attribute(name)) for name in ("cx", "cy")]
    assert centre == pytest.approx([x, y], abs=0.2)
    page.locator(".curve-panel svg").nth(1).dblclick()
    assert trait(page, "position") == -1  # the newest
    page.locator(".curve-panel").first.press("Home")
    settle(page)
    assert table(page)[2][1:] == ["–", "–", "–", "–"]  # nothing validated yet at epoch 0.5


def test_fills_while_it_trains(open_figure):
    figure = curve(points=[], validation=[], kept=0.0, running=True)
    page = open_figure(figure)
    assert page.get_by_role("slider").is_disabled()
    assert figure.text("progress", done="0", total="4") in page.locator(".curve-help").inner_text()
    for count in (1, 3, 8):
        put(page, points=POINTS[:count], validation=VALIDATION[: count // 2])
        assert len(line(page, 0, "training")) == count
        assert table(page)[1][1] == f"{0.5 * count:.2f}"  # follows the newest
        assert page.locator("[aria-live=polite]").inner_text() == ""  # and does not chatter
    put(page, running=False)
    assert page.locator(".curve-help").inner_text() == figure.words["help"]
    # a reader who looks back is not carried away by new points
    page.locator(".curve-panel").first.press("Home")
    put(page, points=[*POINTS, [4.5, 0.2, 0.9, 0.01]])
    assert table(page)[1][1] == "0.50"


def test_without_validation_nothing_is_said_of_it(open_figure):
    figure = curve(validation=[])
    page = open_figure(figure)
    assert len(table(page)) == 2
    assert page.locator("circle.curve-dot").count() == 0
    shown = page.locator(".cnnbook-figure").inner_text()
    assert figure.words["kept"] not in shown and figure.words["validation"] not in shown


def test_the_alternative_text_and_the_still_tell_the_outcome():
    language.set_language("en")
    text = curve().alternative_text()
    for told in ("2.000 to 0.250", "0.500 to 0.889", "0.600", "0.800", "over 4 epochs"):
        assert told in text
    assert curve(points=[], validation=[]).alternative_text()
    for axes, column in zip(curve().still().axes, (1, 2), strict=True):
        training, validation, _ = axes.get_lines()
        assert list(training.get_ydata()) == [row[column] for row in POINTS]
        assert list(validation.get_ydata()) == [row[column] for row in VALIDATION]
