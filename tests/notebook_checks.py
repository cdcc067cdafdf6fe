"""What a notebook of the book must be like: functions that return what is wrong, as sentences.

``test_notebooks.py``, ``test_prose.py``, ``test_editions.py`` and ``test_solutions.py`` apply
them to every notebook; ``test_notebook_tools.py`` gives each a notebook with a defect. None of
them runs a kernel.
"""

import ast
import base64
import io
import re
import string
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import editions
import nbformat
import pytest
from PIL import Image

from notebooks import FIGURE, LANGUAGES, PICTURE, WIDGET, code_key

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "notebooks"
HANGUL = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")


def read(path):
    return nbformat.read(path, as_version=4)


def cells_of(notebook, kind):
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def tags_of(cell):
    return cell.metadata.get("tags", [])


# ---------------------------------------------------------------- text without code and formulas


def blank(pattern, text, flags=0):
    """`text` with every match of `pattern` made blank; length and line breaks stay."""
    return re.sub(pattern, lambda found: re.sub(r"[^\n]", " ", found.group()), text, flags=flags)


FENCE = r"^[ >]*(```+|~~~+)[^\n]*\n.*?(?:^[ >]*\1[`~]*[ ]*$|\Z)"
CODE_SPAN = r"(`+)(?!`).+?(?<!`)\1(?!`)"
MATH = r"\$\$.+?\$\$|(?<![\\$])\$(?!\s)[^$\n]+?(?<!\s)\$(?!\d)"
COMMENT = r"<!--.*?-->"
TAG = r"</?[A-Za-z][^<>]*>"
LINK_TARGET = r"(?<=\])\([^()\s]*(?:\s+\"[^\"]*\")?\)|(?<=\]:)\s*\S+|<https?://[^>]*>|https?://\S+"


def without_code(source):
    """Markdown `source` without code blocks and code in a line; positions stay."""
    return blank(CODE_SPAN, blank(FENCE, source, re.M | re.S), re.S)


def plain(source):
    """The words of markdown `source`: no code, formulas, comments, tags, link targets."""
    text = blank(COMMENT, without_code(source), re.S)
    for pattern in (MATH, TAG, LINK_TARGET):
        text = blank(pattern, text, re.S)
    return text


# ---------------------------------------------------------------- checked prose

DIGITS = r"(?<![\w.])[-+−]?\d+(?:(?:,|\{,\})\d{3})*(?:\.\d+)?(?:[eE][-+−]?\d+)?"
REASONS = re.compile(r"(cited:\s*[\w.:/-]+|estimate)\Z")
NOTE = "note:"


@dataclass
class Mark:
    """A number in the text and the comment behind it.

    `place` is the span of the number in the source; `expression` is None for a cited number or an
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
    visible = blank(COMMENT, source, re.S)
    text = without_code(source)
    end_of_last = 0
    for comment in re.finditer(COMMENT, text, re.S):
        content = comment.group()[4:-3].strip()
        if content.startswith(NOTE):
            continue
        start_of_line = source.rfind("\n", 0, comment.start()) + 1
        start = max(start_of_line, end_of_last, comment.start() - 60)
        numbers = list(re.finditer(DIGITS, visible[start : comment.start()]))
        end_of_last = comment.end()
        context = " ".join(visible[start_of_line : comment.end() + 40].split())
        if not numbers or comment.start() - start - numbers[-1].end() > 30:
            wrong.append(f"no number stands before {comment.group()} in: {context}")
            continue
        place = (start + numbers[-1].start(), start + numbers[-1].end())
        try:
            expression, tolerance = read_comment(content)
        except ValueError as error:
            wrong.append(f"{comment.group()}: {error}")
            continue
        mark = Mark(numbers[-1].group(), content, place, expression, tolerance, context)
        if tolerance is not None and mark.value and tolerance >= abs(mark.value):
            wrong.append(f"{comment.group()}: the tolerance lets {mark.shown} be anything")
            continue
        found.append(mark)
    return found, wrong


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
GAP = r"[ \u00a0\u2009*_]*"
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
    text = plain(source)
    problems = []
    for pattern in MEASURED:
        for found in pattern.finditer(text):
            start, end = found.span("number")
            if not any(left < end and start < right for left, right in marked):
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


# ---------------------------------------------------------------- words

# The "not" column of the glossary, and what to write.
WRONG_WORDS = {
    "컨볼루션": "합성곱",
    "콘볼루션": "합성곱",
    "피쳐맵": "특성맵",
    "피처맵": "특성맵",
    "특징맵": "특성맵",
    "전결합층": "완전연결층",
    "파인튜닝": "미세 조정",
    "훈련": "학습",
    "미니배치": "배치",
    "미니 배치": "배치",
}
FILLER = [
    re.compile(r"(?:아래|다음|위)(?:의)? 코드(?:는|에서는|를|로)[^.\n]*(?:수행|실행|보여|구현)"),
    re.compile(r"\bthe (?:following|code below|code above|cell below)\b[^.\n]*\bcode\b", re.I),
    re.compile(r"\bthe (?:code|cell) (?:below|above)\b", re.I),
]


def wrong_words(text):
    """Words of `text` that the glossary of the book does not use."""
    return [
        f"{word!r}: the book says {better}" for word, better in WRONG_WORDS.items() if word in text
    ]


def filler(text):
    """Sentences of `text` that only say that the code does something."""
    return [f"filler: {found.group()!r}" for pattern in FILLER for found in pattern.finditer(text)]


# ---------------------------------------------------------------- two editions

SMALL_NUMBERS = {
    0: r"\bzeros?\b",
    1: r"\bones?\b|\bonce\b|\bsingle\b|\bfirst\b|\ban? (?:half|third|quarter|tenth)\b|하나|한 |첫",
    2: r"\btwo\b|\btwice\b|\bdouble|\bsecond\b|\bboth\b|\bpair|\bhalf\b|둘|두 |절반|양쪽",
    3: r"\bthree\b|\bthird\b|\bthrice\b|\btriple|셋|세 |석 ",
    4: r"\bfour\b|\bfourth\b|\bquarter|넷|네 |넉 ",
    5: r"\bfive\b|\bfifth\b|다섯",
    6: r"\bsix\b|\bsixth\b|여섯",
    7: r"\bseven\b|\bseventh\b|일곱",
    8: r"\beight\b|\beighth\b|여덟",
    9: r"\bnine\b|\bninth\b|아홉",
    10: r"\bten\b|\btenth\b|열 ",
    11: r"\beleven\b|열한",
    12: r"\btwelve\b|\bdozen|열두",
}
SCALES = {
    "만": 10**4,
    "천": 10**3,
    "억": 10**8,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
}
SCALED = re.compile(rf"({DIGITS})[ ]?({'|'.join(SCALES)})")
ANY_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def numbers_in(text):
    """The numbers of `text` as a Counter of floats; ``6만`` and ``60,000`` are the same."""

    def written_out(found):
        return f"{float(clean_digits(found[1])) * SCALES[found[2]]:.10g}"

    text = SCALED.sub(written_out, text)
    return Counter(float(number.replace(",", "")) for number in ANY_NUMBER.findall(text))


def different_numbers(korean, english):
    """Sentences on numbers that stand in one text and not in the other.

    A number up to twelve may be a word in the other language.
    """
    ours, theirs = numbers_in(korean), numbers_in(english)
    problems = []
    for missing, there, other, name in (
        (ours - theirs, "Korean", english, "English"),
        (theirs - ours, "English", korean, "Korean"),
    ):
        for number in missing:
            if not re.search(SMALL_NUMBERS.get(number, r"(?!)"), other, re.I):
                problems.append(f"{number:g} stands in the {there} text, not in the {name}")
    return problems


def formulas(source):
    """The formulas of markdown `source`, words inside ``\\text{}`` left out, as a Counter."""
    found = re.findall(MATH, blank(COMMENT, without_code(source), re.S), re.S)
    words = r"\\(?:text|mathrm|operatorname|textbf|textit)\{[^{}]*\}"
    return Counter(re.sub(r"\s+", " ", re.sub(words, r"\\text{}", math)) for math in found)


def links(source):
    """The targets of links and pictures of markdown `source`, as a Counter, without anchors.

    A picture or a page may exist once for each language: ``x.ko.png`` and ``x.en.png`` agree, so
    do ``../ko/`` and ``../en/``.
    """
    targets = [target for _, target in all_links(source)]
    return Counter(
        re.sub(r"(?<=[/._-])(?:ko|en)(?=[/._-])", "LANGUAGE", target.partition("#")[0])
        for target in targets
    )


def all_links(source):
    """``(text, target)`` of every link and picture in markdown `source`, code left out."""
    text = blank(MATH, blank(COMMENT, without_code(source), re.S), re.S)
    found = re.findall(r"\[([^\[\]]*(?:\[[^\]]*\][^\[\]]*)*)\]\(\s*<?([^()\s>]+)>?[^()]*\)", text)
    found += [("", target) for target in re.findall(r"(?:src|href)\s*=\s*[\"']([^\"']+)", text)]
    found += [("", target) for target in re.findall(r"^\[[^\]]+\]:\s*(\S+)", text, re.M)]
    found += [("", target) for target in re.findall(r"<(https?://[^>\s]+)>", text)]
    return found


def fenced(source):
    """The code blocks of markdown `source` as a list of ``(language, code)``."""
    found = re.finditer(
        r"^(?P<fence>```+)(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=fence)[ ]*$",
        source,
        re.M | re.S,
    )
    return [(match["language"], match["code"]) for match in found]


def headings(source):
    """``(level, text)`` of every heading in markdown `source`."""
    text = blank(FENCE, source, re.M | re.S)
    return [
        (len(level), title.strip()) for level, title in re.findall(r"^(#+)\s+(.*)$", text, re.M)
    ]


def shape(source):
    """What two translations of the same markdown have in common besides words."""
    text = blank(FENCE, source, re.M | re.S)
    return {
        "headings": [level for level, _ in headings(source)],
        "table rows": len(re.findall(r"^\s*\|", text, re.M)),
        "list items": len(re.findall(r"^\s*(?:[-*+]|\d+\.)\s", text, re.M)),
        "code blocks": [
            (name, code_key(code) if name == "python" else re.findall(r"[^\sA-Za-z가-힣]+", code))
            for name, code in fenced(source)
        ],
        "formulas": formulas(source),
        "links": links(source),
        "checked numbers": Counter(
            (clean_digits(mark.shown), mark.comment) for mark in marks(source)[0]
        ),
        "folded parts": source.count("<details"),
    }


def different_cells(korean, english):
    """What differs between the cells of two editions that must not."""
    ours = [(cell.id, cell.cell_type, tags_of(cell)) for cell in korean.cells]
    theirs = [(cell.id, cell.cell_type, tags_of(cell)) for cell in english.cells]
    if ours != theirs:
        pairs = zip(ours + [None] * len(theirs), theirs + [None] * len(ours), strict=False)
        return [
            f"the cells differ: {one} in Korean, {other} in English"
            for one, other in pairs
            if one != other
        ][:1]
    problems = []
    for one, other in zip(korean.cells, english.cells, strict=True):
        find = different_code if one.cell_type == "code" else different_text
        problems += [f"{one.id}: {problem}" for problem in find(one.source, other.source)]
    return problems


def different_code(korean, english):
    """What differs between two code cells besides comments and the setup call."""
    if code_key(korean) != code_key(editions.SETUP.sub(r"\g<1>ko\g<3>", english)):
        return ["the code of the editions differs"]
    if len(editions.SETUP.findall(english)) != len(re.findall(r"setup\(\s*[\"']en", english)):
        return ['the English edition must call setup("en")']
    return []


def different_text(korean, english):
    """What differs between a Korean markdown text and its English translation."""
    problems = []
    if bool(korean.strip()) != bool(english.strip()):
        return ["one edition is empty here"]
    if HANGUL.search(plain(korean)) and korean == english:
        return ["this is not translated"]
    ours, theirs = shape(korean), shape(english)
    for name in ours:
        if ours[name] != theirs[name]:
            problems.append(f"different {name}: {ours[name]} in Korean, {theirs[name]} in English")
    return problems + different_numbers(plain(korean), plain(english))


def strings_in(source):
    """The string literals of Python `source`, docstrings left out."""
    tree = ast.parse(source)
    docstrings = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            docstrings.add(body[0].value)
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings
    ]


# Korean that an English reader needs: the way to the other edition, and the terms' Korean names.
ALLOWED_KOREAN = re.compile(r"\[한국어[^\]]*\](?=\([^)]*\bko/)|^\*\*New terms\.\*\*.*$", re.M)


def language_problems(notebook, language):
    """Text that stands in the wrong language, or in code where no edition can translate it."""
    problems = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            problems += [f"{cell.id}: {problem}" for problem in code_words(cell.source)]
            if language == "en" and any(
                HANGUL.search(text) for *_, text in editions.comments(cell.source)
            ):
                problems.append(f"{cell.id}: a comment is Korean in the English edition")
            if language == "en":
                problems += [
                    f"{cell.id}: {text!r} is Korean in the English edition"
                    for text in output_texts(cell)
                    if HANGUL.search(text)
                ]
        elif language == "en":
            text = ALLOWED_KOREAN.sub("", cell.source)
            if HANGUL.search(text):
                line = next(line for line in text.split("\n") if HANGUL.search(line))
                problems.append(f"{cell.id}: Korean in the English edition: {line.strip()}")
        elif len(re.findall(r"[A-Za-z]{2,}", plain(cell.source))) >= 8 and not HANGUL.search(
            cell.source
        ):
            problems.append(f"{cell.id}: English in the Korean edition")
    return problems


def code_words(source):
    """Strings in code that a reader would read: they belong to ``cnnbook/words``."""
    problems = []
    for text in strings_in(source):
        words = re.findall(r"[A-Za-z]+(?:['’][a-z]+)?", re.sub(r"\S*[/\\_=]\S*", " ", text))
        if HANGUL.search(text):
            problems.append(f"Korean in a string of the code: {text!r}")
        elif len(words) >= 4:
            problems.append(f"a sentence in a string of the code: {text!r}")
    return problems


def output_texts(cell):
    """What the outputs of a code cell say; a measured cell's printed text is left out."""
    measured = "nbval-ignore-output" in tags_of(cell)
    texts = []
    for output in cell.outputs:
        if output.output_type == "stream" and not measured:
            texts.append(output.text)
        texts += [
            text
            for kind, text in output.get("data", {}).items()
            if isinstance(text, str) and not kind.startswith("image/")
        ]
        if FIGURE in output.get("data", {}):
            texts += figure_words(output.data[FIGURE])
    return texts


def figure_words(value):
    """All strings inside the JSON `value` of a figure."""
    if isinstance(value, str):
        return [value]
    entries = value.values() if isinstance(value, dict) else value
    return (
        [text for entry in entries for text in figure_words(entry)]
        if isinstance(value, (dict, list))
        else []
    )


def word_list_problems(entries):
    """What is wrong with the entries of one ``cnnbook/words`` file."""
    problems = []
    for name, entry in entries.items():
        if set(entry) != set(LANGUAGES) or not all(entry.values()):
            problems.append(f"{name}: needs ko and en, has {sorted(entry)}")
            continue
        fields = [
            Counter(
                field
                for _, field, *_ in string.Formatter().parse(entry[language])
                if field is not None
            )
            for language in LANGUAGES
        ]
        if set(fields[0]) != set(fields[1]):
            problems.append(f"{name}: different placeholders {set(fields[0]) ^ set(fields[1])}")
        # A link to the other edition speaks the other language, and is named so.
        if HANGUL.search(entry["en"]) and not name.startswith("switch"):
            problems.append(f"{name}: Korean in the English words: {entry['en']!r}")
        texts = [re.sub(r"\{[^{}]*\}", " ", entry[language]) for language in LANGUAGES]
        problems += [f"{name}: {problem}" for problem in different_numbers(*texts)]
        problems += [f"{name}: {problem}" for problem in wrong_words(entry["ko"])]
    return problems


# ---------------------------------------------------------------- the notebook file

MOST_BYTES = 700_000
MOST_PICTURE_BYTES = 80_000
MOST_LINES, MOST_COLUMNS = 15, 88
MACHINE_PATH = re.compile(r"(?<![\w.])(?:/work|/root|/home|/Users|/opt|/tmp)/|[A-Z]:\\\\?Users")


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
    for cell in cells_of(notebook, "code"):
        for output in cell.outputs:
            data = output.get("data", {})
            if PICTURE in data:
                raw = base64.b64decode(data[PICTURE])
                Image.open(io.BytesIO(raw)).verify()
                if len(raw) > MOST_PICTURE_BYTES:
                    problems.append(f"{cell.id}: a picture of {len(raw):,} bytes")
            if PICTURE in data or FIGURE in data:
                words = data.get("text/plain", "").strip()
                if len(words) < 10 or re.match(r"<.*(?:Figure size| at 0x|object).*>", words):
                    problems.append(f"{cell.id}: no alternative text, only {words!r}")
            if FIGURE in data and PICTURE not in data:
                problems.append(f"{cell.id}: a live figure without a still picture")
    for cell in cells_of(notebook, "markdown"):
        text = without_code(cell.source)
        for alternative in re.findall(r"!\[([^\]]*)\]\(", text):
            if not alternative.strip():
                problems.append(f"{cell.id}: a picture without alternative text")
        for tag in re.findall(r"<img\b[^>]*>", text):
            if not re.search(r"alt\s*=\s*[\"'][^\"']+", tag):
                problems.append(f"{cell.id}: {tag} without alternative text")
    return problems


def layout_problems(notebook):
    """Code cells that are too long for a projector, or follow each other without a sentence."""
    problems = []
    for before, cell in zip([None, *notebook.cells], notebook.cells, strict=False):
        if cell.cell_type != "code":
            continue
        if before is not None and before.cell_type == "code" and before.id != editions.INSTALL:
            problems.append(f"{cell.id}: no sentence stands between it and the cell {before.id}")
        lines = [line for line in cell.source.split("\n") if line.strip()]
        if len(lines) > MOST_LINES:
            problems.append(f"{cell.id}: {len(lines)} lines, more than {MOST_LINES}")
        for line in lines:
            if width(line) > MOST_COLUMNS and cell.id != editions.INSTALL:  # a long address
                problems.append(f"{cell.id}: more than {MOST_COLUMNS} columns: {line}")
        if cell.source.rstrip().endswith(";"):
            problems.append(f"{cell.id}: ends in ';', which nbval sees as another output")
    code = cells_of(notebook, "code")
    install = [editions.install_code(language) for language in LANGUAGES]
    if not code or code[0].id != editions.INSTALL or code[0].source not in install:
        problems.append("the first code cell does not fetch the book: tools/editions.py address")
    if len(code) < 2 or "cnnbook.setup(" not in code[1].source:
        problems.append("the second code cell does not call cnnbook.setup")
    if notebook.cells and not notebook.cells[0].source.startswith("# "):
        problems.append("the first cell is not the title")
    titles = [
        text
        for cell in cells_of(notebook, "markdown")
        for level, text in headings(cell.source)
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


def link_problems(path, notebook, folder=FOLDER):
    """Links and pictures in the text that lead nowhere; the network is not asked."""
    problems = []
    for cell in cells_of(notebook, "markdown"):
        for _, target in all_links(cell.source):
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
        found.update(re.findall(r"<\w+[^>]*\b(?:id|name)\s*=\s*[\"']([^\"']+)", cell.source))
        for _, title in headings(cell.source):
            title = re.sub(r"[`*_]", "", title)
            found.add(title.replace(" ", "-"))
            found.add(re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-"))
    return found


CHAPTER = re.compile(r"5_[1-5](?:_|$)")
RHYTHM = {
    "common mistakes": {"ko": "실수", "en": "mistake"},
    "exercises": {"ko": "연습|문제", "en": "exercise"},
    "what to take along": {"ko": "가져갈|정리|기억|요약", "en": "take|remember|summary|sentences"},
}


def rhythm_problems(notebook, language):
    """What of the rhythm of a chapter (a question, a figure, exercises, …) is missing."""
    problems = []
    text = [cell.source for cell in cells_of(notebook, "markdown")]
    titles = [title.lower() for source in text for _, title in headings(source)]
    if not any("?" in source for source in text[:4]):
        problems.append("no question to bet on at the beginning")
    if not any("estimate" in mark.comment for source in text[:4] for mark in marks(source)[0]):
        problems.append("the beginning does not say how long it takes (<!-- estimate -->)")
    if not any(
        FIGURE in output.get("data", {})
        for cell in cells_of(notebook, "code")
        for output in cell.outputs
    ):
        problems.append("no live figure")
    for name, words in RHYTHM.items():
        if not any(re.search(words[language], title) for title in titles):
            problems.append(f"no heading for {name} ({words[language]})")
    if len(exercises(notebook)) < 2:
        problems.append("fewer than two exercises")
    return problems


# ---------------------------------------------------------------- exercises


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
            code = [code for language, code in fenced(after.source) if language == "python"]
            found.append(Exercise(cell.id.removeprefix("exercise-"), cell.source, "\n".join(code)))
    return found


def check_call(source):
    """The last statement of `source` if it is ``check("CHAPTER/NAME", answer)``, else None."""
    body = ast.parse(source).body
    last = body[-1] if body else None
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        call = last.value
        name = (
            call.func.attr
            if isinstance(call.func, ast.Attribute)
            else getattr(call.func, "id", None)
        )
        if name == "check" and call.args and isinstance(call.args[0], ast.Constant):
            return call
    return None


def exercise_problems(notebook):
    """Exercises without a check or a folded solution, and solutions without an exercise."""
    problems = []
    names = [
        cell.id.removeprefix("exercise-") for cell in notebook.cells if "exercise" in tags_of(cell)
    ]
    for cell, after in zip(notebook.cells, [*notebook.cells[1:], None], strict=True):
        if cell.id.startswith("exercise-") and "exercise" not in tags_of(cell):
            if cell.cell_type == "code":
                problems.append(f"{cell.id}: the tag 'exercise' is missing")
        if cell.id.startswith("solution-") and cell.id.removeprefix("solution-") not in names:
            problems.append(f"{cell.id}: there is no exercise for it")
        if "exercise" not in tags_of(cell):
            continue
        name = cell.id.removeprefix("exercise-")
        if cell.cell_type != "code" or not cell.id.startswith("exercise-"):
            problems.append(f"{cell.id}: an exercise is a code cell with the id exercise-NAME")
            continue
        call = check_call(cell.source)
        if call is None or call.args[0].value.partition("/")[2] != name:
            problems.append(f'{cell.id}: must end in check("CHAPTER/{name}", answer)')
        if after is None or after.id != f"solution-{name}" or "<details" not in after.source:
            problems.append(f"{cell.id}: the folded solution solution-{name} must follow it")
        elif "python" not in [language for language, _ in fenced(after.source)]:
            problems.append(f"{after.id}: there is no ```python block in it")
    return problems


# ---------------------------------------------------------------- for the tests


def notebooks_of(*languages):
    """The notebooks of the book as pytest parameters ``(path, language)``."""
    return [
        pytest.param(path, language, id=f"{language}/{path.stem}")
        for language in languages
        for path in sorted((FOLDER / language).glob("*.ipynb"))
    ]


def refuse(problems):
    """Fail with all `problems`, one a line, unless there are none."""
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)
