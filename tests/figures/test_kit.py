"""The kit: state and nodes agree on real frames, nothing runs idly, every host is known."""

from functools import partial

import numpy as np
import pytest
from looks import SHOWN, settle

<<<<<<< HEAD:tests/figures/test_kit.py
from cnnbook.figures import (
    ConvolutionExplorer,
    CostExplorer,
    KernelMotion,
    PoolingExplorer,
    ShapeTracer,
=======
from cnnbook.data import fashion_mnist
from cnnbook.figures import (
    ConvolutionExplorer,
    KernelMotion,
    MessagePassing,
    ShuffleExplorer,
    TransferExplorer,
>>>>>>> figures-k:tests/browser/test_kit.py
)
from cnnbook.figures.tables import to_rows
from cnnbook.figures.training_curve.figure import TrainingCurve
from cnnbook.graphs import karate_club

POINTS = [[0.5 * k, 2.0 / k, 1 - 1 / (k + 1), 0.1 / k] for k in range(1, 9)]
VALIDATION = [[1.0, 0.9, 0.6], [2.0, 0.6, 0.8]]
messages = partial(MessagePassing, karate_club())
shuffle = partial(ShuffleExplorer, *np.random.default_rng(0).integers(0, 9, (2, 12, 20)))
curve = partial(TrainingCurve, points=POINTS, validation=VALIDATION, total=4.0, kept=2.0)


def transfer(**state):
    return TransferExplorer(fashion_mnist("mini"), **state)


# Changes faster than frames, as a loop in Python sends them; each list ends with another position.
FASTER_THAN_FRAMES = [
    (
        ConvolutionExplorer,
        {"position": [2, 2]},
        [
            {"kernel": to_rows([[1] * 4] * 4)},
            {"kernel": to_rows([[2] * 5] * 5)},
            {"position": [1, 1]},
        ],
    ),
    (
        ConvolutionExplorer,
        {},
        [
            {"image": "1 2; 3 4"},  # smaller than the kernel
            {"kernel": "1 2"},
            {"image": to_rows([range(28)] * 28)},
            {"position": [27, 26]},
        ],
    ),
    (KernelMotion, {}, [{"directions": 2}, {"directions": 3}, {"position": [0, 0, 1]}]),
    (
        KernelMotion,
        {"directions": 2},
        [{"channels": 2}, {"directions": 1}, {"position": [0, 0, 5]}],
    ),
<<<<<<< HEAD:tests/figures/test_kit.py
    (
        PoolingExplorer,
        {"position": [2, 2], "gradient": True},
        [
            {"image": to_rows([range(28)] * 28)},
            {"position": [13, 13]},
            {"image": to_rows([range(5)] * 4)},
            {"window": 4, "shift": [1, 0]},
            {"window": 3, "position": [0, 1]},
        ],
    ),
    (
        ShapeTracer,
        {},
        [{"known": [0, 11]}, {"place": 11}, {"known": [3]}, {"place": 3}, {"place": 7}],
    ),
    (CostExplorer, {"layer": "pool2"}, [{"pool2": False}, {"hidden": 0}, {"layer": "fc1"}]),
=======
    (messages, {}, [{"node": 33}, {"edges": [[0, 1]]}, {"layers": 2}, {"node": 3}]),
    (shuffle, {}, [{"shuffled": True}, {"shift": 5}, {"window": [0, 0]}, {"shift": -2}]),
    (curve, {}, [{"points": POINTS[:3]}, {"validation": []}, {"total": 8.0}, {"position": 1}]),
    (transfer, {"query": 9}, [{"place": 3}, {"query": 4}, {"counts": [5, 10, 40, 80]}]),
>>>>>>> figures-k:tests/browser/test_kit.py
]

SEND = """async (changes) => {
  const model = document.querySelector('.cnnbook-place').cnnbookModel;
  for (const change of changes) {
    Object.entries(change).forEach(([name, value]) => model.set(name, value));
    for (let turn = 0; turn < 5; turn += 1) await null; // what stands in line is drawn
  }
}"""

DRAW_ANEW = """() => {
  const [old] = document.querySelectorAll('.cnnbook-place');
  const place = document.createElement('div');
  old.parentElement.append(place);
  Object.values(cnnbookFigures)[0].render({ model: old.cnnbookModel, el: place });
}"""


@pytest.mark.parametrize("figure, state, changes", FASTER_THAN_FRAMES)
def test_changes_faster_than_frames_leave_what_would_be_drawn_anew(
    open_figure, figure, state, changes
):
    page = open_figure(figure(**state), real_clock=True)
    page.evaluate(SEND, changes)
    settle(page)
    page.evaluate(DRAW_ANEW)
    settle(page)
    roots = page.locator(".cnnbook-figure")
    assert roots.nth(0).evaluate(SHOWN) == roots.nth(1).evaluate(SHOWN)


# Counts what a figure asks of the browser: frames, timers, and listeners that it has not returned.
COUNT = """
window.asked = { frames: 0, timers: 0, listeners: 0 };
const wrap = (object, name, count) => {
  const real = object[name];
  object[name] = function (...rest) { count(); return real.apply(this, rest); };
};
wrap(window, 'requestAnimationFrame', () => { asked.frames += 1; });
wrap(window, 'setInterval', () => { asked.timers += 1; });
for (const target of [window, MediaQueryList.prototype]) {
  wrap(target, 'addEventListener', () => { asked.listeners += 1; });
  wrap(target, 'removeEventListener', () => { asked.listeners -= 1; });
}
"""


@pytest.mark.parametrize(
<<<<<<< HEAD:tests/figures/test_kit.py
    "figure", [ConvolutionExplorer, CostExplorer, KernelMotion, PoolingExplorer, ShapeTracer]
=======
    "figure", [ConvolutionExplorer, KernelMotion, messages, shuffle, curve, transfer]
>>>>>>> figures-k:tests/browser/test_kit.py
)
def test_an_idle_figure_asks_nothing_even_before_it_is_on_the_page(open_figure, figure):
    page = open_figure(figure(), real_clock=True)
    asked = page.evaluate(
        """async (count) => {
          (0, eval)(count);
          const { cnnbookModel } = document.querySelector('.cnnbook-place');
          const [drawing] = Object.values(cnnbookFigures);
          const places = Array.from({ length: 10 }, () => document.createElement('div'));
          const stops = places.map((el) => drawing.render({ model: cnnbookModel, el }));
          await new Promise((go) => setTimeout(go, 200));
          const settled = { ...window.asked };
          await new Promise((go) => setTimeout(go, 300));
          const idle = { ...window.asked };
          stops.forEach((stop) => stop());
          return { settled, idle, stopped: window.asked };
        }""",
        COUNT,
    )
    assert asked["idle"] == asked["settled"]
    assert asked["idle"]["frames"] <= 10 and asked["idle"]["timers"] == 0
    assert asked["idle"]["listeners"] >= 10 and asked["stopped"]["listeners"] == 0


@pytest.mark.parametrize(
    "names, theme, ground",
    [
        ("vscode-dark", "dark", "rgb(20, 24, 29)"),
        ("vscode-high-contrast", "dark", "rgb(0, 0, 0)"),
        ("vscode-high-contrast vscode-high-contrast-light", "light", "rgb(255, 255, 255)"),
    ],
)
def test_follows_the_themes_of_vs_code(open_figure, names, theme, ground):
    page = open_figure(KernelMotion(), theme="light" if theme == "dark" else "dark")
    page.evaluate("(names) => { document.body.className = names; }", names)
    settle(page)
    root = page.locator(".cnnbook-figure")
    assert root.get_attribute("data-theme") == theme
    assert root.evaluate("(node) => getComputedStyle(node).backgroundColor") == ground


@pytest.mark.parametrize(
    "figure, cell, trait, value",
    [
        (
            partial(KernelMotion, 2),
            ".motion-output .motion-cell[data-place='0,2,1']",
            "position",
            [0, 2, 1],
        ),
        (messages, ".message-board [data-node='5']", "node", 5),
    ],
)
def test_the_pointer_finds_its_cell_in_a_shadow_root(open_figure, figure, cell, trait, value):
    """Where marimo puts a figure: `document.elementFromPoint` finds only the host there."""
    page = open_figure(figure())
    page.evaluate("""() => {
      const old = document.querySelector('.cnnbook-place');
      const [host, place] = [document.createElement('div'), document.createElement('div')];
      host.attachShadow({ mode: 'open' }).append(
        document.querySelector('style').cloneNode(true), place);
      old.replaceWith(host);
      window.model = old.cnnbookModel;
      Object.values(cnnbookFigures)[0].render({ model: window.model, el: place });
    }""")
<<<<<<< HEAD:tests/figures/test_kit.py
    page.locator(".motion-output .motion-cell[data-place='0,2,1'] text").click(force=True)
    assert page.evaluate("window.model.get('position')") == [0, 2, 1]


def test_a_double_click_puts_a_slider_back_to_where_it_stood(open_figure):
    figure = CostExplorer(filters1=8)
    page = open_figure(figure)
    slider = page.get_by_label(f"conv1 {figure.words['filters']}", exact=True)
    get = "document.querySelector('.cnnbook-place').cnnbookModel.get('filters1')"
    slider.press("End")
    assert page.evaluate(get) == 128
    slider.dblclick()
    assert page.evaluate(get) == 8 and slider.input_value() == "8"
=======
    page.locator(f"{cell} text").click(force=True)
    assert page.evaluate(f"window.model.get('{trait}')") == value
>>>>>>> figures-k:tests/browser/test_kit.py
