"""Every committed notebook: a valid file, run from top to bottom, fit to be read.

Nothing is executed here. `notebook_plugin.py` runs the notebooks and compares their outputs.
"""

import nbformat
import notebook_checks as checks
import pytest

from notebooks import LANGUAGES, is_normal

every_notebook = pytest.mark.parametrize("path, language", checks.notebooks_of(*LANGUAGES))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_book_has_notebooks(language):
    names = {path.stem for path in (checks.FOLDER / language).glob("*.ipynb")}
    assert {"5_0_start_here", "5_1_2_convolution_layer"} <= names


@every_notebook
def test_file(path, language):
    nbformat.validate(checks.read(path))
    assert path.stat().st_size <= checks.MOST_BYTES
    assert is_normal(path), "write it with tools/notebooks.py or tools/editions.py"


@every_notebook
def test_run(path, language):
    checks.refuse(checks.run_problems(checks.read(path)))


@every_notebook
def test_pictures(path, language):
    checks.refuse(checks.picture_problems(checks.read(path)))


@every_notebook
def test_layout(path, language):
    checks.refuse(checks.layout_problems(checks.read(path)))


@every_notebook
def test_links(path, language):
    notebook = checks.read(path)
    checks.refuse(checks.link_problems(path, notebook) + checks.reading_problems(notebook))


@every_notebook
def test_exercises(path, language):
    checks.refuse(checks.exercise_problems(checks.read(path)))


@pytest.mark.parametrize(
    "path, language",
    [case for case in checks.notebooks_of(*LANGUAGES) if checks.CHAPTER.match(case.values[0].stem)],
)
def test_rhythm(path, language):
    checks.refuse(checks.rhythm_problems(checks.read(path), language))
