"""The cost explorer in a page from disk: changed and read as a reader does."""

import random

import pytest
from looks import settle, trait

from cnnbook.figures import CostExplorer
from cnnbook.figures.cost_explorer.figure import ALLOWED, PRESETS

COLUMNS = ("multiplications", "parameters")


def expected(figure):
    """The multiplications and the parameters of all layers, each with its total."""
    total = {name: getattr(figure, name) for name in COLUMNS}
    return [[f"{layer[name]:,}" for layer in [*figure.layers, total]] for name in COLUMNS]


def shown(page):
    settle(page)
    columns = (page.locator(f".cost-table tr:visible td.cost-{name}") for name in COLUMNS)
    return [[text.split()[0] for text in column.all_inner_texts()] for column in columns]


def said(page):
    return page.locator(".cost-said").inner_text()


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


def test_the_controls_offer_what_python_allows(open_figure):
    figure = CostExplorer()
    page = open_figure(figure)
    for name in ("filters1", "kernel1", "stride1", "filters2", "kernel2", "stride2", "hidden"):
        kind, layer = name.strip("12"), name[-1]
        word = figure.words[kind] if kind == name else f"conv{layer} {figure.words[kind]}"
        control = page.get_by_label(word, exact=True)
        least, most, step = (int(control.get_attribute(one)) for one in ("min", "max", "step"))
        assert [least, most] == [min(ALLOWED[kind]), max(ALLOWED[kind])]
        assert set(range(least, most + 1, step)) <= set(ALLOWED[kind])
        control.press("Home")
        setattr(figure, name, least)
        assert shown(page) == expected(figure) and trait(page, name) == least
    sizes = page.get_by_label(figure.words["batch"]).locator("option").all_inner_texts()
    assert sizes == [str(size) for size in ALLOWED["batch"]]


def test_a_preset_is_one_press_and_is_compared(open_figure):
    figure = CostExplorer(hidden=1024)
    page = open_figure(figure)
    compared = page.locator(".cost-compared")
    assert compared.inner_text() == figure.text("more", times="1.23")
    page.get_by_role("button", name=figure.words["fast"], exact=True).click()
    fast = CostExplorer(**PRESETS["fast"])
    assert shown(page) == expected(fast)
    shares = page.locator("tr:not([hidden]) .cost-bar").evaluate_all(
        "(bars) => bars.map((bar) => Number(bar.style.getPropertyValue('--share')))"
    )
    wanted = [layer["multiplications"] / fast.multiplications for layer in fast.layers]
    assert shares == pytest.approx(wanted)
    assert compared.inner_text() == figure.text("fewer", times="14.1")
    pressed = page.locator(".cost-buttons [aria-pressed=true]")
    assert pressed.all_inner_texts() == [figure.words["fast"]]
    page.get_by_role("button", name=figure.words["course"], exact=True).click()
    settle(page)
    assert compared.inner_text() == figure.words["as_many"]


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
