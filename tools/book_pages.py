"""From a committed notebook to a page of the web book: a Sphinx extension.

- Live figures: the output's JSON becomes a picture and an island of state (`cnnbook.figures`),
  and one classic script wakes up the figures of a page; so it works from ``file://``.
- Pictures carry their text alternative, their size and a running number.
- The comments of checked prose are dropped; a number with ``<!-- cited: KEY -->`` becomes a link
  to its source in the bibliography.
- A section is reached under the id of its cell (``#receptive``), the same in both editions.
- Formulas are written as MathML, which browsers draw without any script.
- The glossary and the index come from one table, ``notebooks/glossary.json``; the page of the
  book's claims from ``notebooks/claims.yml``.
- Every chapter is also written as one HTML file, with all it needs inside.
"""

import base64
import json
import re
import struct
from html import escape
from pathlib import Path

import yaml
from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from pygments.formatters import HtmlFormatter
from sphinx import addnodes
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

from checks.markdown import outside_code_blocks
from cnnbook import figures, language
from cnnbook.figures.figure import FIGURE_TYPE
from cnnbook.files import asset

LOGGER = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
FONTS = {"font": "cnnbook-gothic.woff2", "math_font": "cnnbook-math.woff2"}
CHAPTER = re.compile(r"\d")  # the names of chapters begin with their number
ONE_FILE = "one-file"  # the folder of the chapters as single files

# ------------------------------------------------------------------ before Sphinx reads a page


def on_source_read(app, name, source):
    """Rewrite the text of a page: a notebook's cells and outputs, or the glossary's list."""
    if Path(app.env.doc2path(name)).suffix == ".ipynb":
        notebook = json.loads(source[0])
        try:
            prepare(notebook)
        except ExtensionError as error:  # this page is wrong; the others can be built
            LOGGER.warning(str(error), location=name)
        source[0] = json.dumps(notebook)
    elif name == "glossary":
        source[0] += glossary_page(app.env.found_docs)
    elif name == "claims":
        source[0] += claims_page(Path(app.srcdir))


def prepare(notebook):
    """Change a notebook (as parsed JSON) into what MyST-NB shows, in place."""
    pictures = 0
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            cell["source"] = prose(text, cell["id"])
            continue
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                pictures += 1
                output["data"] = {"text/html": picture(data, pictures)}


CITED = re.compile(r"(\d[\d.,]*(?:\s?%)?)\s*<!--\s*cited:\s*(\S+?)\s*-->")
COMMENT = re.compile(r"<!--.*?-->", flags=re.S)


def prose(text, cell_id):
    """Markdown without the comments of checked prose; headings are told the cell's id."""
    text = outside_code_blocks(text, lambda part: COMMENT.sub("", CITED.sub(cite, part)))
    if text.startswith("#"):
        text = f'<span data-cell="{escape(cell_id)}"></span>\n\n{text}'
    return text


def cite(found):
    """A number as a link to its source."""
    number, key = found.groups()
    if key not in references():
        raise ExtensionError(f"notebooks/references.bib has no {key!r}, which a chapter cites")
    return f'<a class="cited" href="bibliography.html#{key}">{number}</a>'


def references():
    """The keys of notebooks/references.bib."""
    text = (NOTEBOOKS / "references.bib").read_text(encoding="utf-8")
    return set(re.findall(r"^@\w+\{([^,\s]+),", text, flags=re.M))


def picture(data, number):
    """An output with a picture as HTML: live figure or still, numbered, with its words."""
    png = "".join(data["image/png"]).strip()
    alt = "".join(data.get("text/plain", ""))
    if FIGURE_TYPE in data:
        body = figures.fragment(data[FIGURE_TYPE], png, alt)
    else:
        width, height = size_of(png)
        size = f'width="{width}" height="{height}"'
        body = f'<img alt="{escape(alt)}" {size} src="data:image/png;base64,{png}">'
    caption = language.text("book.figure", number=number)
    return (
        f'<figure class="cnnbook-picture" id="figure-{number}">{body}'
        f'<figcaption><a href="#figure-{number}">{caption}</a></figcaption></figure>'
    )


def size_of(png):
    """Width and height of a PNG in base64, in pixels."""
    header = base64.b64decode(png[:64])
    return struct.unpack(">II", header[16:24])


# ------------------------------------------------------------------ glossary and index


def glossary():
    """The terms of the book: [{"ko", "en", "meaning": {"ko", "en"}, "where", "not"}, …]."""
    return json.loads((NOTEBOOKS / "glossary.json").read_text(encoding="utf-8"))


def glossary_page(pages):
    """The glossary as a Markdown definition list, in the order of the edition's alphabet."""
    ours, other = ("ko", "en") if language.language() == "ko" else ("en", "ko")
    lines = []
    for term in sorted(glossary(), key=lambda term: term[ours].lower()):
        page, _, place = term["where"].partition("#")
        meaning = term["meaning"][ours]
        if page in pages:
            there = f"{page}.html#{place or 'title'}"
            meaning += f' <a href="{there}">→&nbsp;{section_number(page)}</a>'
        lines.append(f"**{term[ours]}** ({term[other]})\n: {meaning}\n")
    return "\n" + "\n".join(lines)


def claims_page(folder):
    """The ledger of claims as Markdown: by chapter, each with its run, and how sure it is.

    `folder` : that of the edition's notebooks
    """
    ours, lines = language.language(), []
    ledger = yaml.safe_load((NOTEBOOKS / "claims.yml").read_text(encoding="utf-8"))
    for chapter, claims in ledger.items():
        if not claims:
            continue
        cells = json.loads((folder / f"{chapter}.ipynb").read_text(encoding="utf-8"))["cells"]
        title = "".join(cells[0]["source"]).partition("\n")[0].lstrip("# ")
        lines.append(f"\n## [{title}]({chapter}.ipynb)\n")
        for claim in claims:
            there = f"{chapter}.html#{section_of(claim['cell'], cells)}"
            effect, error = claim["found"]
            found = f"{effect:g} ± {error:g}" if error else f"{effect:g}"
            found = language.text("claims.unit_" + claim["unit"], found=found)
            lines.append(f'**{claim["claim"][ours]}** <a href="{there}">→</a>\n')
            lines.append(f": {language.text('claims.found', found=found)}")
            if claim["seeds"]:
                lines.append(f" {language.text('claims.seeds', seeds=claim['seeds'])}")
            lines += [
                f" {language.text('claims.' + name, what=claim[name][ours])}"
                for name in ("changed", "held")
            ]
            lines.append("")
    return "\n".join(["", *lines])


def section_of(cell, cells):
    """The id of the section in which the cell of this id stands."""
    section = cells[0]["id"]
    for one in cells:
        if one["cell_type"] == "markdown" and "".join(one["source"]).startswith("#"):
            section = one["id"]
        if one["id"] == cell:
            return section
    raise ExtensionError(f"claims.yml names the cell {cell!r}, which is not there")


def section_number(page):
    """``5_1_2_2_pooling_layer`` is section 5.1.2.2."""
    return ".".join(re.findall(r"\d+(?=_)", page))


class StableIds(SphinxTransform):
    """Give every section of a notebook the id of its cell, and enter the glossary's terms.

    A Korean heading would otherwise be called ``id7``, and ``id8`` after the next edit.
    """

    default_priority = 300  # before Sphinx collects titles and tables of contents

    def apply(self):
        cell, used, spans = None, 0, []
        for node in self.document.findall():
            if isinstance(node, nodes.raw) and node.astext().startswith("<span data-cell="):
                cell, used = node.astext().split('"')[1], 0
                spans.append(node)
            elif isinstance(node, nodes.section) and cell:
                used += 1
                node["ids"] = [cell if used == 1 else f"{cell}-{used}"]
                self.document.ids[node["ids"][0]] = node
        for span in spans:
            span.parent.remove(span)
        if spans:
            self.enter_terms()

    def enter_terms(self):
        for term in glossary():
            page, _, place = term["where"].partition("#")
            if page != self.env.docname:
                continue
            section = self.document.ids.get(place or "title")
            if not isinstance(section, nodes.section):
                LOGGER.warning(f"glossary.json: {page} has no section {place!r}", location=page)
                continue
            to = section["ids"][0]
            entries = [("single", term[name], to, "main", None) for name in ("ko", "en")]
            section.insert(1, addnodes.index(entries=entries))


# ------------------------------------------------------------------ formulas


def formula(tex, as_block):
    """LaTeX as MathML. Docutils' reading of it needs braces around every argument of a fraction."""
    if re.search(r"\\[dt]?frac(?!\s*\{[^{}]*(\{[^{}]*\}[^{}]*)*\}\s*\{)", tex):
        raise ExtensionError(f"formula {tex!r}: write \\frac{{1}}{{2}}, with both braces")
    return tex2mathml(tex, as_block=as_block)


def show_math(self, node):
    block = isinstance(node, nodes.math_block)
    try:
        math = formula(node.astext(), as_block=block)
    except (ExtensionError, MathError) as error:
        LOGGER.warning(f"formula {node.astext()!r}: {error}", location=node)
    else:
        self.body.append(f'<div class="formula">{math}</div>' if block else math)
    raise nodes.SkipNode


# ------------------------------------------------------------------ the pages around the text


def on_builder(app):
    """Let the theme speak Korean where it has no translation of its own."""
    if app.builder.format != "html":
        return
    own = json.loads((ROOT / "cnnbook/words/book_theme.json").read_text(encoding="utf-8"))
    edition = language.language()
    translate = app.translator.gettext

    def gettext(message):
        return own[message][edition] if message in own else translate(message)

    app.builder.templates.environment.install_gettext_callables(gettext, app.translator.ngettext)


def on_page(app, name, template, context, doctree):
    """The downloads of a chapter: its notebook, and itself as one file."""
    words = language.words("book")
    if name == "bibliography":  # docutils calls it a list, but its entries are no list items
        context["body"] = context["body"].replace('<div role="list" class=', "<div class=")
    if not (doctree and CHAPTER.match(name)):
        return
    context["body"] = figures.share(context["body"])
    add_figures(app, name, context["body"])
    to = context["pathto"]
    links = [
        ("ipynb", to(f"_sources/{context['sourcename']}", 1), "fas fa-code"),
        ("one_file", to(f"{ONE_FILE}/{name}.html", 1), "fas fa-file-lines"),
    ]
    buttons = [
        {"type": "link", "url": url, "text": words[key], "icon": icon, "label": f"download-{key}"}
        for key, url, icon in links
    ]
    group = {"type": "group", "label": "download-buttons", "icon": "fas fa-download"}
    group |= {"tooltip": words["download"], "buttons": buttons}
    context["header_buttons"].insert(0, group)
    write_one_file(app, name, context)


def figure_names(body):
    """The live figures of a page, by the names of their scripts."""
    return sorted(set(re.findall(r'data-figure="(\w+)"', body)))


def add_figures(app, name, body):
    """The script and the style of the page's own figures, as two files beside it."""
    used = figure_names(body)
    if not used:
        return
    static = Path(app.outdir) / "_static"
    (static / f"{name}.js").write_text(figures.scripts(used), encoding="utf-8")
    (static / f"{name}.css").write_text(figures.styles(used), encoding="utf-8")
    app.add_js_file(f"{name}.js", defer="defer")  # for this page alone
    app.add_css_file(f"{name}.css", priority=100)  # before article.css


def write_one_file(app, name, context):
    """The chapter as one HTML file: pictures, figures, style and font inside."""
    body = re.sub(r'<a class="headerlink".*?</a>', "", context["body"], flags=re.S)
    # Other pages are not at hand when the file travels alone: their links become words.
    link = r'<a class="(?:reference internal|cited)" href="[^"#][^"]*">(.*?)</a>'
    body = re.sub(link, r"\1", body, flags=re.S)
    used = figure_names(body)
    static = NOTEBOOKS / "_static"
    styles = [
        (static / name).read_text(encoding="utf-8") for name in ("article.css", "one_file.css")
    ]
    fonts = {name: base64.b64encode(asset(file)).decode("ascii") for name, file in FONTS.items()}
    page = app.builder.templates.render(
        "one-file.html",
        {
            "language": language.language(),
            "title": context["title"],
            "body": body,
            "style": "\n".join(styles) + code_colours() + figures.styles(used),
            "script": figures.scripts(used),
            "book": language.words("book"),
            **fonts,
        },
    )
    folder = Path(app.outdir) / ONE_FILE
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.html").write_text(page, encoding="utf-8")


def code_colours():
    """The colours of code in light and dark pages, the same as the theme's."""
    return "\n".join(
        HtmlFormatter(style=f"a11y-high-contrast-{theme}").get_style_defs(
            f'html[data-theme="{theme}"] .highlight'
        )
        for theme in ("light", "dark")
    )


def setup(app):
    language.set_language("en" if app.tags.has("en") else "ko")
    app.add_html_math_renderer("mathml", (show_math, None), (show_math, None))
    app.add_transform(StableIds)
    app.connect("builder-inited", on_builder)
    app.connect("source-read", on_source_read)
    app.connect("html-page-context", on_page, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
