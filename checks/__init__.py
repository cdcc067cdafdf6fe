"""The linter of the notebooks: what a notebook of the book must be like, without running it.

``python -m checks`` prints all that is wrong with all notebooks. Every module holds functions
that return what is wrong, as sentences; ``checks.plugin`` runs the notebooks under pytest.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tools"))  # where the tools that write the notebooks stand

from checks import claims, editions, exercises, files, marks, words  # noqa: E402


def problems(path, notebook=None):
    """All that is wrong with the notebook at `path`, and between it and its other edition.

    `notebook` stands for what the file holds, so that a test can spoil it.
    """
    path = Path(path)
    language = path.parent.name
    twin = path.parent.parent / ("en" if language == "ko" else "ko") / path.name
    notebook = notebook or files.read(path)
    found = [
        *files.file_problems(path),
        *files.run_problems(notebook),
        *files.picture_problems(notebook),
        *files.layout_problems(notebook),
        *files.link_problems(path, notebook),
        *files.reading_problems(notebook),
        *exercises.exercise_problems(notebook),
        *marks.prose_problems(notebook),
        *words.word_problems(notebook),
        *editions.language_problems(notebook, language),
    ]
    if exercises.CHAPTER.match(path.stem):
        found += exercises.rhythm_problems(notebook, language)
        found += claims.claim_problems(path, notebook)
    if not twin.exists():
        return [*found, f"there is no {twin.parent.name}/{twin.name}"]
    pair = (notebook, files.read(twin))
    return found + editions.different_cells(*(pair if language == "ko" else pair[::-1]))
