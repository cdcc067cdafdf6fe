"""Checked prose: a number in the text carries the expression that a run must give.

The CNN gets 89%<!-- 100 * cnn_accuracy ± 1.0 --> right. Reading takes 20 minutes<!-- estimate -->.
"""

import ast
import re
from dataclasses import dataclass

from checks import markdown
from checks.files import cells_of

DIGITS = r"(?<![\w.])[-+−]?\d+(?:(?:,|\{,\})\d{3})*(?:\.\d+)?(?:[eE][-+−]?\d+)?"
REASONS = re.compile(r"(cited:\s*[\w.:/-]+|estimate)\Z")
NOTE = "note:"


@dataclass
class Mark:
    """A number in the text and the comment behind it.

    `place` is its paragraph and its span in there; `expression` is None for a cited number or an
    estimate; `tolerance` is None when the number must agree at the precision shown.
    """

    shown: str
    comment: str
    place: tuple
    expression: str | None
    tolerance: float | None
    context: str

    @property
    def value(self):
        return float(clean_digits(self.shown))

    @property
    def decimals(self):
        """The exponent of the last digit shown: -1 for 2.5, 0 for 89, -7 for 2.4e-6."""
        digits, _, exponent = clean_digits(self.shown).lower().partition("e")
        return int(exponent or 0) - len(digits.partition(".")[2])


def clean_digits(shown):
    return shown.replace("{,}", "").replace(",", "").replace("−", "-")


def marks(source):
    """The marks of markdown `source`, in order, and what is wrong with those that do not parse."""
    found, wrong = [], []
    for number, paragraph in enumerate(markdown.paragraphs(source)):
        end_of_last = end = 0
        shown = markdown.showing(paragraph, "words", "code", "formula")
        for kind, text in paragraph:
            start, end = end, end + len(text)
            content = text[4:-3].strip()
            if kind != "comment" or content.startswith(NOTE):
                continue
            start_of_line = shown.rfind("\n", 0, start) + 1
            before = slice(max(start_of_line, end_of_last, start - 60), start)
            end_of_last = end
            context = " ".join(shown[start_of_line : end + 40].split())
            try:
                found.append(read_mark(shown, before, content, number, context))
            except ValueError as error:
                wrong.append(f"{text}: {error} in: {context}")
    return found, wrong


def read_mark(shown, before, content, paragraph, context):
    """The mark whose comment holds `content`, and whose number stands in ``shown[before]``."""
    numbers = list(re.finditer(DIGITS, shown[before]))
    if not numbers or before.stop - before.start - numbers[-1].end() > 30:
        raise ValueError("no number stands before it")
    expression, tolerance = read_comment(content)
    begin, end = (before.start + place for place in numbers[-1].span())
    mark = Mark(shown[begin:end], content, (paragraph, begin, end), expression, tolerance, context)
    if tolerance is not None and mark.value and tolerance >= abs(mark.value):
        raise ValueError(f"the tolerance lets {mark.shown} be anything")
    return mark


def read_comment(content):
    """The expression and the tolerance in the comment of a mark; ValueError when it has none."""
    if REASONS.match(content):
        return None, None
    expression, separator, tolerance = (part.strip() for part in content.partition("±"))
    try:
        ast.parse(expression, mode="eval")
    except SyntaxError:
        raise ValueError("neither an expression nor 'cited: KEY' nor 'estimate'") from None
    if not separator:
        return expression, None
    try:
        return expression, float(tolerance)
    except ValueError:
        raise ValueError(f"the tolerance {tolerance!r} is not a number") from None


def checked_numbers(source):
    """The marks of markdown `source` that a run can check: those with an expression."""
    return [mark for mark in marks(source)[0] if mark.expression is not None]


def disagreement(mark, value):
    """A sentence when the run's `value` does not fit the number that the text shows, else None."""
    tolerance, reason = mark.tolerance, f"within {mark.tolerance}"
    if tolerance is None:
        tolerance, reason = 0.5 * 10**mark.decimals, "at the precision shown"
    if abs(value - mark.value) <= tolerance * (1 + 1e-9):
        return None
    return f"the text says {mark.shown}, the run gives {value!r} ({mark.expression}), not {reason}"


# A number with such a unit behind it comes from a run or a source, so it must carry a mark.
GAP = r"[ \u00a0\u2009]*"
UNITS = [
    r"%(?!\w)|%p|퍼센트|percent\b",
    r"초(?![기과급평안록점])|밀리초|ms\b|(?<=[ \u00a0\u2009])s\b|seconds?\b|milliseconds?\b",
    r"분(?!류|할|의[ ]?\d|포|기|석|산|리|야)|minutes?\b|min\b",
    r"점(?!수|근|검|프)|포인트|points?\b",
    r"(?:만[ ]?)?개의[ ]?(?:매개변수|파라미터|가중치)|(?:trainable )?(?:parameters?|weights?)\b",
]
MEASURED = [
    re.compile(f"(?P<number>{DIGITS}){GAP}(?:{'|'.join(UNITS)})"),
    re.compile(rf"(?P<number>(?<![\w.])\d+\.\d+){GAP}(?:배|times\b|×[ ]?(?:faster|slower))"),
    re.compile(rf"(?:매개변수|파라미터)[^\n.!?|]{{0,12}}?(?P<number>{DIGITS}){GAP}개"),
    re.compile(r"(?:정확도|accuracy)[^\n.!?|]{0,12}?(?P<number>(?<![\w.])0?\.\d+)", re.I),
]


def unmarked(source):
    """Numbers in markdown `source` that speak of a run and carry no mark, as sentences."""
    marked = [mark.place for mark in marks(source)[0]]
    problems = []
    for number, paragraph in enumerate(markdown.paragraphs(source)):
        text = markdown.words(paragraph)
        for found in (found for pattern in MEASURED for found in pattern.finditer(text)):
            start, end = found.span("number")
            if not any(
                place == number and left < end and start < right for place, left, right in marked
            ):
                line = text[text.rfind("\n", 0, start) + 1 :].partition("\n")[0]
                problems.append(f"{found.group().strip()!r} carries no mark in: {line.strip()}")
    return problems


def prose_problems(notebook):
    """Marks that do not parse and numbers without a mark, by cell."""
    return [
        f"{cell.id}: {problem}"
        for cell in cells_of(notebook, "markdown")
        for problem in marks(cell.source)[1] + unmarked(cell.source)
    ]
