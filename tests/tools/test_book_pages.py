"""What happens to a notebook on its way into the web book; figures/test_book.py reads it whole."""

import base64
import json
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import book_pages
import book_search
import pytest
from docutils import nodes
from sphinx.errors import ExtensionError

from checks.words import wrong_words
from cnnbook.figures import ConvolutionExplorer

ROOT = Path(__file__).resolve().parents[2]
FENCE = "```"


@pytest.mark.parametrize(
    "text, shown",
    [
        ("약 89%<!-- 100 * accuracy ± 1.0 -->, 60분<!-- estimate -->쯤", "약 89%, 60분쯤"),
        (
            f"a<!-- 1 -->\n\n{FENCE}html\n<!-- stays -->\n{FENCE}\nb<!-- 2 -->",
            f"a\n\n{FENCE}html\n<!-- stays -->\n{FENCE}\nb",
        ),
        (
            "The paper says 99.2%<!-- cited: lecun1998 -->.",
            'The paper says <a class="cited" href="bibliography.html#lecun1998">99.2%</a>.',
        ),
        ("## 1. 먼저 봅니다", '<span data-cell="bet"></span>\n\n## 1. 먼저 봅니다'),
    ],
)
def test_the_marks_of_checked_prose_are_not_shown_and_headings_know_their_cell(text, shown):
    assert book_pages.prose(text, "bet") == shown


def test_every_citation_of_the_chapters_is_in_the_bibliography():
    keys = book_pages.references()
    assert "lecun1998" in keys and len(keys) > 5
    for path in (ROOT / "notebooks").glob("*/*.ipynb"):
        cited = re.findall(r"<!--\s*cited:\s*(\S+?)\s*-->", path.read_text(encoding="utf-8"))
        assert set(cited) <= keys, f"{path.name}: add the source to notebooks/references.bib"


def test_a_page_with_a_wrong_citation_or_formula_does_not_stop_the_others(monkeypatch):
    said = []
    monkeypatch.setattr(
        book_pages.LOGGER, "warning", lambda text, location: said.append((text, location))
    )
    cell = {"cell_type": "markdown", "id": "bet", "source": "7<!-- cited: nobody2000 -->"}
    app = SimpleNamespace(env=SimpleNamespace(doc2path="{}.ipynb".format))
    book_pages.on_source_read(app, "5_0", [json.dumps({"cells": [cell]})])
    wrong = nodes.math("", r"\nonsense{x}")
    with pytest.raises(nodes.SkipNode):
        book_pages.show_math(SimpleNamespace(body=[]), wrong)
    assert [location for _, location in said] == ["5_0", wrong]
    assert "nobody2000" in said[0][0] and "nonsense" in said[1][0]


def test_pictures_get_words_a_size_and_a_number():
    figure = ConvolutionExplorer()
    png = base64.b64encode(figure.png()).decode("ascii")
    still = {"image/png": png + "\n", "text/plain": ['A "quoted" plot', " <b>"]}
    live = {
        "image/png": png,
        "text/plain": figure.alternative_text(),
        "application/vnd.cnnbook.figure+json": figure.figure_json(),
    }
    bundles = [still, {"text/plain": "[1, 2]"}, live]
    outputs = [{"output_type": "display_data", "data": data} for data in bundles]
    cell = {"cell_type": "code", "id": "c", "source": [], "outputs": outputs}
    book_pages.prepare({"cells": [cell]})
    first, text, second = (output["data"] for output in cell["outputs"])
    assert list(first) == list(second) == ["text/html"] and text == {"text/plain": "[1, 2]"}
    assert 'alt="A &quot;quoted&quot; plot &lt;b&gt;"' in first["text/html"]
    width, height = book_pages.size_of(png)
    assert f'width="{width}" height="{height}"' in first["text/html"] and width > 300
    assert ">그림 1</a>" in first["text/html"] and ">그림 2</a>" in second["text/html"]
    island = re.search(r"<script[^>]*>(.*?)</script>", second["text/html"])[1]
    assert json.loads(island) == json.loads(json.dumps(figure.figure_json()))


@pytest.mark.parametrize("tex", [r"\frac12", r"D^{-\frac 1 2}", r"\frac{1}2", r"\frac1{2}"])
def test_fractions_are_drawn_and_those_without_braces_refused(tex):
    """docutils would draw \\frac12 as "12"."""
    assert "<mfrac>" in book_pages.formula(r"\left\lfloor \frac{n}{s} \right\rfloor", as_block=True)
    with pytest.raises(ExtensionError, match="both braces"):
        book_pages.formula(tex, as_block=True)


@pytest.mark.parametrize(
    "text, words",
    [
        ("합성곱층을 쌓습니다", ["합성곱", "합성곱층", "층을"]),
        ("합성곱은", ["합성곱"]),
        ("최대풀링이", ["풀링"]),
        ("수용 영역이란", ["수용", "영역"]),
        ("Conv2d층", ["Conv2d"]),
    ],
)
def test_words_are_found_inside_other_words(text, words):
    found = book_search.KoreanSearch({}).split(text)
    assert set(words) <= set(found)
    assert len(found) == len(set(found))


def test_the_glossary_is_complete_and_each_term_is_there_once():
    terms = book_pages.glossary()
    for name in ("ko", "en"):
        assert len({term[name] for term in terms}) == len(terms) > 40
    for term in terms:
        assert set(term) == {"ko", "en", "where", "not", "meaning"}, term["ko"]
        assert term["meaning"]["ko"].endswith("니다.") and term["meaning"]["en"].endswith(".")
        assert re.fullmatch(r"\d_\d_\w+(#[\w-]+)?", term["where"])
        text = " ".join([term["ko"], term["meaning"]["ko"]])
        assert wrong_words(text) == []


def test_the_glossary_page_leads_to_chapters_that_exist():
    page = book_pages.glossary_page({"5_1_2_1_convolution_layer", "glossary"})
    assert "**수용 영역** (receptive field)\n: " in page
    assert 'href="5_1_2_1_convolution_layer.html#receptive">→&nbsp;5.1.2.1</a>' in page
    assert "5_4_explainable_cnn" not in page and "**돌출 맵**" in page
    terms = re.findall(r"^\*\*(.+?)\*\*", page, flags=re.M)
    assert terms == sorted(terms, key=str.lower)


def test_one_setting_makes_the_buttons_for_colab_and_binder(monkeypatch):
    def options_of(edition):
        tags = SimpleNamespace(has=lambda name: name == edition)
        settings = runpy.run_path(str(ROOT / "notebooks" / "conf.py"), {"tags": tags})
        return settings["html_theme_options"]

    monkeypatch.delenv("CNNBOOK_REPOSITORY", raising=False)
    assert "launch_buttons" not in options_of("ko")
    monkeypatch.setenv("CNNBOOK_REPOSITORY", "https://github.com/somebody/cnnbook")
    options = options_of("en")
    assert options["repository_url"] == "https://github.com/somebody/cnnbook"
    assert options["path_to_docs"] == "notebooks/en"
    assert {"colab_url", "binderhub_url"} <= set(options["launch_buttons"])
