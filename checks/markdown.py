"""Markdown as JupyterLab and the web book read it: words, code, formulas, comments, links."""

import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

READER = MarkdownIt("commonmark").enable("table")
READER.use(dollarmath_plugin, allow_space=False, double_inline=True)
READER.normalizeLink = str  # a target stays as it is written: Korean letters, no %EC%9E%90
READER.validateLink = lambda target: True

KINDS = {
    "text": "words",
    "image": "words",  # its alternative text
    "code_inline": "code",
    "math_inline": "formula",
    "math_inline_double": "formula",
    "math_block": "formula",
}


class Piece(NamedTuple):
    """A part of a text: `kind` is words, code, formula, comment or tag."""

    kind: str
    text: str


@cache
def tokens(source: str) -> list[Token]:
    """What markdown-it finds in markdown `source`."""
    return READER.parse(source)


def inline_tokens(source: str) -> list[list[Token]]:
    """The tokens within each paragraph, heading, table cell or piece of HTML of `source`."""
    found = []
    for token in tokens(source):
        if token.type == "inline":
            found.append(token.children or [])
        elif token.type == "html_block":
            found.append(READER.parseInline(token.content)[0].children or [])
        elif token.type == "math_block":
            found.append([token])
    return found


def piece(token: Token) -> Piece:
    """What a token within a paragraph shows; `words` without text for the marks of emphasis."""
    if token.type in ("softbreak", "hardbreak"):
        return Piece("words", "\n")
    if token.type == "html_inline":
        return Piece("comment" if token.content.startswith("<!--") else "tag", token.content)
    return Piece(KINDS.get(token.type, "words"), token.content)


def paragraphs(source: str) -> list[list[Piece]]:
    """The pieces of each paragraph, heading, table cell or piece of HTML; no code blocks."""
    return [[piece(token) for token in line] for line in inline_tokens(source)]


def showing(paragraph: list[Piece], *kinds: str) -> str:
    """The text of a paragraph, all but `kinds` made blank; so places are the same for all kinds."""
    return "".join(
        text if kind in kinds else re.sub(r"[^\n]", " ", text) for kind, text in paragraph
    )


def plain(source: str) -> str:
    """The words of markdown `source`: no code, formulas, comments, tags, addresses."""
    return "\n\n".join(words(paragraph) for paragraph in paragraphs(source))


def words(paragraph: list[Piece]) -> str:
    """The words of a paragraph, addresses left out."""
    text = showing(paragraph, "words")
    return re.sub(r"https?://\S+", lambda found: " " * len(found.group()), text)


def formulas(source: str) -> list[str]:
    """The formulas of markdown `source`, without dollars."""
    return [text for line in paragraphs(source) for kind, text in line if kind == "formula"]


def tags(source: str) -> list[str]:
    """The HTML tags of markdown `source`."""
    return [text for line in paragraphs(source) for kind, text in line if kind == "tag"]


def pictures(source: str) -> list[tuple[str, str]]:
    """``(target, alternative text)`` of the pictures of markdown `source`."""
    found = [
        (str(token.attrs["src"]), token.content)
        for line in inline_tokens(source)
        for token in line
        if token.type == "image"
    ]
    images = [tag for tag in tags(source) if re.match(r"<img\b", tag)]
    return found + [(attribute(tag, "src"), attribute(tag, "alt")) for tag in images]


def targets(source: str) -> list[str]:
    """Where the links and pictures of markdown `source` lead."""
    found = [
        str(token.attrs["href"])
        for line in inline_tokens(source)
        for token in line
        if token.type == "link_open"
    ]
    found += [target for target, _ in pictures(source)]
    found += [attribute(tag, name) for tag in tags(source) for name in ("href", "srcset")]
    return [target for target in found if target]


def attribute(tag: str, name: str) -> str:
    """The value of an attribute of an HTML tag, empty if it has none."""
    found = re.search(rf"""\b{name}\s*=\s*["']([^"']*)""", tag)
    return found[1].strip() if found else ""


def code_blocks(source: str) -> list[tuple[str, str]]:
    """``(language, code)`` of every fenced block of markdown `source`."""
    blocks = [token for token in tokens(source) if token.type == "fence"]
    return [(token.info.partition(" ")[0], token.content) for token in blocks]


def outside_code_blocks(source: str, change: Callable[[str], str]) -> str:
    """Markdown `source` with `change` applied to all that stands in no fenced block."""
    lines, parts, done = source.split("\n"), [], 0
    blocks = [token.map for token in tokens(source) if token.type == "fence" and token.map]
    for begin, end in [*blocks, (len(lines), len(lines))]:
        if done < begin:
            parts.append(change("\n".join(lines[done:begin])))
        if begin < end:
            parts.append("\n".join(lines[begin:end]))
        done = end
    return "\n".join(parts)


def headings(source: str) -> list[tuple[int, str]]:
    """``(level, text)`` of every heading in markdown `source`."""
    found = []
    for opening, inside in pairwise(tokens(source)):
        if opening.type == "heading_open":
            line = [piece(token) for token in inside.children or []]
            text = showing(line, "words", "code", "formula").strip()
            found.append((int(opening.tag[1]), text))
    return found


def count(source: str, kind: str) -> int:
    """How many tokens of a kind, such as ``list_item_open``, markdown `source` has."""
    return sum(token.type == kind for token in tokens(source))


def github_anchor(heading: str) -> str:
    """The name under which GitHub reaches a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
