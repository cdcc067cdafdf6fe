"""Every committed notebook: a valid file, run from top to bottom, fit to be read, in two editions.

Nothing is executed here: `checks/plugin.py` runs the notebooks, compares their outputs, and looks
up the numbers of their text.
"""

import json

import pytest

import checks
import notebooks
from checks.editions import word_list_problems
from checks.words import wrong_words
from cnnbook import language

PAGES = sorted(checks.ROOT.glob("*.md"))
WORD_LISTS = sorted(language.word_lists().values())


def refuse(problems):
    """Fail with all `problems`, one a line, unless there are none."""
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def test_the_book_has_notebooks():
    names = [path.stem for path in notebooks.find()]
    assert names.count("5_0_start_here") == names.count("5_1_2_1_convolution_layer") == 2


@pytest.mark.parametrize(
    "path", notebooks.find(), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_notebook(path):
    refuse(checks.problems(path))


@pytest.mark.parametrize("path", PAGES + WORD_LISTS, ids=lambda path: "/".join(path.parts[-2:]))
def test_words_outside_the_notebooks(path):
    refuse(wrong_words(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", WORD_LISTS, ids=lambda path: "/".join(path.parts[-2:]))
def test_word_lists_are_translated(path):
    entries = json.loads(path.read_text(encoding="utf-8"))
    assert entries
    refuse(word_list_problems(entries))
