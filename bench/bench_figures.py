"""How long from the reader's hand to the painted frame: explorer and network on 28 × 28 pictures.

Each line is one kind of event, repeated in a page from disk in headless Chromium without a GPU.
"work" is what the page does for it: the figure's drawing, layout and paint of that frame.
"painted" is from the moment the browser made the event until the frame is painted; it contains
the wait for the next frame, up to 16.7 ms at 60 frames a second. Numbers drift with the load of
the machine; nothing is asserted. "cpu" is the page's own processor time an event, scripts, layout
and painting: it holds on a busy machine too.
"""

import statistics
import tempfile
from pathlib import Path

import numpy as np
from machine import chromium

from cnnbook.figures import ConvolutionExplorer, NetworkExplorer

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


def move_pointer(page, times):
    box = page.locator(".input .grid").bounding_box()
    for step in range(times):
        place = (step * 37) % 784
        move_to(page, box, (place % 28 + 0.5) / 28, (place // 28 + 0.5) / 28)
        yield


def press_arrows(page, times):
    page.locator(".output .board").focus()
    page.keyboard.press("Home")
    for step in range(times):
        page.keyboard.press("ArrowDown" if step % 8 == 7 else "ArrowRight")
        yield


def type_into_kernel(page, times):
    page.locator(".kernel .cnnbook-cells input").first.focus()
    for step in range(times):
        page.keyboard.press("Control+a")
        page.keyboard.type(str(step % 10))
        yield


def move_slider(page, times):
    page.locator('input[type="range"]').nth(1).focus()
    for step in range(times):
        page.keyboard.press("ArrowRight" if step % 6 < 3 else "ArrowLeft")
        yield


def draw(page, times):
    box = page.locator(".net-input .net-map").bounding_box()
    move_to(page, box, 0.5, 0.5)
    page.mouse.down()
    for step in range(times):
        move_to(page, box, 0.2 + 0.6 * (step * 7 % 20) / 20, 0.2 + 0.6 * step / times)
        yield
    page.mouse.up()


def move_to(page, box, x, y):
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])


def kinds():
    """[(figure, what the reader does, the event measured, how), …]"""
    picture = np.random.default_rng(0).integers(0, 256, size=(28, 28))
    explorer = ConvolutionExplorer(picture, kernel="sharpen")
    return [
        (explorer, "move over the picture", "pointermove", move_pointer),
        (explorer, "step with an arrow key", "keydown", press_arrows),
        (explorer, "type into the kernel", "input", type_into_kernel),
        (explorer, "move the stride slider", "input", move_slider),
        (NetworkExplorer(), "draw, 9 products shown", "pointermove", draw),
        (NetworkExplorer(layer="logits"), "draw, 49 products shown", "pointermove", draw),
    ]


# A screen shows a frame every 16.7 ms, and an event waits for the next one, whatever the page does.
# Without that clock a frame is painted as soon as it is ready: what is left is the page's own.
CLOCKS = {
    "60 frames a second": [],
    "no frame clock": ["--disable-frame-rate-limit", "--disable-gpu-vsync"],
}


def busy(session):
    """Seconds of processor time the page has taken so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in metrics}["TaskDuration"]


def measure_kind(browser, file, times, figure, name, event, act):
    """One row: milliseconds at the median (p50) and at the slowest twentieth (p95)."""
    figure.save_html(file)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(file.as_uri())
    page.evaluate(WATCH)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = busy(session)
    for _ in act(page, times):
        page.wait_for_timeout(20)
    row = {"event": name, "cpu": round(1000 * (busy(session) - before) / times, 2)}
    events = [one for one in page.evaluate("window.measured") if one["type"] == event]
    page.close()
    for start, column in (("begun", "work"), ("made", "painted")):
        durations = [one["painted"] - one[start] for one in events]
        shares = statistics.quantiles(durations, n=100, method="inclusive")
        row |= {f"{column}_p{share}": round(shares[share - 1], 2) for share in (50, 95)}
    return row


def measure(seeds, quick):
    """{"events", "chromium", "clocks": {clock: [{"event", "work_p50", …, "cpu"}, …]}}, in ms."""
    times = 20 if quick else 200  # events of each kind
    result = {"events": times, "clocks": {}}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figure.html"
        for clock, flags in CLOCKS.items():
            with chromium(*flags) as browser:
                result["chromium"] = browser.version
                rows = [measure_kind(browser, file, times, *kind) for kind in kinds()]
                result["clocks"][clock] = rows
    return result
