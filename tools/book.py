"""Build the web book from the committed notebooks: ``make book``.

    python tools/book.py          both editions in _build/html, and each chapter as one file
    python tools/book.py pdf      the same, and each edition as a PDF in _build/pdf (needs Chromium)

Nothing is executed. Any warning of Sphinx is a failure. The folder _build/html opens from disk
and from any server and asks nothing of the network. Settings: notebooks/conf.py.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from cnnbook import figures

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
EDITIONS = ("ko", "en")
MOVED = {  # addresses that readers may have kept; a page that goes leaves its new name here
    "5_1_2_convolution_layer": "5_1_2_1_convolution_layer",
    "5_1_2_pooling_and_classifier": "5_1_2_2_pooling_layer",
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]

# The first page sends a reader to the edition that the browser's languages ask for.
FIRST_PAGE = """<!DOCTYPE html>
<html lang="ko">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>cnnbook</title>
<link rel="icon" href="data:,">
<script>
const korean = navigator.languages.some((name) => name.startsWith("ko"));
location.replace(korean ? "ko/index.html" : "en/index.html");
</script>
</head>
<body>
<main>
<h1>cnnbook</h1>
<p lang="ko"><a href="ko/index.html">한국어</a></p>
<p lang="en"><a href="en/index.html">English</a></p>
</main>
</body>
</html>
"""

# An old address leads on, to the same section.
MOVED_PAGE = """<!DOCTYPE html>
<html lang="{edition}">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="1; url={new}.html">
<link rel="canonical" href="{new}.html">
<title>cnnbook</title>
<script>location.replace("{new}.html" + location.hash);</script>
</head>
<body><main><a href="{new}.html">{new}</a></main></body>
</html>
"""


def build(folder):
    """Write both editions to `folder`, from scratch.

    Raises SystemExit with all that Sphinx complains of, after the pages are written.
    """
    folder, complaints = Path(folder), ""
    for edition in EDITIONS:
        command = [sys.executable, "-m", "sphinx", "-n", "-W", "--keep-going", "-q", "-E", "-a"]
        command += ["-c", str(ROOT / "notebooks"), "-t", edition]
        command += ["-d", str(folder.parent / "doctrees" / edition)]
        command += [str(ROOT / "notebooks" / edition), str(folder / edition)]
        shutil.rmtree(folder / edition, ignore_errors=True)
        done = run(command, cwd=ROOT, env=dict(os.environ, PYTHONUTF8="1"))
        if done.returncode != 0:
            complaints += done.stderr
        tidy(folder / edition)
        for old, new in MOVED.items():
            page = MOVED_PAGE.format(edition=edition, new=new)
            (folder / edition / f"{old}.html").write_text(page, encoding="utf-8")
    (folder / "index.html").write_text(FIRST_PAGE, encoding="utf-8")
    if complaints:
        raise SystemExit(complaints)


def run(command, **options):
    """The program's end, with its complaints as text whatever the locale of this computer."""
    ways = {"stderr": subprocess.PIPE, "encoding": "utf-8", "errors": "replace"}
    return subprocess.run(command, **ways, **options)


def tidy(folder):
    """Remove what the pages do not use: source maps and the theme's script of all icons."""
    for path in {*folder.rglob("*.map"), *folder.rglob("fontawesome.js")}:
        path.unlink()
    (folder / ".buildinfo").unlink(missing_ok=True)


def chapters(folder, edition):
    """The chapters as single files, in the order of the course."""
    return sorted((Path(folder) / edition / "one-file").glob("*.html"))


def find_chromium():
    """The path of a Chromium, or None: the one that CNNBOOK_CHROMIUM names, else the first here."""
    chosen = os.environ.get("CNNBOOK_CHROMIUM")
    return chosen or next(filter(None, map(shutil.which, BROWSERS)), None)


def chromium():
    """The path of a Chromium; without one the program ends and says so."""
    browser = find_chromium()
    if browser is None:
        names = ", ".join(BROWSERS)
        raise SystemExit(f"no Chromium: none of {names} is on the PATH; set CNNBOOK_CHROMIUM")
    return browser


def print_pdf(folder, edition, target):
    """Print one edition as a PDF, with page numbers, still pictures and open solutions."""
    browser = chromium()
    target.parent.mkdir(parents=True, exist_ok=True)
    page = target.with_suffix(".html")
    page.write_text(whole_edition(folder, edition), encoding="utf-8")
    command = [browser, "--headless", "--disable-gpu", "--no-pdf-header-footer"]
    command += ["--generate-pdf-document-outline", "--allow-file-access-from-files"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # a container's only user
        command += ["--no-sandbox"]
    command += [f"--print-to-pdf={target}", page.resolve().as_uri()]
    done = run(command, stdout=subprocess.DEVNULL)
    page.unlink()
    if done.returncode != 0 or not target.exists():
        raise SystemExit(f"Chromium printed nothing:\n{done.stderr}")


def whole_edition(folder, edition):
    """All chapters in one page for the printer: no scripts run, so pictures stay still."""
    titles, bodies, head, book = [], [], "", ""
    for path in chapters(folder, edition):
        text = path.read_text(encoding="utf-8")
        head = text[: text.index("<body>")]
        body = text.partition('<main class="bd-article">')[2].partition("</main>")[0]
        name = path.stem.replace("_", "-")
        body = re.sub(r'\bid="', f'id="{name}-', body)
        body = re.sub(r'\bhref="#', f'href="#{name}-', body)
        body = body.replace("<details>", "<details open>")
        title, _, book = head.partition("<title>")[2].partition("</title>")[0].partition(" · ")
        titles.append(f'<li><a href="#{name}-title">{title}</a></li>')
        bodies.append(body)
    names = sorted({name for body in bodies for name in re.findall(r'data-figure="(\w+)"', body)})
    head = re.sub(r"<script>.*?</script>", "", head, flags=re.S)
    head = re.sub(r"<title>.*?</title>", f"<title>{book}</title>", head)
    head = head.replace("</head>", f"<style>{figures.styles(names)}</style></head>")
    cover = f'<section class="cover"><h1>{book}</h1><ul>{"".join(titles)}</ul></section>'
    return f"{head}<body><main class='bd-article'>{cover}{''.join(bodies)}</main></body></html>"


def main(arguments):
    if not set(arguments) <= {"pdf"}:
        raise SystemExit(__doc__)
    began = time.monotonic()
    build(BUILD / "html")
    for edition in EDITIONS:
        for path in chapters(BUILD / "html", edition):
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e6:.2f} MB")
        if "pdf" in arguments:
            target = BUILD / "pdf" / f"cnnbook-{edition}.pdf"
            print_pdf(BUILD / "html", edition, target)
            print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1e6:.2f} MB")
    first = BUILD / "html" / "index.html"
    print(f"{first.relative_to(ROOT)}: open it in a browser ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main(sys.argv[1:])
