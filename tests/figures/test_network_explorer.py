"""The whole network in a page from disk: its numbers, the reader's drawing, and the way down."""

import base64

import numpy as np
import pytest
import torch
from looks import settle

from cnnbook import language
from cnnbook.convolution import receptive_field
from cnnbook.data import fashion_mnist, normalise
from cnnbook.figures import NetworkExplorer
from cnnbook.figures.small_network import SHAPES
from cnnbook.models import SmallCNN, small_cnn

WIDTHS = (1280, 940, 700, 360)
MODEL = "document.querySelector('.cnnbook-place').cnnbookModel"
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


def get(page, name):
    return page.evaluate(f"{MODEL}.get('{name}')")


def drawing(page):
    return np.frombuffer(base64.b64decode(get(page, "picture")), np.uint8).reshape(28, 28)


def unit(page):
    return get(page, "layer"), get(page, "position")


def number(text):
    return float(text.replace("−", "-"))


def shown_value(page):
    """The value of the unit, as the heading of the sum tells it."""
    settle(page)
    return number(page.locator(".net-head .cnnbook-live").inner_text().rpartition(" ")[2])


def board(page, layer):
    return page.locator(f".net-{layer} .net-board")


def on_paper(page, row, column):
    box = page.locator(".net-input .net-map").bounding_box()
    return box["x"] + (column + 0.5) / 28 * box["width"], box["y"] + (row + 0.5) / 28 * box[
        "height"
    ]


def tool(page, figure, name):
    page.get_by_role("button", name=figure.words[name], exact=True).click()
    settle(page)


# ---- the arithmetic -------------------------------------------------------------------------


def test_the_page_computes_what_torch_computes(open_figure, pictures):
    """Every logit and probability of 200 test pictures within 1e-4; every value of the first 10."""
    figure = NetworkExplorer()
    page = open_figure(figure)
    pixels = pictures.flatten(1).tolist()
    answers = page.evaluate(FORWARD, [figure.weights, pixels, ["logits", "softmax"]])
    with torch.inference_mode():
        logits = small_cnn(quiet=True)(normalise(pictures))
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
    patterns = patterns[np.isfinite(patterns.view("<f2"))]
    decode = "(w) => { const n = cnnbookFigures.network_explorer.decode(w);"
    decode += " return Object.values(n).flatMap((l) => [...l.weight, ...l.bias]); }"
    for start in range(0, len(patterns), 9_098):
        some = np.resize(patterns[start : start + 9_098], 9_098)
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


# ---- what is seen ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ko", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_opens_in_both_languages_and_themes_at_every_width(open_figure, name, theme):
    language.set_language(name)
    figure = NetworkExplorer()
    page = open_figure(figure, theme=theme)
    root = page.locator(".cnnbook-figure")
    assert root.get_attribute("lang") == name and root.get_attribute("data-theme") == theme
    for layer in SHAPES:
        page.evaluate(f"{MODEL}.set('layer', '{layer}')")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            settle(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(STICKING_OUT) == [], (layer, width)


STICKING_OUT = """
[...document.querySelectorAll(['title > *', 'bar > *', 'chip > *', 'cells > *', 'caption']
  .map((name) => `.net-${name}`))].filter((node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    const [own, whole] = [range, node.parentElement].map((n) => n.getBoundingClientRect());
    const text = node.closest('.net-cells') ? node.getBoundingClientRect() : whole;
    if (node.matches('.net-bar > *') && node.scrollWidth > node.clientWidth + 1) return true;
    return own.width && (own.right > text.right + 1 || own.left < text.left - 1);
  }).map((node) => `${node.className}: ${node.textContent}`)
"""


def test_wakes_up_in_the_space_of_its_picture(open_figure):
    figure = NetworkExplorer()
    alive = open_figure(figure)
    asleep = open_figure(figure, java_script_enabled=False)
    assert asleep.locator("img").get_attribute("alt") == figure.alternative_text()
    for width in (*WIDTHS, 1100, 860, 560, 540):
        heights = []
        for page in (asleep, alive):
            page.set_viewport_size({"width": width, "height": 800})
            heights.append(page.locator(".cnnbook-figure").bounding_box()["height"])
        assert heights[0] == heights[1], width


def test_the_maps_are_painted_from_the_activations(open_figure):
    """Zero is the ground; the darker green, the larger the value."""
    figure = NetworkExplorer()
    page = open_figure(figure)
    read = """(canvas) => [...canvas.getContext('2d')
      .getImageData(0, 0, canvas.width, canvas.height).data].filter((_, k) => k % 4 === 0)"""
    seen = 0
    for layer in ("conv1", "pool1", "conv2", "pool2"):
        for channel, values in enumerate(figure.activations[layer]):
            red = page.locator(f".net-{layer} canvas").nth(channel).evaluate(read)
            red = np.array(red).reshape(values.shape)
            assert (red[values == 0] == 255).all()
            order = values.ravel().argsort()
            assert (np.diff(red.ravel()[order]) <= 0).all(), layer
            seen += (red < 255).sum()
    assert seen > 1000
    shares = [
        number(text.rstrip(" %\u00a0")) for text in page.locator(".net-bar b").all_inner_texts()
    ]
    assert shares == pytest.approx(100 * figure.probabilities, abs=0.51)
    logits = [number(text) for text in page.locator(".net-bar .net-quiet").all_inner_texts()]
    assert logits == pytest.approx(figure.activations["logits"].ravel(), abs=0.0051)


def test_right_wrong_or_unknown_is_said(open_figure):
    figure = NetworkExplorer()
    page = open_figure(figure)
    best = int(figure.probabilities.argmax())
    truth = page.locator(".net-answer + .net-quiet")
    for label in (best, (best + 1) % 10, None):
        page.evaluate(f"(label) => {MODEL}.set('label', label)", label)
        settle(page)
        kind = "no_truth" if label is None else "right" if label == best else "wrong"
        name = figure.classes[label] if label is not None else ""
        assert figure.text(kind, name=name) in truth.inner_text()
    page.locator("select").select_option(label=figure.classes[1])
    settle(page)
    assert get(page, "label") == 1 and get(page, "picture") == figure.pictures[1]


# ---- drawing --------------------------------------------------------------------------------


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
    assert get(page, "label") is None and page.locator("select").input_value() == ""

    figure.picture = drawn  # and what is shown is what the network makes of it
    settle(page)
    shares = [
        number(text.rstrip(" %\u00a0")) for text in page.locator(".net-bar b").all_inner_texts()
    ]
    assert shares == pytest.approx(100 * figure.probabilities, abs=0.51)

    tool(page, figure, "erase")
    page.mouse.click(*on_paper(page, 5, 12))
    assert drawing(page)[5, 12] == 0 and drawing(page)[5, 6] == 255
    tool(page, figure, "undo")
    assert np.array_equal(drawing(page), drawn)
    tool(page, figure, "invert")
    assert np.array_equal(drawing(page), 255 - drawn)
    tool(page, figure, "undo")
    tool(page, figure, "centre")
    rows, columns = np.nonzero(drawing(page))
    assert (
        abs(rows.min() - (27 - rows.max())) <= 1 and abs(columns.min() - (27 - columns.max())) <= 1
    )
    assert drawing(page).sum() == drawn.sum()
    for _ in range(2):
        tool(page, figure, "undo")
    assert drawing(page).sum() == 0
    for _ in range(2):  # the picture of the beginning; then there is nothing left to undo
        tool(page, figure, "undo")
        assert get(page, "picture") == figure.pictures[9] and get(page, "label") == 9


def test_draws_with_keys(open_figure):
    figure = NetworkExplorer(np.zeros((28, 28)))
    page = open_figure(figure)
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowLeft")  # the thinnest brush
    board(page, "input").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    assert drawing(page)[13, 14] == 255 and drawing(page)[14, 16] == 0
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert (drawing(page)[13, 14:18] == 255).all() and drawing(page)[15:].sum() == 0
    page.keyboard.press("Enter")
    assert drawing(page)[16, 17] == 255
    label = board(page, "input").get_attribute("aria-label")
    assert figure.text("brush_at", row=17, column=18) in label
    for _ in range(40):
        page.keyboard.press("ArrowDown")
    assert figure.text("brush_at", row=28, column=18) in board(page, "input").get_attribute(
        "aria-label"
    )


def test_draws_with_a_finger_and_the_page_stays_where_it_is(open_figure):
    page = open_figure(NetworkExplorer(np.zeros((28, 28))), width=360, has_touch=True)
    page.touchscreen.tap(*on_paper(page, 20, 9))
    assert drawing(page)[20, 9] == 255
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.net-input .net-map')).touchAction")
        == "none"
    )
    box = page.locator(".net-pool1 .net-map").nth(2).bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.9, box["y"] + 1)
    assert unit(page) == ("pool1", [2, 0, 12])


def test_what_is_read_out_waits_until_the_hand_rests(open_figure):
    figure = NetworkExplorer()
    page = open_figure(figure)
    heard = page.locator(".net-heard")
    page.wait_for_function("document.querySelector('.net-heard').textContent !== ''")
    before = heard.inner_text()
    tool(page, figure, "clear")
    assert heard.inner_text() == before
    page.wait_for_function(
        "(text) => document.querySelector('.net-heard').textContent !== text", arg=before
    )
    best = page.locator(".net-best span").first.inner_text()
    assert best in heard.inner_text()
    assert page.locator("[aria-live=polite]").count() == 2
    page.mouse.move(*on_paper(page, 5, 5))
    page.mouse.down()
    settle(page)
    assert page.locator("[aria-live=polite]").count() == 1  # the unit is silent meanwhile
    page.mouse.up()


# ---- asking ---------------------------------------------------------------------------------


def test_a_press_on_any_cell_tells_its_value(open_figure):
    figure = NetworkExplorer()
    page = open_figure(figure)
    values = figure.activations
    for layer, channel, row, column in (
        ("conv1", 3, 0, 27),
        ("pool1", 7, 13, 0),
        ("conv2", 4, 6, 5),
        ("pool2", 15, 3, 6),
    ):
        box = page.locator(f".net-{layer} .net-map").nth(channel).bounding_box()
        rows, columns = SHAPES[layer][1:]
        page.mouse.click(
            box["x"] + (column + 0.5) / columns * box["width"],
            box["y"] + (row + 0.5) / rows * box["height"],
        )
        assert unit(page) == (layer, [channel, row, column])
        assert shown_value(page) == pytest.approx(values[layer][channel, row, column], abs=0.0051)
        own = page.locator(f".net-{layer} .net-map").nth(channel).locator(".net-unit")
        frame = own.bounding_box()
        x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
        assert x == pytest.approx(box["x"] + (column + 0.5) / columns * box["width"], abs=2)
        assert y == pytest.approx(box["y"] + (row + 0.5) / rows * box["height"], abs=2)
    page.locator(".net-bar").nth(7).click()
    assert unit(page) == ("logits", [7, 0, 0])
    assert shown_value(page) == pytest.approx(values["logits"].ravel()[7], abs=0.0051)
    assert page.locator(".net-pool2 .net-near").count() == 16
    assert page.locator(".net-input .net-far").count() == 1


def test_the_windows_of_all_layers_below_are_framed(open_figure):
    page = open_figure(NetworkExplorer(layer="pool2", position=[5, 3, 3]))
    framed = {
        layer: page.locator(f".net-{layer} .net-map .net-{kind}").count()
        for layer, kind in (
            ("pool2", "unit"),
            ("conv2", "near"),
            ("pool1", "far"),
            ("conv1", "far"),
            ("input", "far"),
        )
    }
    assert framed == {"pool2": 1, "conv2": 1, "pool1": 8, "conv1": 8, "input": 1}
    paper = page.locator(".net-input .net-map").bounding_box()
    frame = page.locator(".net-input .net-far").bounding_box()
    assert frame["width"] == pytest.approx(10 / 28 * paper["width"], abs=1)  # receptive field


def test_the_equation_adds_up(open_figure):
    figure = NetworkExplorer(layer="conv2", position=[4, 6, 5])
    page = open_figure(figure)
    texts = page.locator(".net-chip span").all_inner_texts()
    equation = page.locator(".net-equation").inner_text().replace("−", "-")
    total, bias, before = (
        float(part.strip("() ").split()[-1].strip("()"))
        for part in equation.split("→")[0].replace("=", "+").split(" + ")
    )
    assert sum(map(number, texts)) == pytest.approx(total, abs=0.05)
    assert total + bias == pytest.approx(before, abs=0.011)
    assert max(0, before) == pytest.approx(shown_value(page), abs=0.0051)


def test_chips_open_their_channel_and_it_stays_open_while_drawing(open_figure):
    figure = NetworkExplorer(layer="conv2", position=[4, 6, 5])
    page = open_figure(figure)
    kernels = small_cnn(quiet=True).conv2.weight.detach().numpy()
    for channel in (6, 1):
        page.locator(".net-chip").nth(channel).click()
        settle(page)
        shown = [number(t) for t in page.locator(".net-kernel .net-cells > *").all_inner_texts()]
        assert shown == pytest.approx(kernels[4, channel].ravel(), abs=0.0051)
        assert page.locator(".net-chip[aria-pressed=true]").count() == 1
        assert page.evaluate("document.activeElement.classList.contains('net-chip')")
    tool(page, figure, "invert")
    assert page.locator(".net-chip").nth(1).get_attribute("aria-pressed") == "true"
    figure.picture = 255 - figure.picture
    window = [number(t) for t in page.locator(".net-window .net-cells > *").all_inner_texts()]
    expected = figure.activations["pool1"][1, 5:8, 4:7].ravel()
    assert window == pytest.approx(expected, abs=0.0051)


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
    for layer in ("conv2", "pool1", "conv1"):
        page.keyboard.press("Enter")
        way.append(unit(page))
        assert way[-1][0] == layer
    largest = values["conv2"][channel, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].max()
    assert values["conv2"][tuple(way[1][1])] == largest
    page.keyboard.press("Enter")
    assert unit(page)[0] == "input"
    _, pixel_row, pixel_column = unit(page)[1]
    pixel = figure.picture[pixel_row, pixel_column]
    assert shown_value(page) == pytest.approx((pixel / 255 - 0.286) / 0.353, abs=0.0051)
    assert f"({pixel} ÷ 255" in page.locator(".net-equation").inner_text()
    page.get_by_role("button", name=figure.words["up"]).click()
    for expected in way[-2::-1]:
        assert unit(page)[0] != expected[0]
        board(page, unit(page)[0]).focus()
        page.keyboard.press("Backspace")
        assert unit(page) == expected


def test_cells_of_the_window_lead_down_and_padding_does_not(open_figure):
    figure = NetworkExplorer(layer="conv2", position=[4, 0, 5])
    page = open_figure(figure)
    cells = page.locator(".net-window .net-cells > button")
    disabled = [cell.is_disabled() for cell in cells.all()]
    assert disabled == [True] * 3 + [False] * 6
    page.locator(".net-chip").nth(2).click()
    cells.nth(5).click()
    assert unit(page) == ("pool1", [2, 0, 6])
    assert board(page, "pool1").evaluate("(node) => node === document.activeElement")
    page.get_by_role("button", name=figure.words["up"]).click()
    assert unit(page) == ("conv2", [4, 0, 5])


def test_arrows_move_the_unit_and_shift_the_map(open_figure):
    page = open_figure(NetworkExplorer(layer="conv1", position=[0, 5, 5]))
    board(page, "conv1").focus()
    for key, expected in (
        ("ArrowDown", [0, 6, 5]),
        ("ArrowRight", [0, 6, 6]),
        ("Shift+ArrowRight", [1, 6, 6]),
        ("Shift+ArrowLeft", [0, 6, 6]),
        ("Shift+ArrowLeft", [0, 6, 6]),
    ):
        page.keyboard.press(key)
        assert unit(page) == ("conv1", expected)
    board(page, "pool2").focus()
    page.keyboard.press("ArrowDown")
    assert unit(page) == ("pool2", [0, 0, 0])  # the first arrow comes over
    page.keyboard.press("Control+ArrowDown")  # and nothing is thrown at the rim
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    assert unit(page)[1][2] == 6


def test_a_layer_that_python_sets_before_its_position_is_drawn(open_figure):
    page = open_figure(NetworkExplorer(layer="conv1", position=[7, 27, 27]))
    page.evaluate(f"{MODEL}.set('layer', 'logits')")
    shown_value(page)  # nothing thrown; the console is heard by open_figure


def test_other_weights_give_other_answers(open_figure):
    torch.manual_seed(1)
    model = SmallCNN()
    figure, own = NetworkExplorer(), NetworkExplorer(model=model)
    page = open_figure(figure)
    page.evaluate(f"(weights) => {MODEL}.set('weights', weights)", own.weights)
    settle(page)
    logits = [number(text) for text in page.locator(".net-bar .net-quiet").all_inner_texts()]
    assert logits == pytest.approx(own.activations["logits"].ravel(), abs=0.0051)
    kernel = [number(t) for t in page.locator(".net-kernel .net-cells > *").all_inner_texts()]
    channel = page.locator(".net-chip[aria-pressed=true]").evaluate(
        "(chip) => [...chip.parentNode.children].indexOf(chip)"
    )
    expected = model.conv2.weight.detach()[figure.position[0], channel]
    assert kernel == pytest.approx(expected.ravel().tolist(), abs=0.0055)


def test_the_colours_follow_other_weights(open_figure):
    """With four times the weights of the first layer, four times its values are in full colour."""
    torch.manual_seed(1)
    model = SmallCNN()
    weak = NetworkExplorer(model=model)
    with torch.no_grad():
        for weights in model.conv1.parameters():
            weights *= 4
    page = open_figure(weak)
    painted = "document.querySelectorAll('.net-conv1 canvas')[3].toDataURL()"
    before = page.evaluate(painted)
    strong = NetworkExplorer(model=model).weights
    page.evaluate(f"(weights) => {MODEL}.set('weights', weights)", strong)
    settle(page)
    assert page.evaluate(painted) == before


def test_the_last_fifty_changes_can_be_undone(open_figure):
    figure = NetworkExplorer()
    page = open_figure(figure)
    invert, undo = (figure.words[name] for name in ("invert", "undo"))
    press = """([name, times]) => {
      const button = [...document.querySelectorAll('button')].find((b) => b.textContent === name);
      for (let time = 0; time < times; time += 1) button.click();
    }"""
    page.evaluate(press, [invert, 61])
    page.evaluate(press, [undo, 61])
    assert np.array_equal(drawing(page), 255 - figure.picture)  # as the first eleven left it
    assert get(page, "label") is None


def test_escape_lifts_the_pen(open_figure):
    page = open_figure(NetworkExplorer(np.zeros((28, 28))))
    page.mouse.move(*on_paper(page, 5, 5))
    page.mouse.down()
    page.keyboard.press("Escape")
    page.mouse.move(*on_paper(page, 20, 20))
    assert drawing(page)[:10, :10].any() and not drawing(page)[12:].any()


# ---- for everybody --------------------------------------------------------------------------
