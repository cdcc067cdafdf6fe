"""The exercises of a notebook, and the rhythm of a chapter that they belong to."""

import ast
import re
from dataclasses import dataclass

from checks.files import cells_of, tags_of
from checks.markdown import code_blocks, headings
from checks.marks import marks
from notebooks import FIGURE


@dataclass
class Exercise:
    """An exercise of a notebook: the cell the reader edits, and the solution folded below it."""

    name: str
    source: str
    solution: str


def exercises(notebook):
    """The exercises of `notebook`, found by the tag ``exercise``; see `exercise_problems`."""
    found = []
    for cell, after in zip(notebook.cells, [*notebook.cells[1:], None], strict=True):
        if "exercise" in tags_of(cell) and after is not None:
            code = [code for language, code in code_blocks(after.source) if language == "python"]
            found.append(Exercise(cell.id.removeprefix("exercise-"), cell.source, "\n".join(code)))
    return found


def check_call(source):
    """The last statement of `source` if it is ``check("CHAPTER/NAME", answer)``, else None."""
    body = ast.parse(source).body
    last = body[-1] if body else None
    call = getattr(last, "value", None)
    if isinstance(last, ast.Expr) and isinstance(call, ast.Call) and call.args:
        name = ast.unparse(call.func).rpartition(".")[2]
        if name == "check" and isinstance(call.args[0], ast.Constant):
            return call
    return None


def exercise_problems(notebook):
    """Exercises without a check or a folded solution, and solutions without an exercise."""
    exercises = {cell.id for cell in notebook.cells if "exercise" in tags_of(cell)}
    for cell, after in zip(notebook.cells, [*notebook.cells[1:], None], strict=True):
        kind, _, name = cell.id.partition("-")
        if cell.id in exercises:
            for text in wrong_with(cell, name, after):
                yield f"{cell.id}: {text}"
        elif kind == "exercise" and cell.cell_type == "code":
            yield f"{cell.id}: the tag 'exercise' is missing"
        elif kind == "solution" and f"exercise-{name}" not in exercises:
            yield f"{cell.id}: there is no exercise for it"


def wrong_with(cell, name, after):
    """What is wrong with the exercise `name` in `cell`, and with the cell `after` it."""
    if cell.cell_type != "code" or not cell.id.startswith("exercise-"):
        yield "an exercise is a code cell with the id exercise-NAME"
        return
    call = check_call(cell.source)
    if call is None or call.args[0].value.partition("/")[2] != name:
        yield f'must end in check("CHAPTER/{name}", answer)'
    if after is None or after.id != f"solution-{name}" or "<details" not in after.source:
        yield f"the folded solution solution-{name} must follow it"
    elif "python" not in [language for language, _ in code_blocks(after.source)]:
        yield f"there is no ```python block in {after.id}"


CHAPTER = re.compile(r"5_[1-5](?:_|$)")
RHYTHM = {
    "common mistakes": {"ko": "실수", "en": "mistake"},
    "exercises": {"ko": "연습|문제", "en": "exercise"},
    "what to take along": {"ko": "가져갈|정리|기억|요약", "en": "take|remember|summary|sentences"},
}


def rhythm_problems(notebook, language):
    """What of the rhythm of a chapter (a question, a figure, exercises, …) is missing."""
    text = [cell.source for cell in cells_of(notebook, "markdown")]
    titles = [title.lower() for source in text for _, title in headings(source)]
    if not any("?" in source for source in text[:4]):
        yield "no question to bet on at the beginning"
    if not any("estimate" in mark.comment for source in text[:4] for mark in marks(source)[0]):
        yield "the beginning does not say how long it takes (<!-- estimate -->)"
    outputs = [output for cell in cells_of(notebook, "code") for output in cell.outputs]
    if not any(FIGURE in output.get("data", {}) for output in outputs):
        yield "no live figure"
    for name, words in RHYTHM.items():
        if not any(re.search(words[language], title) for title in titles):
            yield f"no heading for {name} ({words[language]})"
    if len(exercises(notebook)) < 2:
        yield "fewer than two exercises"
