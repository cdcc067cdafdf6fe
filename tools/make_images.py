"""Make the pictures in images/ from the real figures: ``make images``.

``explorer.png`` is the convolution explorer as a reader sees it, ``explorer.webp`` steps through
all 16 positions of the course's example; ``explorer.ko.*`` are the same in Korean. Needs Chromium
(on the PATH, or named by CNNBOOK_CHROMIUM) and playwright.
"""

import io
import sys
import tempfile
from pathlib import Path

from book import chromium
from PIL import Image

from cnnbook import language
from cnnbook.figures import ConvolutionExplorer

FOLDER = Path(__file__).parents[1] / "images"
LARGEST = 400_000  # bytes of a picture in the README


def photograph(page, figure, steps=()):
    """Pictures of `figure` in its page: as it opens, and after each key of `steps`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figure.html"
        figure.save_html(path)
        page.goto(path.as_uri())
        page.add_style_tag(content=".frame { transition: none !important; }")
        pictures = [take(page)]
        page.locator(".output .board").focus()
        page.add_style_tag(content=":focus-visible { outline: none !important; }")
        for key in steps:
            page.keyboard.press(key)
            page.evaluate("new Promise((go) => requestAnimationFrame(() => setTimeout(go)))")
            pictures.append(take(page))
    return pictures


def take(page):
    shot = page.locator(".cnnbook-figure").screenshot()
    return Image.open(io.BytesIO(shot)).convert("RGB")


def weigh(path):
    size = path.stat().st_size
    if size > LARGEST:
        sys.exit(f"{path.name} has {size:,} bytes; at most {LARGEST:,} are wanted")
    print(f"{path.name}: {size:,} bytes")


def main():
    from playwright.sync_api import sync_playwright

    FOLDER.mkdir(exist_ok=True)
    right, down, left = ["ArrowRight"], ["ArrowDown"], ["ArrowLeft"]
    snake = [*3 * right, *down, *3 * left, *down, *3 * right, *down, *3 * left]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 916, "height": 800}, color_scheme="light")
        for name, end in (("en", ""), ("ko", ".ko")):
            language.set_language(name)
            (still,) = photograph(page, ConvolutionExplorer(position=(1, 2)))
            still = still.quantize(128, dither=Image.Dither.NONE)
            still.save(FOLDER / f"explorer{end}.png", optimize=True)
            first, *others = photograph(page, ConvolutionExplorer(), snake)
            moving = {"save_all": True, "append_images": others, "duration": 700, "loop": 0}
            first.save(FOLDER / f"explorer{end}.webp", quality=70, **moving)
            for kind in ("png", "webp"):
                weigh(FOLDER / f"explorer{end}.{kind}")
        browser.close()


if __name__ == "__main__":
    main()
