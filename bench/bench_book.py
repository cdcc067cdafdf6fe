"""What a reader waits for: weight, first paint and jumping of every chapter of the web book.

Builds the book into a temporary folder and opens each chapter from disk in headless Chromium,
a new browser profile each time. "weight" is all that the page loads, uncompressed; "one file" is
the chapter as a single file. "paint" is the first contentful paint, "alive" the moment the last
live figure has woken up, both in ms after the start of loading; "shift" is Chromium's cumulative
layout shift (below 0.1 counts as good). Times drift with the load of the machine.
"""

import tempfile
from pathlib import Path
from urllib.parse import unquote

import book
from machine import chromium

WATCH = """
globalThis.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((one) => {
  globalThis.shifted += one.value;
})).observe({ type: 'layout-shift', buffered: true });
new MutationObserver(() => {
  const awake = document.querySelector('.cnnbook-figure:not(.cnnbook-still)');
  if (awake) globalThis.alive = performance.now();
}).observe(document, { subtree: true, childList: true });
"""
READ = """({ paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
  alive: globalThis.alive || 0, shift: globalThis.shifted,
  figures: document.querySelectorAll('.cnnbook-place').length })"""


def measure_page(browser, path, width):
    """One page, opened in a new context: {"paint", "alive", "shift", "figures", "weight"}."""
    context = browser.new_context(viewport={"width": width, "height": 800}, offline=True)
    page = context.new_page()
    loaded = set()
    page.on("request", lambda request: loaded.add(request.url.partition("?")[0]))
    page.add_init_script(WATCH)
    page.goto(path.as_uri())
    page.wait_for_timeout(700)
    row = {name: round(value, 3) for name, value in page.evaluate(READ).items()}
    files = [Path(unquote(url[7:])) for url in loaded if url.startswith("file:")]
    row["weight"] = sum(file.stat().st_size for file in files)
    context.close()
    return row


def measure(seeds, quick):
    """{"rows": [{"edition", "chapter", "width", "weight", "one_file", "paint", …}, …]}

    Weights in bytes, paint and alive in ms.
    """
    rows = []
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        folder = Path(temporary) / "html"
        book.build(folder)
        # the first start of all is slow
        measure_page(browser, folder / "ko" / "index.html", 1280)
        for edition in book.EDITIONS:
            for alone in book.chapters(folder, edition)[: 1 if quick else None]:
                for width in (1280, 360):
                    place = {"edition": edition, "chapter": alone.stem, "width": width}
                    place["one_file"] = alone.stat().st_size
                    page = folder / edition / alone.name
                    rows.append({**place, **measure_page(browser, page, width)})
    return {"rows": rows}
