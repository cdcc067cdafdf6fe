"""A notebook as a file: run from top to bottom, fit for a projector, links that lead somewhere."""

import base64
import io
import re

import nbformat
from editions import INSTALL, install_code
from PIL import Image

from checks import markdown
from notebooks import FIGURE, LANGUAGES, PICTURE, WIDGET, is_normal

MOST_BYTES = 700_000
MOST_PICTURE_BYTES = 80_000
MOST_LINES, MOST_COLUMNS = 15, 88
MACHINE_PATH = re.compile(r"(?<![\w.])(?:/work|/root|/home|/Users|/opt|/tmp)/|[A-Z]:\\\\?Users")


def read(path):
    return nbformat.read(path, as_version=4)


def cells_of(notebook, kind):
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def tags_of(cell):
    return cell.metadata.get("tags", [])


def file_problems(path):
    """Whether the file is a notebook in normal form, and small enough to be opened quickly."""
    try:
        nbformat.validate(read(path))
    except nbformat.ValidationError as error:
        yield f"no valid notebook: {error.message}"
    if path.stat().st_size > MOST_BYTES:
        yield f"{path.stat().st_size:,} bytes, more than {MOST_BYTES:,}"
    if not is_normal(path):
        yield "not in normal form: write it with tools/notebooks.py or tools/editions.py"


def run_problems(notebook):
    """Whether all code cells ran in order, without errors, and left nothing of this machine."""
    code = cells_of(notebook, "code")
    counts = [cell.execution_count for cell in code]
    if counts != list(range(1, len(code) + 1)):
        yield f"not run from top to bottom: {counts}; see tools/notebooks.py"
    for cell in code:
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"{cell.id}: an error is committed: {output.ename}"
            if WIDGET in output.get("data", {}):
                yield f"{cell.id}: a widget is committed, it cannot live without kernel"
            if MACHINE_PATH.search(str(output.get("text", "")) + str(output.get("data", ""))):
                yield f"{cell.id}: the output names a folder of one machine"
    if "widgets" in notebook.metadata:
        yield "the notebook holds the state of widgets"


def picture_problems(notebook):
    """Pictures that are too big or have no words beside them."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for output in cell.outputs:
                for text in shown_problems(output.get("data", {})):
                    yield f"{cell.id}: {text}"
        elif cell.cell_type == "markdown":
            for target, alternative in markdown.pictures(cell.source):
                if not alternative.strip():
                    yield f"{cell.id}: the picture {target} without alternative text"


def shown_problems(data):
    """What is wrong with the `data` of one output, if it is a picture or a figure."""
    if PICTURE not in data and FIGURE not in data:
        return
    words = data.get("text/plain", "").strip()
    if len(words) < 10 or re.match(r"<.*(?:Figure size| at 0x|object).*>", words):
        yield f"no alternative text, only {words!r}"
    if PICTURE not in data:
        yield "a live figure without a still picture"
        return
    raw = base64.b64decode(data[PICTURE])
    Image.open(io.BytesIO(raw)).verify()
    if len(raw) > MOST_PICTURE_BYTES:
        yield f"a picture of {len(raw):,} bytes"


def layout_problems(notebook):
    """Code cells that are too long for a projector, or follow each other without a sentence."""
    yield from beginning_problems(notebook)
    for before, cell in zip([None, *notebook.cells], notebook.cells, strict=False):
        if cell.cell_type != "code":
            continue
        if before is not None and before.cell_type == "code" and before.id != INSTALL:
            yield f"{cell.id}: no sentence stands between it and the cell {before.id}"
        lines = [line for line in cell.source.split("\n") if line.strip()]
        if len(lines) > MOST_LINES:
            yield f"{cell.id}: {len(lines)} lines, more than {MOST_LINES}"
        for line in lines:
            if width(line) > MOST_COLUMNS and cell.id != INSTALL:  # a long address
                yield f"{cell.id}: more than {MOST_COLUMNS} columns: {line}"
        if cell.source.rstrip().endswith(";"):
            yield f"{cell.id}: ends in ';', which nbval sees as another output"


def beginning_problems(notebook):
    """Whether the notebook opens with its one title, the cell that fetches the book, and setup."""
    code = cells_of(notebook, "code")
    install = [install_code(language) for language in LANGUAGES]
    if not code or code[0].id != INSTALL or code[0].source not in install:
        yield "the first code cell does not fetch the book: tools/editions.py address"
    if len(code) < 2 or "cnnbook.setup(" not in code[1].source:
        yield "the second code cell does not call cnnbook.setup"
    if notebook.cells and not notebook.cells[0].source.startswith("# "):
        yield "the first cell is not the title"
    texts = [cell.source for cell in cells_of(notebook, "markdown")]
    titles = [text for source in texts for level, text in markdown.headings(source) if level == 1]
    if len(titles) != 1:
        yield f"there must be one title (#), not {len(titles)}: {titles}"


def width(line):
    """The columns that `line` takes: a Korean syllable takes two."""
    wide = r"[\u1100-\u11ff\u3000-\u9fff\uac00-\ud7a3\uff00-\uff60]"
    return len(line) + len(re.findall(wide, line))


def link_problems(path, notebook):
    """Links and pictures in the text that lead nowhere; the network is not asked."""
    for cell in cells_of(notebook, "markdown"):
        for target in markdown.targets(cell.source):
            if re.match(r"(?:https?|mailto):", target):
                continue
            file, _, anchor = target.partition("#")
            place = (path.parent / file).resolve() if file else path
            if not place.exists():
                yield f"{cell.id}: {target} does not exist"
            elif anchor and place.suffix == ".ipynb":
                other = notebook if not file else read(place)
                if anchor not in anchors(other):
                    yield f"{cell.id}: {target}: there is no heading or id {anchor!r}"


def reading_problems(notebook):
    """Works to read on that do not lead to the bibliography: their year carries no mark."""
    return [
        f"{cell.id}: no <!-- cited: KEY --> behind the year: {line}"
        for cell in cells_of(notebook, "markdown")
        for line in re.findall(r"^- .+? \(\d{4}\), \*.*", cell.source, flags=re.M)
    ]


def anchors(notebook):
    """All that a ``#…`` can lead to in `notebook`: ids, and headings as JupyterLab and GitHub."""
    found = set()
    for cell in cells_of(notebook, "markdown"):
        for tag in markdown.tags(cell.source):
            found |= {markdown.attribute(tag, "id"), markdown.attribute(tag, "name")}
        for _, title in markdown.headings(cell.source):
            found |= {title.replace(" ", "-"), markdown.github_anchor(title)}
    return found - {""}
