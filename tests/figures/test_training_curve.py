"""The training curve in a page from disk: filled, scrubbed and read as a reader does."""

import pytest
from looks import settle

from cnnbook import language
from cnnbook.figures.training_curve.figure import TrainingCurve

POINTS = [[0.5 * k, 2.0 / k, 1 - 1 / (k + 1), 0.1 / k] for k in range(1, 9)]
WIDTHS = (360, 700, 1280)
VALIDATION = [[1.0, 0.9, 0.6], [2.0, 0.6, 0.8], [3.0, 0.7, 0.75], [4.0, 0.8, 0.7]]


def curve(**changes):
    state = {"points": POINTS, "validation": VALIDATION, "total": 4.0, "kept": 2.0}
    return TrainingCurve(**state | changes)


def position(page):
    return page.evaluate("document.querySelector('.cnnbook-place').cnnbookModel.get('position')")


def set_traits(page, **values):
    """What Python does while it trains: set traits, and the page follows."""
    page.evaluate(
        """(values) => { const model = document.querySelector('.cnnbook-place').cnnbookModel;
        Object.entries(values).forEach(([name, value]) => model.set(name, value)); }""",
        values,
    )
    settle(page)


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
    for panel, column in ((0, 1), (1, 2)):
        for name, rows in (("training", POINTS), ("validation", VALIDATION)):
            drawn = line(page, panel, name)
            assert len(drawn) == len(rows)
            # the same straight scale for both curves: x = a + b · epoch, y = c + d · value
            (x0, y0), (x1, y1) = drawn[0], drawn[-1]
            slope_x = (x1 - x0) / (rows[-1][0] - rows[0][0])
            slope_y = (y1 - y0) / (rows[-1][column] - rows[0][column])
            assert slope_x > 0 and slope_y < 0  # epochs to the right, values upwards
            for (x, y), row in zip(drawn, rows, strict=True):
                assert x == pytest.approx(x0 + slope_x * (row[0] - rows[0][0]), abs=0.2)
                assert y == pytest.approx(y0 + slope_y * (row[column] - rows[0][column]), abs=0.2)
        training, validation = line(page, panel, "training"), line(page, panel, "validation")
        assert training[1][0] == pytest.approx(validation[0][0], abs=0.2)  # both at epoch 1
    dots = page.locator("circle.curve-dot")
    assert dots.count() == 2 * len(VALIDATION)
    kept = page.locator("line.curve-kept").first
    assert float(kept.get_attribute("x1")) == pytest.approx(
        line(page, 0, "validation")[1][0], abs=0.2
    )


def test_axis_marks_are_round_numbers(open_figure):
    page = open_figure(curve())
    call = "([low, high, n]) => cnnbookFigures.training_curve.ticks(low, high, n)"
    assert page.evaluate(call, [0, 1, 5]) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert page.evaluate(call, [0.3, 2.4, 5]) == [0.5, 1, 1.5, 2]
    assert page.evaluate(call, [0, 30, 6]) == [0, 5, 10, 15, 20, 25, 30]
    limits = "([values, most]) => cnnbookFigures.training_curve.range(values, most)"
    for values, most in (
        ([0.1, 0.99], 1),
        ([0.9012, 0.9034], 1),
        ([2.3, 0.31], 9),
        ([0.5], 1),
        ([1, 1], 1),
        ([0], 1),
    ):
        low, high = page.evaluate(limits, [values, most])
        assert 0 <= low <= min(values) and max(values) <= high <= most and low < high


def test_keys_slider_and_pointer_read_the_numbers(open_figure):
    figure = curve()
    page = open_figure(figure)
    assert table(page)[1][1:] == ["4.00", "0.250", "0.889", "0.0125"]  # the newest
    page.locator(".curve-panel").first.focus()
    visited = []
    for key in ("ArrowLeft", "ArrowLeft", "ArrowRight", "Home", "ArrowLeft", "End", "ArrowRight"):
        page.keyboard.press(key)
        visited.append(position(page))
    assert visited == [6, 5, 6, 0, 0, 7, 7]

    page.get_by_role("slider").focus()
    page.keyboard.press("Home")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    settle(page)
    assert position(page) == 4
    assert table(page)[1:] == [
        [figure.words["training"], "2.50", "0.400", "0.833", "0.0200"],
        [figure.words["validation"], "2.00", "0.600", "0.800", "–"],
    ]
    spoken = page.locator("[aria-live=polite]").inner_text()
    assert spoken == " ".join(
        [
            figure.text(
                "here", epoch="2.50", loss="0.400", accuracy="0.833", learning_rate="0.0200"
            ),
            figure.text("here_validation", epoch="2.00", loss="0.600", accuracy="0.800"),
        ]
    )
    assert page.get_by_role("slider").get_attribute("aria-valuetext") == spoken

    box = page.locator(".curve-panel svg").nth(1).bounding_box()
    x, y = line(page, 1, "training")[1]
    page.mouse.click(box["x"] + x / 420 * box["width"] + 3, box["y"] + box["height"] / 2)
    settle(page)
    assert position(page) == 1
    assert table(page)[1][1] == "1.00" and table(page)[2][1] == "1.00"
    ring = page.locator("circle.curve-ring.curve-training").nth(1)
    assert float(ring.get_attribute("cx")) == pytest.approx(x, abs=0.2)
    assert float(ring.get_attribute("cy")) == pytest.approx(y, abs=0.2)
    page.locator(".curve-panel svg").nth(1).dblclick()
    assert position(page) == -1  # the newest
    page.locator(".curve-panel").first.focus()
    page.keyboard.press("Home")
    settle(page)
    assert table(page)[2][1:] == ["–", "–", "–", "–"]  # nothing validated yet at epoch 0.5


def test_fills_while_it_trains(open_figure):
    figure = curve(points=[], validation=[], kept=0.0, running=True)
    page = open_figure(figure)
    assert page.get_by_role("slider").is_disabled()
    assert figure.text("progress", done="0", total="4") in page.locator(".curve-help").inner_text()
    for count in (1, 3, 8):
        set_traits(page, points=POINTS[:count], validation=VALIDATION[: count // 2])
        assert len(line(page, 0, "training")) == count
        assert table(page)[1][1] == f"{0.5 * count:.2f}"  # follows the newest
        assert page.locator("[aria-live=polite]").inner_text() == ""  # and does not chatter
    set_traits(page, running=False)
    assert page.locator(".curve-help").inner_text() == figure.words["help"]
    # a reader who looks back is not carried away by new points
    page.locator(".curve-panel").first.focus()
    page.keyboard.press("Home")
    set_traits(page, points=[*POINTS, [4.5, 0.2, 0.9, 0.01]])
    assert table(page)[1][1] == "0.50"


def test_without_validation_nothing_is_said_of_it(open_figure):
    figure = curve(validation=[])
    page = open_figure(figure)
    assert len(table(page)) == 2
    assert page.locator("circle.curve-dot").count() == 0
    assert figure.words["kept"] not in page.locator(".cnnbook-figure").inner_text()
    assert figure.words["validation"] not in page.locator(".cnnbook-figure").inner_text()


def test_the_alternative_text_tells_the_outcome():
    text = curve().alternative_text()
    for number in ("2.000 → 0.250", "0.500 → 0.889", "0.600", "0.800"):
        assert number in text
    assert curve(points=[], validation=[]).alternative_text()
    language.set_language("en")
    assert "over 4 epochs" in curve().alternative_text()


def test_the_still_picture_shows_the_same_numbers():
    plot = curve().still()
    for axes, column in zip(plot.axes, (1, 2), strict=True):
        training, validation, _ = axes.get_lines()
        assert list(training.get_ydata()) == [row[column] for row in POINTS]
        assert list(validation.get_xdata()) == [row[0] for row in VALIDATION]
        assert list(validation.get_ydata()) == [row[column] for row in VALIDATION]


@pytest.mark.parametrize(
    "state, message",
    [
        ({"points": [[1.0, 2.0]]}, "points holds"),
        ({"points": [[1.0, float("nan"), 0.5, 0.1]]}, "points holds"),
        ({"validation": [[1.0, float("inf"), 0.5]]}, "validation holds"),
        ({"position": 8}, "position is 8"),
        ({"position": -2}, "position is -2"),
    ],
)
def test_what_cannot_be_drawn_is_refused(state, message):
    with pytest.raises(ValueError, match=message):
        curve(**state)
