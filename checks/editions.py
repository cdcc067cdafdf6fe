"""The Korean and the English edition are the same book: same cells, code, numbers, links."""

import re
import string
from collections import Counter
from itertools import zip_longest

from editions import SETUP, comments

from checks import markdown
from checks.files import tags_of
from checks.marks import DIGITS, clean_digits, marks
from checks.words import HANGUL, wrong_words
from notebooks import FIGURE, LANGUAGES, code_key

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
SCALES = {"만": 1e4, "천": 1e3, "억": 1e8, "thousand": 1e3, "million": 1e6, "billion": 1e9}
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
    sides = [(ours - theirs, "Korean", english, "English")]
    sides += [(theirs - ours, "English", korean, "Korean")]
    return [
        f"{number:g} stands in the {there} text, not in the {name}"
        for missing, there, other, name in sides
        for number in missing
        if not re.search(SMALL_NUMBERS.get(number, r"(?!)"), other, re.I)
    ]


def formulas(source):
    """The formulas of markdown `source`, words inside ``\\text{}`` left out, as a Counter."""
    words = r"\\(?:text|mathrm|operatorname|textbf|textit)\{[^{}]*\}"
    return Counter(
        re.sub(r"\s+", " ", re.sub(words, r"\\text{}", formula.strip()))
        for formula in markdown.formulas(source)
    )


def links(source):
    """The targets of links and pictures of markdown `source`, as a Counter, without anchors.

    A picture or a page may exist once for each language: ``x.ko.png`` and ``x.en.png`` agree, so
    do ``../ko/`` and ``../en/``.
    """
    return Counter(
        re.sub(r"(?<=[/._-])(?:ko|en)(?=[/._-])", "LANGUAGE", target.partition("#")[0])
        for target in markdown.targets(source)
    )


def shape(source):
    """What two translations of the same markdown have in common besides words."""
    return {
        "headings": [level for level, _ in markdown.headings(source)],
        "table rows": markdown.count(source, "tr_open"),
        "list items": markdown.count(source, "list_item_open"),
        "code blocks": [
            (name, code_key(code) if name == "python" else re.findall(r"[^\sA-Za-z가-힣]+", code))
            for name, code in markdown.code_blocks(source)
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
        pairs = zip_longest(ours, theirs)
        one, other = next(pair for pair in pairs if pair[0] != pair[1])
        return [f"the cells differ: {one} in Korean, {other} in English"]
    problems = []
    for one, other in zip(korean.cells, english.cells, strict=True):
        find = different_code if one.cell_type == "code" else different_text
        problems += [f"{one.id}: {problem}" for problem in find(one.source, other.source)]
    return problems


def different_code(korean, english):
    """What differs between two code cells besides comments and the setup call."""
    if code_key(korean) != code_key(SETUP.sub(r"\g<1>ko\g<3>", english)):
        return ["the code of the editions differs"]
    if len(SETUP.findall(english)) != len(re.findall(r"setup\(\s*[\"']en", english)):
        return ['the English edition must call setup("en")']
    return []


def different_text(korean, english):
    """What differs between a Korean markdown text and its English translation."""
    if bool(korean.strip()) != bool(english.strip()):
        return ["one edition is empty here"]
    if HANGUL.search(markdown.plain(korean)) and korean == english:
        return ["this is not translated"]
    ours, theirs = shape(korean), shape(english)
    problems = [
        f"different {name}: {ours[name]} in Korean, {theirs[name]} in English"
        for name in ours
        if ours[name] != theirs[name]
    ]
    return problems + different_numbers(markdown.plain(korean), markdown.plain(english))


# Korean that an English reader needs: the way to the other edition, and the terms' Korean names.
ALLOWED_KOREAN = re.compile(r"\[한국어[^\]]*\](?=\([^)]*\bko/)|^\*\*New terms\.\*\*.*$", re.M)


def language_problems(notebook, language):
    """Text of the edition `language` that stands in the other one's language."""
    for cell in notebook.cells:
        if language == "ko":
            english = re.findall(r"[A-Za-z]{2,}", markdown.plain(cell.source))
            if (
                cell.cell_type == "markdown"
                and len(english) >= 8
                and not HANGUL.search(cell.source)
            ):
                yield f"{cell.id}: English in the Korean edition"
            continue
        if cell.cell_type == "code":
            texts = [text for *_, text in comments(cell.source)] + output_texts(cell)
        else:
            texts = ALLOWED_KOREAN.sub("", cell.source).split("\n")
        for text in texts:
            if HANGUL.search(text):
                yield f"{cell.id}: {text.strip()!r} is Korean in the English edition"


def output_texts(cell):
    """What the outputs of a code cell say; a measured cell's printed text is left out."""
    measured = "nbval-ignore-output" in tags_of(cell)
    texts = []
    for output in cell.outputs:
        if output.output_type == "stream" and not measured:
            texts.append(output.text)
        for kind, shown in output.get("data", {}).items():
            if kind == FIGURE or (isinstance(shown, str) and not kind.startswith("image/")):
                texts += figure_words(shown)
    return texts


def figure_words(value):
    """All strings inside the JSON `value` of a figure."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, (dict, list)):
        return []
    entries = value.values() if isinstance(value, dict) else value
    return [text for entry in entries for text in figure_words(entry)]


def word_list_problems(entries):
    """What is wrong with the entries of one ``cnnbook/words`` file."""
    problems = []
    for name, entry in entries.items():
        if set(entry) != set(LANGUAGES) or not all(entry.values()):
            problems.append(f"{name}: needs ko and en, has {sorted(entry)}")
            continue
        ours, theirs = (
            {field for _, field, *_ in string.Formatter().parse(entry[language])} - {None}
            for language in LANGUAGES
        )
        if ours != theirs:
            problems.append(f"{name}: different placeholders {ours ^ theirs}")
        # A link to the other edition speaks the other language, and is named so.
        if HANGUL.search(entry["en"]) and not name.startswith("switch"):
            problems.append(f"{name}: Korean in the English words: {entry['en']!r}")
        texts = [re.sub(r"\{[^{}]*\}", " ", entry[language]) for language in LANGUAGES]
        problems += [f"{name}: {problem}" for problem in different_numbers(*texts)]
        problems += [f"{name}: {problem}" for problem in wrong_words(entry["ko"])]
    return problems
