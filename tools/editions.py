"""Show the two editions of a notebook side by side in one text file, and write them back.

    python tools/editions.py export 5_0_start_here            writes 5_0_start_here.book.md
    python tools/editions.py apply 5_0_start_here.book.md     writes notebooks/ko and notebooks/en
    python tools/editions.py address                          writes the book's address into all

The text file holds one section a cell::

    @@ md CELL-ID
    한국어 마크다운
    @@@ en
    English markdown

    @@ code CELL-ID [measured]
    import cnnbook
    cnnbook.setup("ko")
    x = 3  #: 한국어 주석 || English comment

A comment that starts with ``#:`` is Korean before the ``||`` and English after it; every other
comment stands in both editions. ``cnnbook.setup("ko")`` becomes ``cnnbook.setup("en")`` in the
English edition. Tags stand in brackets; ``measured`` is short for ``nbval-ignore-output``.
Code cells whose code has not changed keep their outputs.

The cell that fetches the book where it is missing (Colab) is the same in every chapter: it is
put before the setup cell and does not stand in the text. Its address is ``Repository`` under
``[project.urls]`` in pyproject.toml.
"""

import argparse
import io
import re
import sys
import tokenize
from pathlib import Path

import nbformat

from notebooks import FOLDER, code_key, normal, to_text, write_atomically

SHORT_TAGS = {"measured": "nbval-ignore-output"}
HEADER = re.compile(r"@@ (md|code) ([A-Za-z0-9_-]{1,64})(?: \[([A-Za-z0-9_ -]*)\])?\s*$")
SETUP = re.compile(r"""(cnnbook\.setup\(\s*["'])(ko|en)(["'])""")
SEPARATOR = " || "
INSTALL = "install"  # the id of the cell that fetches the book, and its code
INSTALL_CODE = """\
try:
    import cnnbook
except ImportError:  #: 책이 없는 곳(Colab)에서는 받아 옵니다. || \
The book isn't here (Colab): fetch it.
    get_ipython().run_line_magic("pip", "install git+{address}")"""
# … and what it says as long as pyproject.toml does not know where the book lies.
NO_ADDRESS_CODE = """\
try:
    import cnnbook
except ImportError:  #: 책이 없습니다. 먼저 아래처럼 설치하세요. || \
The book isn't here. Install it first:
    raise  #: %pip install git+https://github.com/계정/cnnbook || \
%pip install git+https://github.com/ACCOUNT/cnnbook"""


def repository():
    """The address of the book's repository, from pyproject.toml."""
    text = (FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8")
    return re.search(r'^Repository = "(https://[^"]+?)/?"$', text, flags=re.M).group(1)


def install_code(language):
    """The source of the cell that fetches the book, in the edition `language`."""
    address = repository()
    code = NO_ADDRESS_CODE if "/OWNER/" in address else INSTALL_CODE
    return code_for(code.format(address=address), language)


def comments(source):
    """The comments of Python `source` as a list of ``(line, column, text)``, counted from 0.

    Raises ValueError when the source is not valid Python (an open bracket or string).
    """
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, IndentationError, SyntaxError) as error:
        raise ValueError(f"this code cannot be read as Python: {error}\n{source}") from None
    return [
        (token.start[0] - 1, token.start[1], token.string)
        for token in tokens
        if token.type == tokenize.COMMENT
    ]


def code_for(source, language):
    """The `source` of a code section as it stands in the edition `language`."""
    lines = source.split("\n")
    for line, column, comment in comments(source):
        if not comment.startswith("#:"):
            continue
        korean, separator, english = comment[2:].partition(SEPARATOR.strip())
        if not separator or not korean.strip() or not english.strip():
            raise ValueError(f"the comment {comment!r} must read '#: 한국어 || English'")
        chosen = korean if language == "ko" else english
        lines[line] = lines[line][:column] + "# " + chosen.strip()
    return SETUP.sub(rf"\g<1>{language}\g<3>", "\n".join(lines))


def merge_code(korean, english):
    """One source with ``#: ko || en`` comments out of the sources of both editions.

    Raises ValueError when the editions differ in more than comments and the setup call.
    """
    lines, others = korean.split("\n"), SETUP.sub(r"\g<1>ko\g<3>", english).split("\n")
    places = {line: (column, text) for line, column, text in comments(korean)}
    translated = {line: (column, text) for line, column, text in comments("\n".join(others))}
    if len(lines) != len(others) or places.keys() != translated.keys():
        raise ValueError(f"the two editions have different lines:\n{korean}\n---\n{english}")
    for line, (column, text) in places.items():
        other_column, other_text = translated[line]
        if lines[line][:column].rstrip() != others[line][:other_column].rstrip():
            continue  # found below, as a line that differs
        if text != other_text:
            parts = [part.lstrip("#").strip() for part in (text, other_text)]
            if any("||" in part for part in parts):
                raise ValueError(f"a comment may not contain '||': {text!r}")
            lines[line] = lines[line][:column] + "#: " + SEPARATOR.join(parts)
        others[line] = lines[line]
    for ours, theirs in zip(lines, others, strict=True):
        if ours != theirs:
            raise ValueError(f"the two editions have different code:\n{ours}\n---\n{theirs}")
    return "\n".join(lines)


def parse(text):
    """The cells of a side-by-side `text`, each a dict: kind, id, tags, ko, en.

    Raises ValueError naming the line that cannot be read, an id used twice, a markdown cell
    without its English half, or code that is not Python.
    """
    cells, current, half = [], None, None
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if line.rstrip() == "@@@ en":
            if current is None or current["kind"] != "md" or half == "en":
                raise ValueError(f"line {number}: '@@@ en' must follow the Korean of an md cell")
            half = "en"
        elif line.startswith("@@"):
            header = HEADER.match(line)
            if header is None:
                expected = "'@@ md ID' or '@@ code ID [tags]'"
                raise ValueError(f"line {number}: {line!r} is not {expected}")
            kind, identity, tags = header.groups("")
            tags = [SHORT_TAGS.get(tag, tag) for tag in tags.split()]
            current = {"kind": kind, "id": identity, "tags": tags, "ko": [], "en": []}
            cells.append(current)
            half = "ko"
        elif current is not None:
            current[half].append(line)
        elif line.strip():
            raise ValueError(f"line {number}: {line!r} stands before the first cell")
    seen = set()
    for cell in cells:
        if cell["id"] in {*seen, INSTALL}:
            raise ValueError(f"the id {cell['id']!r} is used already")
        seen.add(cell["id"])
        finish(cell)
    return cells


def finish(cell):
    """Turn the collected lines of a parsed `cell` into the sources of both editions, in place."""
    korean, english = ("\n".join(cell[language]).strip("\n") for language in ("ko", "en"))
    try:
        if cell["kind"] == "code":
            korean, english = code_for(korean, "ko"), code_for(korean, "en")
        if not korean.strip() or not english.strip():
            raise ValueError("the Korean or the English half is empty")
    except ValueError as error:
        raise ValueError(f"cell {cell['id']}: {error}") from None
    cell["ko"], cell["en"] = korean, english


def build(cells, language, old=None):
    """The notebook of one edition from parsed `cells`; outputs come from the `old` notebook."""
    known = {cell.id: cell for cell in old.cells} if old else {}
    notebook = nbformat.v4.new_notebook()
    for cell in with_install(cells):
        source = cell[language]
        if cell["kind"] == "md":
            new = nbformat.v4.new_markdown_cell(source, id=cell["id"])
        else:
            new = nbformat.v4.new_code_cell(source, id=cell["id"])
            before = known.get(cell["id"])
            same = before and code_key(before.source) == code_key(source)
            if before and before.cell_type == "code" and (same or cell["id"] == INSTALL):
                new.outputs, new.execution_count = before.outputs, before.execution_count
        if cell["tags"]:
            new.metadata["tags"] = cell["tags"]
        notebook.cells.append(new)
    return normal(notebook)


def with_install(cells):
    """`cells` with the cell that fetches the book before the one that calls setup, if any."""
    install = {"kind": "code", "id": INSTALL, "tags": ["remove-cell"]}  # not on web pages
    install |= {language: install_code(language) for language in ("ko", "en")}
    for place, cell in enumerate(cells):
        if cell["kind"] == "code" and SETUP.search(cell["ko"]):
            return [*cells[:place], install, *cells[place:]]
    return cells


def export(name, folder=FOLDER):
    """The side-by-side text of both editions of the notebook `name`.

    Raises ValueError when the editions do not have the same cells, or a cell holds a line that
    the text form would misread (one that starts with ``@@``).
    """
    korean, english = (
        nbformat.read(Path(folder) / language / f"{name}.ipynb", as_version=4)
        for language in ("ko", "en")
    )
    if [cell.id for cell in korean.cells] != [cell.id for cell in english.cells]:
        raise ValueError(f"{name}: the editions have different cells: python -m checks")
    long_tags = {long: short for short, long in SHORT_TAGS.items()}
    sections = []
    for ours, theirs in zip(korean.cells, english.cells, strict=True):
        if ours.id == INSTALL:
            continue
        tags = " ".join(long_tags.get(tag, tag) for tag in ours.metadata.get("tags", []))
        ending = f"{ours.id} [{tags}]" if tags else ours.id
        if ours.cell_type == "markdown":
            section = f"@@ md {ending}\n{ours.source}\n@@@ en\n{theirs.source}\n"
        else:
            try:
                section = f"@@ code {ending}\n{merge_code(ours.source, theirs.source)}\n"
            except ValueError as error:
                raise ValueError(f"cell {ours.id}: {error}") from None
        sections.append(section)
    text = "\n".join(sections)
    parse(text)
    return text


def apply(text, name, folder=FOLDER):
    """Write both editions of the notebook `name` from the side-by-side `text`; their paths.

    Nothing is written when the text cannot be read (ValueError).
    """
    cells = parse(text)
    if not cells:
        raise ValueError(f"{name}: there is no cell in this file")
    written = {}
    for language in ("ko", "en"):
        path = Path(folder) / language / f"{name}.ipynb"
        old = nbformat.read(path, as_version=4) if path.exists() else None
        written[path] = to_text(build(cells, language, old))
    for path, notebook in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, notebook)
    return list(written)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("export").add_argument("name")
    actions.add_parser("apply").add_argument("file")
    actions.add_parser("address")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.action == "address":
            for path in sorted((FOLDER / "ko").glob("*.ipynb")):
                apply(export(path.stem), path.stem)
            print(f"the notebooks fetch the book from {repository()}")
        elif chosen.action == "export":
            target = Path(f"{chosen.name}.book.md")
            write_atomically(target, export(chosen.name))
            print(f"wrote {target}")
        else:
            source = Path(chosen.file)
            for path in apply(source.read_text(encoding="utf-8"), source.name.split(".")[0]):
                print(f"wrote {path}")
    except (ValueError, OSError) as error:
        sys.exit(f"{' '.join(str(value) for value in vars(chosen).values() if value)}: {error}")


if __name__ == "__main__":
    main()
