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
    problems = []
    try:
        nbformat.validate(read(path))
    except nbformat.ValidationError as error:
        problems.append(f"no valid notebook: {error.message}")
    if path.stat().st_size > MOST_BYTES:
        problems.append(f"{path.stat().st_size:,} bytes, more than {MOST_BYTES:,}")
    if not is_normal(path):
        problems.append("not in normal form: write it with tools/notebooks.py or tools/editions.py")
    return problems


def run_problems(notebook):
    """Whether all code cells ran in order, without errors, and left nothing of this machine."""
    problems = []
    code = cells_of(notebook, "code")
    counts = [cell.execution_count for cell in code]
    if counts != list(range(1, len(code) + 1)):
        problems.append(f"not run from top to bottom: {counts}; see tools/notebooks.py")
    for cell in code:
        for output in cell.outputs:
            if output.output_type == "error":
                problems.append(f"{cell.id}: an error is committed: {output.ename}")
            if WIDGET in output.get("data", {}):
                problems.append(f"{cell.id}: a widget is committed, it cannot live without kernel")
            if MACHINE_PATH.search(str(output.get("text", "")) + str(output.get("data", ""))):
                problems.append(f"{cell.id}: the output names a folder of one machine")
    if "widgets" in notebook.metadata:
        problems.append("the notebook holds the state of widgets")
    return problems


def picture_problems(notebook):
    """Pictures that are too big or have no words beside them."""
    problems = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for output in cell.outputs:
                problems += [
                    f"{cell.id}: {text}" for text in shown_problems(output.get("data", {}))
                ]
        elif cell.cell_type == "markdown":
            problems += [
                f"{cell.id}: the picture {target} without alternative text"
                for target, alternative in markdown.pictures(cell.source)
                if not alternative.strip()
            ]
    return problems


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
    problems = beginning_problems(notebook)
    for before, cell in zip([None, *notebook.cells], notebook.cells, strict=False):
        if cell.cell_type != "code":
            continue
        if before is not None and before.cell_type == "code" and before.id != INSTALL:
            problems.append(f"{cell.id}: no sentence stands between it and the cell {before.id}")
        lines = [line for line in cell.source.split("\n") if line.strip()]
        if len(lines) > MOST_LINES:
            problems.append(f"{cell.id}: {len(lines)} lines, more than {MOST_LINES}")
        problems += [
            f"{cell.id}: more than {MOST_COLUMNS} columns: {line}"
            for line in lines
            if width(line) > MOST_COLUMNS and cell.id != INSTALL  # a long address
        ]
        if cell.source.rstrip().endswith(";"):
            problems.append(f"{cell.id}: ends in ';', which nbval sees as another output")
    return problems


def beginning_problems(notebook):
    """Whether the notebook opens with its one title, the cell that fetches the book, and setup."""
    problems = []
    code = cells_of(notebook, "code")
    install = [install_code(language) for language in LANGUAGES]
    if not code or code[0].id != INSTALL or code[0].source not in install:
        problems.append("the first code cell does not fetch the book: tools/editions.py address")
    if len(code) < 2 or "cnnbook.setup(" not in code[1].source:
        problems.append("the second code cell does not call cnnbook.setup")
    if notebook.cells and not notebook.cells[0].source.startswith("# "):
        problems.append("the first cell is not the title")
    titles = [
        text
        for cell in cells_of(notebook, "markdown")
        for level, text in markdown.headings(cell.source)
        if level == 1
    ]
    if len(titles) != 1:
        problems.append(f"there must be one title (#), not {len(titles)}: {titles}")
    return problems


def width(line):
    """The columns that `line` takes: a Korean syllable takes two."""
    return len(line) + len(
        re.findall(r"[\u1100-\u11ff\u3000-\u9fff\uac00-\ud7a3\uff00-\uff60]", line)
    )


def link_problems(path, notebook):
    """Links and pictures in the text that lead nowhere; the network is not asked."""
    problems = []
    for cell in cells_of(notebook, "markdown"):
        for target in markdown.targets(cell.source):
            if re.match(r"(?:https?|mailto):", target):
                continue
            file, _, anchor = target.partition("#")
            place = (path.parent / file).resolve() if file else path
            if not place.exists():
                problems.append(f"{cell.id}: {target} does not exist")
            elif anchor and place.suffix == ".ipynb":
                other = notebook if not file else read(place)
                if anchor not in anchors(other):
                    problems.append(f"{cell.id}: {target}: there is no heading or id {anchor!r}")
    return problems


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
