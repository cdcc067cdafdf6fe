"""The kit: state and nodes agree on real frames, nothing runs idly, every host is known."""

import pytest
from looks import SHOWN, settle

from cnnbook.figures import ConvolutionExplorer, ExplanationExplorer, KernelMotion, NetworkExplorer
from cnnbook.figures.tables import to_rows

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
    (
        ExplanationExplorer,
        {"view": "occlusion"},
        [{"size": 2}, {"view": "maps"}, {"layer": "pool1", "channel": 9}, {"position": [3, 4]}],
    ),
    (
        NetworkExplorer,
        {},
        [{"layer": "input"}, {"layer": "logits"}, {"layer": "conv1"}, {"position": [7, 27, 0]}],
    ),
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
    "figure", [ConvolutionExplorer, ExplanationExplorer, KernelMotion, NetworkExplorer]
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


def test_the_pointer_finds_its_cell_in_a_shadow_root(open_figure):
    """Where marimo puts a figure: `document.elementFromPoint` finds only the host there."""
    page = open_figure(KernelMotion(2))
    page.evaluate("""() => {
      const old = document.querySelector('.cnnbook-place');
      const [host, place] = [document.createElement('div'), document.createElement('div')];
      host.attachShadow({ mode: 'open' }).append(
        document.querySelector('style').cloneNode(true), place);
      old.replaceWith(host);
      window.model = old.cnnbookModel;
      cnnbookFigures.kernel_motion.render({ model: window.model, el: place });
    }""")
    page.locator(".motion-output .motion-cell[data-place='0,2,1'] text").click(force=True)
    assert page.evaluate("window.model.get('position')") == [0, 2, 1]
