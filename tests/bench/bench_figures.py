"""How long from the reader's hand to the painted frame: explorer and network on 28 × 28 pictures.

    python tests/bench/bench_figures.py

Each line is one kind of event, repeated in a page from disk in headless Chromium without a GPU.
"work" is what the page does for it: the figure's drawing, layout and paint of that frame.
"painted" is from the moment the browser made the event until the frame is painted; it contains
the wait for the next frame, up to 16.7 ms at 60 frames a second. Numbers drift with the load of
the machine; nothing is asserted. "cpu" is the page's own processor time an event, scripts, layout
and painting: it holds on a busy machine too.
"""

import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))

from conftest import FLAGS, find_chromium  # noqa: E402, I001
from cnnbook.figures import ConvolutionExplorer, NetworkExplorer  # noqa: E402

PICTURE = np.random.default_rng(0).integers(0, 256, size=(28, 28))
TIMES = 200  # events of each kind

# Our turn in the frame comes first, the figure's next; the message arrives when all is painted.
WATCH = """
window.measured = [];
for (const type of ['pointermove', 'keydown', 'input']) {
  window.addEventListener(type, (event) => requestAnimationFrame(() => {
    const begun = performance.now();
    const after = new MessageChannel();
    after.port1.onmessage = () => window.measured.push(
      { type, made: event.timeStamp, begun, painted: performance.now() });
    after.port2.postMessage(0);
  }), { capture: true });
}
"""


def move_pointer(page):
    box = page.locator(".input .grid").bounding_box()
    for step in range(TIMES):
        place = (step * 37) % 784
        x, y = (place % 28 + 0.5) / 28, (place // 28 + 0.5) / 28
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.wait_for_timeout(20)


def press_arrows(page):
    page.locator(".output .board").focus()
    page.keyboard.press("Home")
    for step in range(TIMES):
        page.keyboard.press("ArrowDown" if step % 8 == 7 else "ArrowRight")
        page.wait_for_timeout(20)


def type_into_kernel(page):
    page.locator(".kernel .cnnbook-cells input").first.focus()
    for step in range(TIMES):
        page.keyboard.press("Control+a")
        page.keyboard.type(str(step % 10))
        page.wait_for_timeout(20)


def move_slider(page):
    page.locator('input[type="range"]').nth(1).focus()
    for step in range(TIMES):
        page.keyboard.press("ArrowRight" if step % 6 < 3 else "ArrowLeft")
        page.wait_for_timeout(20)


def draw(page):
    box = page.locator(".net-input .net-map").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for step in range(TIMES):
        x, y = 0.2 + 0.6 * (step * 7 % 20) / 20, 0.2 + 0.6 * step / TIMES
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.wait_for_timeout(20)
    page.mouse.up()


EXPLORER = ConvolutionExplorer(PICTURE, kernel="sharpen")
KINDS = [  # the figure, what the reader does, the event measured, how
    (EXPLORER, "move over the picture", "pointermove", move_pointer),
    (EXPLORER, "step with an arrow key", "keydown", press_arrows),
    (EXPLORER, "type into the kernel", "input", type_into_kernel),
    (EXPLORER, "move the stride slider", "input", move_slider),
    (NetworkExplorer(), "draw, 9 products shown", "pointermove", draw),
    (NetworkExplorer(layer="logits"), "draw, 49 products shown", "pointermove", draw),
]

# A screen shows a frame every 16.7 ms, and an event waits for the next one, whatever the page does.
# Without that clock a frame is painted as soon as it is ready: what is left is the page's own.
CLOCKS = {
    "60 frames a second": [],
    "no frame clock": ["--disable-frame-rate-limit", "--disable-gpu-vsync"],
}


def percentile(values, share):
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]


def busy(session):
    """Seconds of processor time the page has taken so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in metrics}["TaskDuration"]


def measure(browser, file, figure, name, event, act):
    """One line of the table."""
    figure.save_html(file)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(file.as_uri())
    page.evaluate(WATCH)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = busy(session)
    act(page)
    cpu = 1000 * (busy(session) - before) / TIMES
    rows = [row for row in page.evaluate("window.measured") if row["type"] == event]
    page.close()
    line = f"{name:26}"
    for start, width in (("begun", 12), ("made", 14)):
        times = [row["painted"] - row[start] for row in rows]
        line += f"{percentile(times, 50):{width}.1f}{percentile(times, 95):8.1f}"
    return f"{line}{cpu:9.1f}"


def main():
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None:
        sys.exit("no Chromium found; set CNNBOOK_CHROMIUM to one")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        for clock, flags in CLOCKS.items():
            browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
            print(
                f"28 × 28, {TIMES} events each, Chromium {browser.version}, {clock}; milliseconds"
            )
            print(f"{'':26}{'work p50':>12}{'p95':>8}{'painted p50':>14}{'p95':>8}{'cpu':>9}")
            for kind in KINDS:
                print(measure(browser, Path(folder) / "figure.html", *kind))
            browser.close()


if __name__ == "__main__":
    main()
