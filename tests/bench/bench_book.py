"""What a reader waits for: weight, first paint and jumping of every chapter of the web book.

    python tests/bench/bench_book.py

Builds the book into a temporary folder and opens each chapter from disk in headless Chromium,
a new browser profile each time. "weight" is all that the page loads, uncompressed; "one file" is
the chapter as a single file. "paint" is the first contentful paint, "alive" the moment the last
live figure has woken up, both in ms after the start of loading; "shift" is Chromium's cumulative
layout shift (below 0.1 counts as good). Times drift with the load of the machine; nothing is
asserted here.
"""

import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote

sys.path[:0] = [
    str(Path(__file__).parents[1] / "browser"),
    str(Path(__file__).parents[2] / "tools"),
]

import book  # noqa: E402, I001
from conftest import FLAGS, find_chromium  # noqa: E402

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


def measure(browser, path, width):
    """One page, opened in a new context: {"weight", "paint", "alive", "shift", "figures"}."""
    context = browser.new_context(viewport={"width": width, "height": 800}, offline=True)
    page = context.new_page()
    loaded = set()
    page.on("request", lambda request: loaded.add(request.url.partition("?")[0]))
    page.add_init_script(WATCH)
    page.goto(path.as_uri())
    page.wait_for_timeout(700)
    result = page.evaluate(READ)
    files = [Path(unquote(url[7:])) for url in loaded if url.startswith("file:")]
    result["weight"] = sum(file.stat().st_size for file in files)
    context.close()
    return result


def main():
    from playwright.sync_api import sync_playwright

    chromium = find_chromium()
    if chromium is None:
        sys.exit("no Chromium found; set CNNBOOK_CHROMIUM to one")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "html"
        book.build(folder)
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        measure(browser, folder / "ko" / "index.html", 1280)  # the first start of all is slow
        print(f"{'chapter':36}{'width':>6}{'weight':>9}{'one file':>10}", end="")
        print(f"{'figures':>9}{'paint':>8}{'alive':>8}{'shift':>8}")
        for edition in book.EDITIONS:
            for alone in book.chapters(folder, edition):
                for width in (1280, 360):
                    row = measure(browser, folder / edition / alone.name, width)
                    print(
                        f"{edition} {alone.stem:33}{width:6}{row['weight'] / 1e6:6.2f} MB"
                        f"{alone.stat().st_size / 1e6:7.2f} MB{row['figures']:9}"
                        f"{row['paint']:8.0f}{row['alive']:8.0f}{row['shift']:8.3f}"
                    )
        browser.close()


if __name__ == "__main__":
    main()
