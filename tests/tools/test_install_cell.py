"""The first code cell of a chapter: it fetches the book where it is missing, as on Colab."""

import ast
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import editions
import nbformat
import pytest

from notebooks import LANGUAGES

UNKNOWN = "https://github.com/OWNER/cnnbook"
KNOWN = "https://github.com/somebody/cnnbook"
CHAPTER = """\
@@ md title
# 제목
@@@ en
# A title

@@ code setup
import cnnbook

cnnbook.setup("ko")
"""


@pytest.mark.parametrize("missing", [True, False])
@pytest.mark.parametrize("address", [KNOWN, UNKNOWN])
def test_it_fetches_the_book_or_shows_how(monkeypatch, address, missing):
    monkeypatch.setattr(editions, "repository", lambda: address)
    if missing:
        monkeypatch.setitem(sys.modules, "cnnbook", None)
    asked = []
    shell = SimpleNamespace(run_line_magic=lambda *words: asked.append(words))
    codes = [editions.install_code(language) for language in LANGUAGES]
    refused = missing and address == UNKNOWN
    for code in codes:
        assert len(code.splitlines()) <= 4 and "OWNER" not in code
        with pytest.raises(ImportError) if refused else nullcontext():
            exec(code, {"get_ipython": lambda: shell})
        assert ("raise  # %pip install git+" in code) == (address == UNKNOWN)
    assert asked == [("pip", f"install git+{KNOWN}")] * (2 if missing and not refused else 0)
    assert codes[0] != codes[1]
    assert ast.dump(ast.parse(codes[0])) == ast.dump(ast.parse(codes[1]))


def test_a_new_address_leaves_the_notebook_as_it_was_run(monkeypatch, tmp_path):
    (path, _) = editions.apply(CHAPTER, "x", tmp_path)
    notebook = nbformat.read(path, as_version=4)
    assert [cell.id for cell in notebook.cells] == ["title", editions.INSTALL, "setup"]
    for number, cell in enumerate(notebook.cells[1:], start=1):
        cell.execution_count = number
    nbformat.write(notebook, path)
    monkeypatch.setattr(editions, "repository", lambda: KNOWN)
    editions.apply(editions.export("x", tmp_path), "x", tmp_path)
    cells = nbformat.read(path, as_version=4).cells[1:]
    assert KNOWN in cells[0].source
    assert [cell.execution_count for cell in cells] == [1, 2]
