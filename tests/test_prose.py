"""The text of the book: numbers that say where they come from, and the words of the glossary.

That the numbers are right is checked where the notebooks run, in `notebook_plugin.py`.
"""

import json

import notebook_checks as checks
import pytest

from cnnbook import language
from notebooks import LANGUAGES

READMES = sorted(checks.ROOT.glob("*.md"))
WORD_LISTS = sorted(language.word_lists().values())

every_notebook = pytest.mark.parametrize("path, language", checks.notebooks_of(*LANGUAGES))


@every_notebook
def test_numbers_say_where_they_come_from(path, language):
    checks.refuse(checks.prose_problems(checks.read(path)))


@every_notebook
def test_words(path, language):
    checks.refuse(
        [
            f"{cell.id}: {problem}"
            for cell in checks.read(path).cells
            for problem in checks.wrong_words(cell.source) + checks.filler(cell.source)
        ]
    )


@pytest.mark.parametrize("path", READMES + WORD_LISTS, ids=lambda path: "/".join(path.parts[-2:]))
def test_words_outside_the_notebooks(path):
    checks.refuse(checks.wrong_words(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", WORD_LISTS, ids=lambda path: "/".join(path.parts[-2:]))
def test_word_lists_are_translated(path):
    entries = json.loads(path.read_text(encoding="utf-8"))
    assert entries
    checks.refuse(checks.word_list_problems(entries))
