"""The cost explorer in a page from disk: changed and read as a reader does."""

import random

import pytest
from looks import assert_it_fits, assert_same_height, settle

from cnnbook import language
from cnnbook.figures import CostExplorer
from cnnbook.figures.cost_explorer.figure import ALLOWED, LAYERS, PRESETS

WIDTHS = (1280, 800, 700, 360)
LARGEST = {"filters1": 128, "kernel1": 7, "filters2": 128, "kernel2": 7, "hidden": 1024, "batch": 1}
LARGEST["layer"] = "fc1"


def trait(page, name):
    call = f"document.querySelector('.cnnbook-place').cnnbookModel.get('{name}')"
    return page.evaluate(call)


def control(page, figure, name):
    """The slider of trait `name`, as a screen reader names it."""
    word = figure.words[name.strip("12")]
    return page.get_by_label(f"conv{name[-1]} {word}" if name[-1] in "12" else word, exact=True)


def cells(page, column):
    """The texts of a column, one a layer that is there, then the total."""
    return page.locator(f".cost-table tr:visible td.cost-{column}").all_inner_texts()


def expected(figure, column):
    return [f"{layer[column]:,}" for layer in figure.layers] + [f"{getattr(figure, column):,}"]


def shown(page):
    settle(page)
    return [text.split()[0] for text in cells(page, "multiplications")], cells(page, "parameters")


def said(page):
    return page.locator(".cost-said").inner_text()


STICKING_OUT = """
[...document.querySelectorAll(
  '.cost-group, .cost-fact, .cost-table td, button, .cost-sum, label')]
  .filter((node) => node.scrollWidth > node.clientWidth + 1).map((node) => node.textContent)
"""


@pytest.mark.parametrize("name", ["ko", "en"])
def test_stays_in_the_space_of_its_picture(open_figure, name):
    """With six rows and the longest numbers: nothing on the page moves as it wakes up."""
    language.set_language(name)
    figure = CostExplorer(peak=137.26, bandwidth=11.84, **LARGEST)
    alive, asleep = open_figure(figure), open_figure(figure, java_script_enabled=False)
    assert asleep.locator("img").get_attribute("alt") == figure.alternative_text()
    assert_same_height(asleep, alive, WIDTHS)
    assert_it_fits(alive, WIDTHS, STICKING_OUT)


def test_the_page_counts_as_python_does(open_figure):
    page = open_figure(CostExplorer())
    dice = random.Random(0)
    figures = []
    for _ in range(60):
        state = {
            name: dice.choice([False, True] if "pool" in name else ALLOWED[name.strip("12")])
            for name in (*PRESETS["course"], "batch")
        }
        state["hidden"] *= dice.choice([0, 1, 1])
        speeds = {"peak": dice.uniform(1, 300), "bandwidth": dice.uniform(1, 50)}
        figures.append(CostExplorer(**state, **speeds))
    answers = page.evaluate(
        """(cases) => cases.map((numbers) => {
          const layers = cnnbookFigures.cost_explorer.costs(numbers);
          return { layers, ...cnnbookFigures.cost_explorer.times(layers, numbers.batch) }; })""",
        [figure.state() for figure in figures],
    )
    limits = set()
    for figure, answer in zip(figures, answers, strict=True):
        for layer, found in zip(figure.layers, answer["layers"], strict=True):
            assert {key: found[key] for key in layer} == layer
            limits.add((layer["kind"], layer["limit"]))
        assert answer["forward"] == pytest.approx(figure.forward_milliseconds, rel=1e-12)
        assert answer["epoch"] == pytest.approx(figure.epoch_seconds, rel=1e-12)
    assert len(limits) == 5  # pooling is never limited by computing


def test_the_written_products_multiply_to_the_numbers_shown(open_figure):
    figure = CostExplorer(filters1=7, kernel1=5, stride1=3, filters2=9, hidden=11, batch=32)
    page = open_figure(figure)
    for layer in figure.layers:
        page.locator(".cost-name", has_text=layer["name"]).click()
        settle(page)
        lines = page.locator(".cost-sum").all_inner_texts()
        if layer["kind"] != "pooling":
            product = said(page).removeprefix(f"{layer['name']}: ").partition(". ")[0]
            lines.append(product)
            assert product.endswith(f" = {layer['multiplications']:,}")
        assert lines[0].endswith(f" = {layer['parameters']:,}")
        for line in lines:
            left, right = line.replace(",", "").split(" = ")
            left = left.replace("·", "*").replace(" GFLOP/s", " / 1e6").replace(" GB/s", " / 1e6")
            value = eval(left)  # a sum of numbers that this test has just read
            assert value == pytest.approx(float(right.removesuffix(" ms")), rel=5e-3, abs=0.5), line
        assert said(page).endswith(figure.words[f"limited_{layer['limit']}"])


def test_every_control_changes_the_counts(open_figure):
    figure = CostExplorer()
    page = open_figure(figure)
    keys = {"filters": 1, "kernel": 2, "stride": 1, "hidden": 8}
    for name in (name for name in PRESETS["course"] if "pool" not in name):
        control(page, figure, name).focus()
        page.keyboard.press("ArrowRight")
        setattr(figure, name, getattr(figure, name) + keys[name.strip("12")])
        assert shown(page) == (expected(figure, "multiplications"), expected(figure, "parameters"))
        assert trait(page, name) == getattr(figure, name)
    for name in ("pool1", "pool2"):
        control(page, figure, name).focus()
        page.keyboard.press("Space")
        setattr(figure, name, False)
        assert shown(page) == (expected(figure, "multiplications"), expected(figure, "parameters"))
    before = cells(page, "bytes")
    page.get_by_label(figure.words["batch"]).select_option("1")
    settle(page)
    assert trait(page, "batch") == 1 and cells(page, "bytes") != before
    # with the mouse: the left end of the slider leaves fc1 out
    page.get_by_label(figure.words["hidden"], exact=True).click(position={"x": 1, "y": 12})
    figure.hidden = 0
    assert shown(page) == (expected(figure, "multiplications"), expected(figure, "parameters"))
    assert page.locator(".cost-name:visible").all_inner_texts() == ["conv1", "conv2", "fc2"]


@pytest.mark.parametrize("name", ALLOWED)
def test_the_controls_offer_what_python_allows(open_figure, name):
    figure = CostExplorer()
    page = open_figure(figure)
    allowed = ALLOWED[name]
    if name == "batch":
        texts = page.get_by_label(figure.words["batch"]).locator("option").all_inner_texts()
        assert texts == [str(size) for size in allowed]
        return
    slider = control(page, figure, name if name == "hidden" else name + "1")
    limits = [int(slider.get_attribute(limit)) for limit in ("min", "max", "step")]
    assert limits[:2] == [min(allowed), max(allowed)]
    assert set(range(limits[0], limits[1] + 1, limits[2])) <= set(allowed)


def test_a_preset_is_one_press_and_is_compared(open_figure):
    figure = CostExplorer(hidden=1024)
    page = open_figure(figure)
    pressed = page.locator(".cost-buttons button")
    compared = page.locator(".cost-compared")
    assert compared.inner_text() == figure.text("more", times="1.23")
    assert [b.get_attribute("aria-pressed") for b in pressed.all()] == ["false", "false"]
    page.get_by_role("button", name=figure.words["fast"], exact=True).click()
    fast = CostExplorer(**PRESETS["fast"])
    assert shown(page) == (expected(fast, "multiplications"), expected(fast, "parameters"))
    assert compared.inner_text() == figure.text("fewer", times="14.1")
    assert [b.get_attribute("aria-pressed") for b in pressed.all()] == ["false", "true"]
    page.get_by_role("button", name=figure.words["course"], exact=True).click()
    settle(page)
    assert compared.inner_text() == figure.words["as_many"]


def test_the_bars_are_the_shares_of_the_multiplications(open_figure):
    figure = CostExplorer(**PRESETS["fast"])
    page = open_figure(figure)
    shares = page.locator("tr:not([hidden]) .cost-bar").evaluate_all(
        "(bars) => bars.map((bar) => Number(bar.style.getPropertyValue('--share')))"
    )
    wanted = [layer["multiplications"] / figure.multiplications for layer in figure.layers]
    assert shares == pytest.approx(wanted) and sum(shares) == pytest.approx(1)


def test_a_chosen_layer_that_goes_hands_on_to_the_one_before(open_figure):
    figure = CostExplorer(layer="pool2")
    page = open_figure(figure)
    assert said(page).startswith(f"pool2: {figure.words['no_product']}")
    page.get_by_role("button", name=figure.words["fast"], exact=True).click()
    settle(page)
    assert said(page).startswith("conv2: 7·7 · 32 · (16·3·3) = 225,792. ")
    assert page.locator("tr.cost-here:visible").count() == 1
    page.locator("td.cost-bytes:visible").nth(2).click()  # anywhere in the row
    settle(page)
    assert trait(page, "layer") == "fc1" and said(page).startswith("fc1: 1568 · 64 = 100,352. ")


def test_python_sees_every_layer_that_the_page_can_choose(open_figure):
    page = open_figure(CostExplorer())
    assert page.locator(".cost-name").all_inner_texts() == LAYERS
