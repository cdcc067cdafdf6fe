"""The words of the book: those of its glossary, and no sentence for a reader inside the code."""

import ast
import json
import re

from notebooks import FOLDER

HANGUL = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")
# {a word the book does not use: the term it uses}
WRONG_WORDS = {
    wrong: term["ko"]
    for term in json.loads((FOLDER / "glossary.json").read_text(encoding="utf-8"))
    for wrong in term["not"]
}
FILLER = [
    re.compile(r"(?:아래|다음|위)(?:의)? 코드(?:는|에서는|를|로)[^.\n]*(?:수행|실행|보여|구현)"),
    re.compile(r"\bthe (?:following|code below|code above|cell below)\b[^.\n]*\bcode\b", re.I),
    re.compile(r"\bthe (?:code|cell) (?:below|above)\b", re.I),
]
# What reads like a translation, or is written another way in this book: `90%`.
NOT_OURS = re.compile(
    r"\b(?:mend\w*|cure[sd]?|alike)\b|벌어 주|아무렇게나|[0-9>}]\s%(?![\w ]*[0-9(])"
)


def wrong_words(text):
    """Words of `text` that the glossary of the book does not use."""
    return [
        f"{word!r}: the book says {better}" for word, better in WRONG_WORDS.items() if word in text
    ]


def filler(text):
    """Sentences of `text` that only say that the code does something."""
    return [f"filler: {found.group()!r}" for pattern in FILLER for found in pattern.finditer(text)]


def not_ours(markdown):
    """Words and ways of writing of the text, code left out, that the book does not use."""
    prose = re.sub(r"```.*?```|`[^`]*`|\$[^$]*\$|<!--.*?-->", "", markdown, flags=re.S)
    return [f"{found.group()!r} is not how this book writes" for found in NOT_OURS.finditer(prose)]


def word_problems(notebook):
    """Wrong words and filler in the cells of `notebook`, sentences in its code."""
    for cell in notebook.cells:
        found = wrong_words(cell.source) + filler(cell.source)
        found += (code_words if cell.cell_type == "code" else not_ours)(cell.source)
        yield from (f"{cell.id}: {problem}" for problem in found)


def strings_in(source):
    """The string literals of Python `source`, docstrings left out."""
    tree = ast.parse(source)
    bodies = [getattr(node, "body", None) for node in ast.walk(tree)]
    docstrings = {
        body[0].value
        for body in bodies
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr)
    }
    strings = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return [
        node.value for node in strings if isinstance(node.value, str) and node not in docstrings
    ]


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
