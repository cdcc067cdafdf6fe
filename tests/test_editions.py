"""The Korean and the English edition are the same book: same cells, code, numbers, links."""

import notebook_checks as checks
import pytest

from notebooks import LANGUAGES


def test_every_notebook_has_its_twin():
    korean, english = (
        {path.name for path in (checks.FOLDER / language).glob("*.ipynb")} for language in LANGUAGES
    )
    assert korean == english


@pytest.mark.parametrize("path, language", checks.notebooks_of("ko"))
def test_twins_agree(path, language):
    twin = checks.FOLDER / "en" / path.name
    checks.refuse(checks.different_cells(checks.read(path), checks.read(twin)))


@pytest.mark.parametrize("path, language", checks.notebooks_of(*LANGUAGES))
def test_each_edition_speaks_its_language(path, language):
    checks.refuse(checks.language_problems(checks.read(path), language))
