"""The whole network in a page from disk: its numbers, the reader's drawing, and the way down."""

import base64

import numpy as np
import pytest
import torch
from looks import number, numbers, pixels, put, settle, shares, trait

from cnnbook.convolution import receptive_field
from cnnbook.data import fashion_mnist, normalise
from cnnbook.figures import NetworkExplorer
from cnnbook.figures.small_network import SHAPES
from cnnbook.models import SmallCNN, small_cnn

FORWARD = """([weights, pictures, names]) => {
  const { decode, forward } = cnnbookFigures.network_explorer;
  const network = decode(weights);
  return pictures.map((pixels) => {
    const values = forward(network, pixels);
    return Object.fromEntries(names.map((name) => [name, [...values[name]]]));
  });
}"""


@pytest.fixture(scope="module")
def pictures():
    return fashion_mnist("mini").test.images[:200]


def drawing(page):
    return np.frombuffer(base64.b64decode(trait(page, "picture")), np.uint8).reshape(28, 28)


def unit(page):
    return trait(page, "layer"), trait(page, "position")


def shown_value(page):
    """The value of the unit, as the heading of the sum tells it."""
    settle(page)
    return number(page.locator(".net-head .cnnbook-live").inner_text().rpartition(" ")[2])


def percents(page):
    return [float(text.rstrip(" %\u00a0")) for text in page.locator(".net-bar b").all_inner_texts()]


def board(page, layer):
    return page.locator(f".net-{layer} .net-board")


def on_paper(page, row, column):
    box = page.locator(".net-input .net-map").bounding_box()
    return shares(box, (column + 0.5) / 28, (row + 0.5) / 28)


def tool(page, figure, name):
    page.get_by_role("button", name=figure.words[name], exact=True).click()
    settle(page)


def test_the_page_computes_what_torch_computes(open_figure, pictures):
    """Every logit and probability of 200 pictures within 1e-4; every value of the first 10."""
    figure = NetworkExplorer()
    page = open_figure(figure)
    pixels = pictures.flatten(1).tolist()
    with torch.inference_mode():
        logits = small_cnn(quiet=True)(normalise(pictures))
    answers = page.evaluate(FORWARD, [figure.weights, pixels, ["logits", "softmax"]])
    for name, expected in (("logits", logits), ("softmax", logits.softmax(1))):
        found = np.array([answer[name] for answer in answers])
        assert np.abs(found - expected.numpy()).max() < 1e-4, name
    answers = page.evaluate(FORWARD, [figure.weights, pixels[:10], list(SHAPES)])
    for picture, answer in zip(pictures[:10], answers, strict=True):
        figure.picture = picture
        for name, values in figure.activations.items():
            assert np.abs(np.array(answer[name]) - values.ravel()).max() < 1e-4, name


def test_every_half_precision_number_is_read(open_figure):
    """Subnormal ones, both zeros and the largest too: weights of all 63,488 finite patterns."""
    page = open_figure(NetworkExplorer())
    patterns = np.arange(2**16, dtype="<u2")
    patterns = np.resize(patterns[np.isfinite(patterns.view("<f2"))], (7, 9_098))
    decode = "(w) => { const n = cnnbookFigures.network_explorer.decode(w);"
    decode += " return Object.values(n).flatMap((l) => [...l.weight, ...l.bias]); }"
    for some in patterns:
        found = page.evaluate(decode, base64.b64encode(some.tobytes()).decode())
        assert np.array_equal(found, some.view("<f2").astype(float))


def test_the_sum_of_a_unit_is_the_value_of_the_unit(open_figure, pictures):
    figure = NetworkExplorer(pictures[2])
    page = open_figure(figure)
    random = np.random.default_rng(0)
    values = figure.activations
    call = """([weights, pixels, units]) => {
      const { decode, forward, explain } = cnnbookFigures.network_explorer;
      const network = decode(weights);
      const values = forward(network, pixels);
      return units.map(([layer, place]) => explain(network, values, layer, place));
    }"""
    units = [
        (layer, place)
        for layer, shape in list(SHAPES.items())[1:]
        for place in [*random.integers(0, shape, (30, 3)).tolist(), [0, 0, 0]]
    ]
    answers = page.evaluate(call, [figure.weights, figure.picture.ravel().tolist(), units])
    edges = 0
    for (layer, place), answer in zip(units, answers, strict=True):
        value = values[layer][tuple(place)]
        windows = [np.array(term["window"], dtype=float) for term in answer["terms"]]  # None → nan
        edges += any(np.isnan(window).any() for window in windows)
        if layer.startswith("pool"):
            assert windows[0].shape == (2, 2) and windows[0].max() == pytest.approx(value, abs=1e-4)
            continue
        total = answer["bias"]
        for window, term in zip(windows, answer["terms"], strict=True):
            products = np.nan_to_num(window) * np.array(term["kernel"])
            assert np.allclose(products, np.array(term["products"], dtype=float))
            assert term["sum"] == pytest.approx(products.sum(), abs=1e-9)
            total += term["sum"]
        expected = max(0, total) if layer.startswith("conv") else total
        assert expected == pytest.approx(value, abs=1e-4), (layer, place)
    assert edges > 2  # padding was among them


def test_the_frames_hold_all_that_a_unit_depends_on(open_figure, pictures):
    """Other pixels may change as they like; and away from the rim the frame has the right size."""
    figure = NetworkExplorer(pictures[3])
    page = open_figure(figure)
    call = "([layer, place]) => cnnbookFigures.network_explorer.regions(layer, place)"
    chain = {"conv1": (3, 1), "pool1": (2, 2), "conv2": (3, 1), "pool2": (2, 2)}
    random = np.random.default_rng(1)
    before = {name: v.copy() for name, v in figure.activations.items()}
    original = figure.picture
    for number_of_layers, layer in enumerate(chain, start=1):
        middle = [0, *(size // 2 for size in SHAPES[layer][1:])]
        top, left, bottom, right = page.evaluate(call, [layer, middle])["input"]
        size = receptive_field(list(chain.values())[:number_of_layers])
        assert bottom - top + 1 == right - left + 1 == size
        for place in [middle, [0, 0, 0], [1, *(size - 1 for size in SHAPES[layer][1:])]]:
            top, left, bottom, right = page.evaluate(call, [layer, place])["input"]
            other = random.integers(0, 256, (28, 28)).astype(np.uint8)
            other[top : bottom + 1, left : right + 1] = original[top : bottom + 1, left : right + 1]
            figure.picture = other
            value = figure.activations[layer][:, place[1], place[2]]
            assert np.allclose(value, before[layer][:, place[1], place[2]], atol=1e-5)
    assert page.evaluate(call, ["logits", [3, 0, 0]])["input"] == [0, 0, 27, 27]


def test_the_maps_are_painted_from_the_activations(open_figure):
    """Zero is the ground; the darker green, the larger the value."""
    figure = NetworkExplorer()
    page = open_figure(figure)
    seen = 0
    for layer in ("conv1", "pool1", "conv2", "pool2"):
        for channel, values in enumerate(figure.activations[layer]):
            red = pixels(page.locator(f".net-{layer} canvas").nth(channel))[:, 0]
            assert (red[values.ravel() == 0] == 255).all()
            assert (np.diff(red[values.ravel().argsort()]) <= 0).all(), layer
            seen += (red < 255).sum()
    assert seen > 1000


def test_right_wrong_or_unknown_is_said(open_figure):
    figure = NetworkExplorer()
    page = open_figure(figure)
    best = int(figure.probabilities.argmax())
    other = (best + 1) % 10
    for label, kind in ((best, "right"), (other, "wrong"), (None, "no_truth")):
        put(page, label=label)
        said = figure.text(kind, name="" if label is None else figure.classes[label])
        assert said in page.locator(".net-answer + .net-quiet").inner_text()
    page.locator("select").select_option(label=figure.classes[1])
    assert trait(page, "label") == 1 and trait(page, "picture") == figure.pictures[1]


def test_draws_and_erases_with_the_mouse(open_figure):
    figure = NetworkExplorer()
    page = open_figure(figure)
    tool(page, figure, "clear")
    assert drawing(page).sum() == 0
    page.mouse.move(*on_paper(page, 5, 5))
    page.mouse.down()
    page.mouse.move(*on_paper(page, 5, 20))
    page.mouse.up()
    page.mouse.move(*on_paper(page, 25, 25))  # not pressed: nothing is drawn
    drawn = drawing(page)
    assert (drawn[5, 5:21] == 255).all() and drawn[8:].sum() == drawn[:3].sum() == 0
    assert trait(page, "label") is None and page.locator("select").input_value() == ""

    figure.picture = drawn  # and what is shown is what the network makes of it
    assert percents(page) == pytest.approx(100 * figure.probabilities, abs=0.51)

    tool(page, figure, "erase")
    page.mouse.click(*on_paper(page, 5, 12))
    assert drawing(page)[5, 12] == 0 and drawing(page)[5, 6] == 255
    tool(page, figure, "undo")
    assert np.array_equal(drawing(page), drawn)
    tool(page, figure, "invert")
    assert np.array_equal(drawing(page), 255 - drawn)
    tool(page, figure, "undo")
    tool(page, figure, "centre")
    for places in np.nonzero(drawing(page)):
        assert abs(places.min() - (27 - places.max())) <= 1
    assert drawing(page).sum() == drawn.sum()
    for _ in range(4):  # to the picture of the beginning; then there is nothing left to undo
        tool(page, figure, "undo")
    assert trait(page, "picture") == figure.pictures[9] and trait(page, "label") == 9


def test_draws_with_keys(open_figure):
    figure = NetworkExplorer(np.zeros((28, 28)))
    page = open_figure(figure)
    page.get_by_role("slider").press("ArrowLeft")  # the thinnest brush
    board(page, "input").focus()
    for key in ("ArrowUp", "Space", *["Shift+ArrowRight"] * 3, *["ArrowDown"] * 3, "Enter"):
        page.keyboard.press(key)
    drawn = drawing(page)
    assert (drawn[13, 14:18] == 255).all() and drawn[16, 17] == 255
    assert drawn[15, :15].sum() == 0
    for _ in range(40):
        page.keyboard.press("ArrowDown")
    label = board(page, "input").get_attribute("aria-label")
    assert figure.text("brush_at", row=28, column=18) in label


def test_what_is_read_out_waits_until_the_hand_rests(open_figure):
    figure = NetworkExplorer()
    page = open_figure(figure)
    heard = page.locator(".net-heard")
    page.wait_for_function("document.querySelector('.net-heard').textContent !== ''")
    before = heard.inner_text()
    tool(page, figure, "clear")
    assert heard.inner_text() == before
    changed = "(text) => document.querySelector('.net-heard').textContent !== text"
    page.wait_for_function(changed, arg=before)
    assert page.locator(".net-best span").first.inner_text() in heard.inner_text()
    assert page.locator("[aria-live=polite]").count() == 2
    page.mouse.move(*on_paper(page, 5, 5))
    page.mouse.down()
    settle(page)
    assert page.locator("[aria-live=polite]").count() == 1  # the unit is silent meanwhile
    page.mouse.up()


def test_a_press_on_any_cell_tells_its_value(open_figure):
    figure = NetworkExplorer()
    page = open_figure(figure)
    values = figure.activations
    places = {"conv1": (3, 0, 27), "pool1": (7, 13, 0), "conv2": (4, 6, 5), "pool2": (15, 3, 3)}
    for layer, (channel, row, column) in places.items():
        drawn = page.locator(f".net-{layer} .net-map").nth(channel)
        rows, columns = SHAPES[layer][1:]
        place = shares(drawn.bounding_box(), (column + 0.5) / columns, (row + 0.5) / rows)
        page.mouse.click(*place)
        assert unit(page) == (layer, [channel, row, column])
        assert shown_value(page) == pytest.approx(values[layer][channel, row, column], abs=0.0051)
        frame = drawn.locator(".net-unit").bounding_box()
        assert shares(frame, 0.5, 0.5) == pytest.approx(place, abs=2)
    kinds = {"pool2": "unit", "conv2": "near", "pool1": "far", "conv1": "far", "input": "far"}
    framed = [page.locator(f".net-{name} .net-map .net-{kinds[name]}").count() for name in kinds]
    assert framed == [1, 1, 8, 8, 1]
    paper, frame = (page.locator(f".net-input .net-{n}").bounding_box() for n in ("map", "far"))
    assert frame["width"] == pytest.approx(10 / 28 * paper["width"], abs=1)  # receptive field
    page.locator(".net-bar").nth(7).click()
    assert unit(page) == ("logits", [7, 0, 0])
    assert shown_value(page) == pytest.approx(values["logits"].ravel()[7], abs=0.0051)


def test_the_equation_adds_up_and_chips_open_their_channel(open_figure):
    figure = NetworkExplorer(layer="conv2", position=[4, 6, 5])
    page = open_figure(figure)
    equation = page.locator(".net-equation").inner_text().partition("→")[0]
    parts = equation.replace("=", "+").split(" + ")
    total, bias, before = (number(part.strip("() ").split()[-1]) for part in parts)
    assert sum(numbers(page, ".net-chip span")) == pytest.approx(total, abs=0.05)
    assert total + bias == pytest.approx(before, abs=0.011)
    assert max(0, before) == pytest.approx(shown_value(page), abs=0.0051)
    kernels = small_cnn(quiet=True).conv2.weight.detach().numpy()
    for channel in (6, 1):
        page.locator(".net-chip").nth(channel).click()
        settle(page)
        shown = numbers(page, ".net-kernel .net-cells > *")
        assert shown == pytest.approx(kernels[4, channel].ravel(), abs=0.0051)
        assert page.locator(".net-chip[aria-pressed=true]").count() == 1
        assert page.evaluate("document.activeElement.classList.contains('net-chip')")
    tool(page, figure, "invert")  # the channel stays open while the picture changes
    assert page.locator(".net-chip").nth(1).get_attribute("aria-pressed") == "true"
    figure.picture = 255 - figure.picture
    expected = figure.activations["pool1"][1, 5:8, 4:7].ravel()
    assert numbers(page, ".net-window .net-cells > *") == pytest.approx(expected, abs=0.0051)


def test_the_way_down_to_the_pixels_with_keys(open_figure):
    figure = NetworkExplorer(layer="logits", position=[9, 0, 0])
    page = open_figure(figure)
    values, model = figure.activations, small_cnn(quiet=True)
    page.locator(".net-bars").focus()
    page.keyboard.press("ArrowUp")
    assert unit(page) == ("logits", [8, 0, 0])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    shares = model.fc.weight[9].detach().numpy().reshape(16, 7, 7) * values["pool2"]
    channel = np.abs(shares.sum((1, 2))).argmax()
    row, column = np.unravel_index(np.abs(shares[channel]).argmax(), (7, 7))
    assert unit(page) == ("pool2", [channel, row, column])
    assert board(page, "pool2").evaluate("(node) => node === document.activeElement")
    way = [unit(page)]
    for layer in ("conv2", "pool1", "conv1", "input"):
        page.keyboard.press("Enter")
        way.append(unit(page))
        assert way[-1][0] == layer
    largest = values["conv2"][channel, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].max()
    assert values["conv2"][tuple(way[1][1])] == largest
    pixel = figure.picture[tuple(way[-1][1][1:])]
    assert shown_value(page) == pytest.approx((pixel / 255 - 0.286) / 0.353, abs=0.0051)
    assert f"({pixel} ÷ 255" in page.locator(".net-equation").inner_text()
    page.get_by_role("button", name=figure.words["up"]).click()
    assert unit(page) == way[-2]
    for expected in way[-3::-1]:
        board(page, unit(page)[0]).focus()
        page.keyboard.press("Backspace")
        assert unit(page) == expected


def test_a_layer_that_python_sets_before_its_position_is_drawn(open_figure):
    page = open_figure(NetworkExplorer(layer="conv1", position=[7, 27, 27]))
    put(page, layer="logits")
    shown_value(page)  # nothing thrown; the console is heard by open_figure


def test_other_weights_give_other_answers_and_colours(open_figure):
    """With four times the weights of the first layer, four times its values are in full colour."""
    torch.manual_seed(1)
    model = SmallCNN()
    weak = NetworkExplorer(model=model)
    with torch.no_grad():
        for weights in model.conv1.parameters():
            weights *= 4
    strong = NetworkExplorer(model=model)
    page = open_figure(weak)
    painted = "document.querySelectorAll('.net-conv1 canvas')[3].toDataURL()"
    before = page.evaluate(painted)
    put(page, weights=strong.weights)
    assert page.evaluate(painted) == before
    logits = strong.activations["logits"].ravel()
    assert numbers(page, ".net-bar .net-quiet") == pytest.approx(logits, abs=0.0051)


def test_the_last_fifty_changes_can_be_undone(open_figure):
    figure = NetworkExplorer()
    page = open_figure(figure)
    press = """([name, times]) => {
      const button = [...document.querySelectorAll('button')].find((b) => b.textContent === name);
      for (let time = 0; time < times; time += 1) button.click();
    }"""
    for name in ("invert", "undo"):
        page.evaluate(press, [figure.words[name], 61])
    assert np.array_equal(drawing(page), 255 - figure.picture)  # as the first eleven left it
    assert trait(page, "label") is None


def test_escape_lifts_the_pen(open_figure):
    page = open_figure(NetworkExplorer(np.zeros((28, 28))))
    page.mouse.move(*on_paper(page, 5, 5))
    page.mouse.down()
    page.keyboard.press("Escape")
    page.mouse.move(*on_paper(page, 20, 20))
    assert drawing(page)[:10, :10].any() and not drawing(page)[12:].any()
