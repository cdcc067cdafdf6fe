"""The web book in a real Chromium: opened from disk with every host blocked, read and moved."""

import json
import re
import shutil
from pathlib import Path
from urllib.parse import quote, unquote

import book as builder
import pytest
from looks import give_up, settle

ROOT = Path(__file__).resolve().parents[2]
EDITIONS = ("ko", "en")
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks" / "ko").glob("*.ipynb"))
LISTED = ["claims", "figures", "glossary", "bibliography", "reference"]
PAGES = [
    "index",
    *CHAPTERS,
    *LISTED,
    "genindex",
    "search",
]
CONVOLUTION, POOLING = "5_1_2_1_convolution_layer", "5_1_2_2_pooling_layer"
CLASSIFIER = "5_1_2_3_classifier"
DIMENSIONS, START = "5_1_3_convolution_in_1d_2d_3d", "5_0_start_here"
LARGEST_PAGE, LARGEST_FILE = 1_500_000, 3_000_000  # bytes


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The web book, built once, at a place that nothing points to: (folder, complaints)."""
    folder = tmp_path_factory.mktemp("book") / "html"
    try:
        builder.build(folder)
    except SystemExit as stop:
        return folder, str(stop).splitlines()
    return folder, []


@pytest.fixture(scope="session")
def html(built):
    return built[0]


@pytest.fixture
def visit(chromium):
    """``visit(path, width=…, theme=…)``: a page from disk, without any network.

    After the test: no error or warning in the console, no request to anywhere but the disk.
    """
    complaints, contexts = [], []

    def hear(message):
        if message.type in ("error", "warning"):
            complaints.append(f"console: {message.text}")

    def ask(request):
        if not request.url.startswith(("file:", "data:")):
            complaints.append(f"request: {request.url}")

    def open_page(path, width=1280, theme="light", query="", **options):
        options = {"reduced_motion": "reduce", "offline": True, **options}
        size = {"width": width, "height": 800}
        context = chromium.new_context(viewport=size, color_scheme=theme, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("console", hear)
        page.on("request", ask)
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url[:99]}"))
        page.add_init_script(WATCH_SHIFTS)
        page.goto(path.as_uri() + query)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


WATCH_SHIFTS = """
globalThis.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
  if (!entry.hadRecentInput) globalThis.shifted += entry.value;
})).observe({ type: 'layout-shift', buffered: true });
"""


in_both = pytest.mark.parametrize("edition", EDITIONS)
every_page = pytest.mark.parametrize("name", PAGES)
every_chapter = pytest.mark.parametrize("name", CHAPTERS)
STICKING_OUT = """() => [...document.querySelectorAll(
  'article *, .bd-header-article *, main.bd-article *')].filter((node) => {
  const box = node.getBoundingClientRect();
  if (!box.width || box.right <= innerWidth + 1 || !node.checkVisibility()) return false;
  for (let up = node.parentElement; up; up = up.parentElement) {
    if (getComputedStyle(up).overflowX !== 'visible') return false;  // scrolls in itself
  }
  return true;
}).map((node) => node.tagName + '.' + node.className + ' ' + node.textContent.slice(0, 40))"""


def test_the_book_is_built_without_a_warning(built):
    assert built[1] == []


@in_both
@every_page
def test_a_page_opens_and_fits(html, visit, edition, name):
    """At phone width, at 200% zoom of a laptop and on a projector: nothing is cut off."""
    page = visit(html / edition / f"{name}.html", theme="light" if edition == "ko" else "dark")
    page.wait_for_load_state("load")
    assert page.locator("html").get_attribute("lang") == edition
    assert page.locator("h1").count() >= 1
    assert page.evaluate("document.querySelectorAll('img:not([alt]), img[alt=\"\"]').length") == 0
    assert page.locator(".cnnbook-still").count() == 0
    places = page.locator(".cnnbook-place").all()
    assert len(places) == (figures_in(html, edition, name) if name in CHAPTERS else 0)
    assert all(moves(page, place) for place in places[:2])
    for width in (1920, 640, 360):
        page.set_viewport_size({"width": width, "height": 800})
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(STICKING_OUT) == [], width


@in_both
@every_page
def test_links_and_files_are_there(html, edition, name):
    """Every href and src leads to a file of the folder, and every #place is on its page."""
    text = (html / edition / f"{name}.html").read_text(encoding="utf-8")
    targets = re.findall(r'<(?:a|link|script|img)\b[^>]*?\b(?:href|src)="([^"]+)"', text)
    assert len(targets) > 10
    for target in set(targets):
        if target.startswith("https://"):
            fetched = re.search(rf'<(?:link|script|img)[^>]*"{re.escape(target)}', text)
            assert not fetched, f"{target} would be fetched"
        if target.startswith(("data:", "https://")):
            continue
        path, _, place = target.partition("#")
        path = html / edition / unquote(path.partition("?")[0]) if path else None
        other = path.resolve() if path else html / edition / f"{name}.html"
        assert other.exists(), f"{name} leads to {target}"
        if place:
            assert f'id="{unquote(place)}"' in other.read_text(encoding="utf-8"), target


def test_the_first_page_knows_the_readers_language(html, visit):
    for locale, edition in (("ko-KR", "ko"), ("de-DE", "en")):
        page = visit(html / "index.html", locale=locale)
        page.wait_for_url(f"**/{edition}/index.html")
    page = visit(html / "index.html", java_script_enabled=False)
    assert page.locator("a").all_inner_texts() == ["한국어", "English"]


@in_both
def test_chapters_follow_the_course(html, visit, edition):
    page = visit(html / edition / "index.html")
    links = page.locator(".bd-docs-nav a").evaluate_all("(all) => all.map((a) => a.href)")
    assert [Path(link).stem for link in links][: len(CHAPTERS)] == CHAPTERS
    for name in CHAPTERS:
        page.locator(".prev-next-footer a.right-next").click()
        page.wait_for_url(f"**/{name}.html")


def moves(page, place):
    """Whether keys change what a figure says; what else it does, the contract of figures asks."""
    for control in place.locator('button:enabled, input:enabled, select, [tabindex="0"]').all():
        control.focus()
        for key in ("ArrowRight", "ArrowLeft", "ArrowDown", "Space"):
            before = place.evaluate(STATE)
            page.keyboard.press(key)
            settle(page)
            if place.evaluate(STATE) != before:
                return True
    return False


STATE = """(place) => JSON.stringify([place.innerText,
  [...place.querySelectorAll('[aria-live], output')].map((one) => one.textContent),
  [...place.querySelectorAll('input, select')].map((one) => one.value),
  [...place.querySelectorAll('[aria-valuetext]')].map((one) => one.ariaValueText)])"""


def figures_in(html, edition, name):
    """How many live figures the notebook has; the copy is the one the page was made from."""
    text = (html / edition / "_sources" / f"{name}.ipynb").read_text(encoding="utf-8")
    return text.count('"application/vnd.cnnbook.figure+json"')


@pytest.mark.parametrize("width", [360, 1280])
@every_chapter
def test_nothing_jumps_when_figures_come_alive(html, visit, name, width):
    page = visit(html / "ko" / f"{name}.html", width=width)
    page.wait_for_timeout(300)
    assert page.evaluate("shifted") < 0.01
    asleep = visit(html / "ko" / f"{name}.html", width=width, java_script_enabled=False)
    heights = "(all) => all.map((figure) => figure.offsetHeight)"
    alive, still = (one.locator(".cnnbook-figure").evaluate_all(heights) for one in (page, asleep))
    assert alive == still


def test_the_switch_of_editions_keeps_the_place(html, visit):
    page = visit(html / "ko" / f"{CONVOLUTION}.html")
    page.locator("#receptive").evaluate("(node) => node.scrollIntoView()")
    settle(page)
    for edition in ("en", "ko"):
        box = page.locator("a.edition-switch").bounding_box()
        page.mouse.click(box["x"] + 20, box["y"] + 15)  # click() would scroll the page
        page.wait_for_url(f"**/{edition}/{CONVOLUTION}.html#receptive")
        assert 0 <= page.locator("#receptive").bounding_box()["y"] < 300


def test_the_same_places_in_both_editions(html):
    for name in CHAPTERS:
        pages = ((html / edition / f"{name}.html").read_text("utf-8") for edition in EDITIONS)
        korean, english = (re.findall(r'<section[^>]* id="([^"]+)"', page) for page in pages)
        assert korean == english and len(korean) > 3
        assert not [place for place in korean if re.fullmatch(r"id\d+", place)]


@pytest.mark.parametrize("edition", EDITIONS)
def test_an_old_address_leads_to_the_new_page_and_the_same_section(html, visit, edition):
    for old, new in builder.MOVED.items():
        assert new in CHAPTERS and old not in CHAPTERS
        page = visit(html / edition / f"{old}.html", query="#by-hand")
        page.wait_for_url(f"**/{new}.html#by-hand")


def test_light_and_dark_are_chosen_and_kept(html, visit):
    page = visit(html / "ko" / "5_1_2_1_convolution_layer.html")
    themes = "[document.documentElement.dataset.theme,"
    themes += " document.querySelector('.cnnbook-figure').dataset.theme]"
    assert page.evaluate(themes) == ["light", "light"]
    page.locator(".theme-switch-button").click()
    page.locator('.theme-change-button[data-mode="dark"]').click()
    assert page.evaluate(themes) == ["dark", "dark"]
    page.locator(".prev-next-footer a.right-next").click()
    page.wait_for_load_state("load")
    assert page.evaluate(themes) == ["dark", "dark"]


QUESTIONS = [  # what the reader types, the page that must come first, the place on it
    ("ko", "합성곱", CONVOLUTION, "by-hand"),
    ("ko", "합성곱은", CONVOLUTION, "by-hand"),
    ("ko", "풀링", POOLING, "title"),
    ("ko", "풀링층에서", POOLING, "title"),
    ("ko", "수용 영역", CONVOLUTION, "receptive"),
    ("ko", "손실 함수", CLASSIFIER, "output"),
    ("ko", "패딩이란", CONVOLUTION, "padding"),
    ("ko", "특성맵을", CONVOLUTION, "by-hand"),
    ("ko", "소프트맥스", CLASSIFIER, "output"),
    ("ko", "receptive field", CONVOLUTION, "receptive"),
    ("ko", "전역 평균 풀링", POOLING, "global"),
    ("ko", "에포크", START, "network"),
    ("en", "convolution", CONVOLUTION, "by-hand"),
    ("en", "pooling", POOLING, None),
    ("en", "max pooling", POOLING, "by-hand"),
    ("en", "receptive field", CONVOLUTION, "receptive"),
    ("en", "padding", CONVOLUTION, "padding"),
    ("en", "Stride", CONVOLUTION, "sizes"),
    ("en", "softmax", CLASSIFIER, "output"),
    ("en", "gradient descent", CONVOLUTION, "learned"),
    ("en", "depthwise convolution", DIMENSIONS, "groups"),
    ("en", "epoch", START, "network"),
    ("en", "수용 영역", CONVOLUTION, "receptive"),
]


def search(page, html, edition, words):
    """The addresses of the hits, best first."""
    page.goto((html / edition / "search.html").as_uri() + "?q=" + quote(words))
    page.wait_for_function("document.querySelector('.search-summary')?.innerText")
    return page.locator("ul.search a").evaluate_all(
        "(all) => all.map((a) => a.attributes.href.value)"
    )


@in_both
def test_the_first_hit_is_the_right_one(html, visit, edition):
    page = visit(html / edition / "search.html")
    wrong = []
    for language, words, name, place in QUESTIONS:
        if language == edition and name in CHAPTERS:
            first, *_ = search(page, html, edition, words) or [""]
            found, _, there = first.partition("#")
            if found != f"{name}.html" or place not in (None, there):
                wrong.append(f"{words}: {first}")
    assert wrong == []


def test_a_word_is_found_whatever_is_glued_to_it(html, visit):
    """Words of two syllables that stand on the page only with a particle: 신발의, not 신발."""
    text = (html / "ko" / f"{CONVOLUTION}.html").read_text(encoding="utf-8")
    body = re.sub(r"<[^>]+>", " ", text.partition("<article")[2].partition("</article>")[0])
    words = set(re.findall(r"[가-힣]+", body))
    glued = {word[:2] for word in words if re.fullmatch(r"..[은는을를의에]", word)} - words
    assert len(glued) > 10
    page = visit(html / "ko" / "search.html")
    for word in sorted(glued)[:10]:
        assert any(CONVOLUTION in hit for hit in search(page, html, "ko", word)), word
    assert search(page, html, "ko", "없는낱말뭉치") == []


@pytest.mark.parametrize("width, button", [(1280, ".search-button-field"), (360, ".search-button")])
def test_the_reader_finds_where_to_search(html, visit, width, button):
    page = visit(html / "ko" / f"{CONVOLUTION}.html", width=width)
    page.locator(f"{button}:visible").click()
    page.keyboard.type("풀링")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=*")
    page.wait_for_function("document.querySelector('.search-summary')?.innerText")
    assert page.locator("ul.search a").count() > 0


@in_both
@every_chapter
def test_a_chapter_travels_alone(html, visit, tmp_path, edition, name):
    path = shutil.copy(html / edition / "one-file" / f"{name}.html", tmp_path / "alone.html")
    assert path.stat().st_size < LARGEST_FILE
    page = visit(path, width=360, theme="dark" if edition == "ko" else "light")
    assert page.locator("html").get_attribute("data-theme") in ("dark", "light")
    assert page.locator(".cnnbook-still").count() == 0
    assert page.locator(".cnnbook-place").count() == figures_in(html, edition, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate(STICKING_OUT) == []
    leads = page.locator("a[href]").evaluate_all("(all) => all.map((a) => a.attributes.href.value)")
    assert [lead for lead in leads if not lead.startswith(("#", "https://"))] == []
    assert all(moves(page, place) for place in page.locator(".cnnbook-place").all()[:1])


@every_chapter
def test_a_page_is_light(html, visit, name):
    """All that a reader's browser loads for a chapter, uncompressed."""
    loaded = set()
    page = visit(html / "ko" / "index.html")
    page.on("request", lambda request: loaded.add(request.url.partition("?")[0]))
    page.goto((html / "ko" / f"{name}.html").as_uri())
    page.wait_for_timeout(200)
    files = [Path(unquote(url[7:])) for url in loaded if url.startswith("file:")]
    total = sum(path.stat().st_size for path in files)
    assert 300_000 < total < LARGEST_PAGE, sorted((p.stat().st_size, p.name) for p in files)


def test_code_is_copied_as_it_stands(html, visit):
    name = CONVOLUTION
    page = visit(html / "ko" / f"{name}.html", permissions=["clipboard-read", "clipboard-write"])
    notebook = json.loads((ROOT / "notebooks" / "ko" / f"{name}.ipynb").read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    cells = [cell for cell in cells if "remove-cell" not in cell["metadata"].get("tags", [])]
    block = page.locator("div.cell_input").nth(2)
    block.hover()
    block.locator("button.copybtn").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == "".join(cells[2]["source"]).strip()
    assert page.locator("div.cell_input button.copybtn").count() == len(cells)
    assert page.locator("div.cell_output button.copybtn").count() == 0
    labels = page.locator("button.copybtn").evaluate_all("(all) => all.map((b) => b.ariaLabel)")
    assert set(labels) == {"코드 복사"}


def test_solutions_are_folded(html, visit):
    page = visit(html / "ko" / f"{CONVOLUTION}.html")
    assert page.locator("details").count() >= 4
    assert page.locator("details[open]").count() == 0
    first = page.locator("details").first
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert first.locator("pre, p").first.is_visible()


def test_formulas_are_mathml(html, visit):
    page = visit(html / "ko" / f"{CONVOLUTION}.html")
    assert page.locator(".formula math").count() >= 3
    assert page.locator("math merror").count() == 0
    fraction = page.locator(".formula math:has(mfrac)").first
    bracket = fraction.locator("mo").first
    assert bracket.bounding_box()["height"] > 30  # ⌊ grows with the fraction: a real math font
    assert page.evaluate("document.fonts.check('16px \"cnnbook Math\"')")


@pytest.fixture(scope="session")
def axe():
    """The script axe-core (Deque, MPL-2.0); package-lock.json says which, `npm ci` brings it."""
    script = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        give_up("axe-core is not there (`npm ci` brings it)")
    return script.read_text(encoding="utf-8")


RUN_AXE = """async () => {
  const found = await axe.run(document, { resultTypes: ['violations'], preload: false });
  const reason = (node) => [...node.any, ...node.all, ...node.none].map((one) => one.message)[0];
  return found.violations.filter((one) => ['serious', 'critical'].includes(one.impact)).flatMap(
    (one) => one.nodes.slice(0, 3).map((node) => `${one.id} ${node.target}: ${reason(node)}`));
}"""


# Every page in one theme, by turns; one chapter in both, also as one file on a telephone.
LOOKED_AT = ["index", *LISTED, "search", *CHAPTERS]
THEMES = {(name, ("light", "dark")[k % 2]) for k, name in enumerate(LOOKED_AT)}
CHAPTER_BOTH_WAYS = (CONVOLUTION, f"one-file/{CONVOLUTION}")
THEMES |= {(name, theme) for theme in ("light", "dark") for name in CHAPTER_BOTH_WAYS}


@pytest.mark.parametrize("name, theme", sorted(THEMES))
def test_axe_finds_no_serious_fault(html, visit, axe, name, theme):
    edition = "ko" if theme == "light" else "en"
    width = 360 if name.startswith("one-file") else 1280
    page = visit(html / edition / f"{name}.html", width=width, theme=theme)
    page.evaluate(axe)
    assert page.evaluate(RUN_AXE) == []
