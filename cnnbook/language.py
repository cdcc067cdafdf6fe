"""The Korean and English words that figures, plots and checks print.

Every reader-facing string lives in ``cnnbook/words/LIST.json`` as ``{"name": {"ko": …, "en": …}}``
and is asked for by ``text("LIST.name")``. So the code cells of both editions are the same. The list
of a live figure lies beside its drawing, in ``cnnbook/figures/LIST/words.json``.
"""

import json
import sys
from functools import cache
from pathlib import Path

LANGUAGES = ("ko", "en")
_current = "ko"


def set_language(name: str) -> None:
    """Choose the language of everything printed from now on: ``"ko"`` or ``"en"``.

    Raises
    ------
    ValueError
        If `name` is not one of :data:`LANGUAGES`.
    """
    global _current
    if name not in LANGUAGES:
        raise ValueError(f"language is {name!r}; it must be one of {', '.join(LANGUAGES)}")
    _current = name


def language() -> str:
    """The language in use, ``"ko"`` or ``"en"``."""
    return _current


def word_lists() -> dict[str, Path]:
    """The files that hold the words, as ``{name: path}``."""
    package = Path(__file__).parent
    shared = {path.stem: path for path in package.glob("words/*.json")}
    figures = {path.parent.name: path for path in package.glob("figures/*/words.json")}
    return {**shared, **figures}


@cache
def _word_list(name: str) -> dict[str, dict[str, str]]:
    if name not in word_lists():
        raise KeyError(f"there is no word list {name} in cnnbook/words or cnnbook/figures")
    return json.loads(word_lists()[name].read_text(encoding="utf-8"))


def words(word_list: str) -> dict[str, str]:
    """All words of one list in the language in use, as ``{name: string}``."""
    return {name: entry[_current] for name, entry in _word_list(word_list).items()}


def text(key: str, **values: object) -> str:
    """The words for `key` (``"list.name"``) in the language in use, with `values` filled in.

    >>> set_language("en")
    >>> text("common.of", done=3, total=16)
    '3 of 16'

    Raises
    ------
    KeyError
        If there is no such key: the message lists those of the word list. If a value is missing.
    """
    word_list, _, name = key.partition(".")
    entries = _word_list(word_list)
    if name not in entries:
        known = ", ".join(sorted(entries))
        raise KeyError(f"no words for {key!r}; word list {word_list!r} has {known}")
    sentence = entries[name][_current]
    try:
        return sentence.format(**values)
    except KeyError as missing:
        raise KeyError(f"{key} needs a value for {missing}: {sentence!r}") from None


def printable(words: str, file=None) -> str:
    """`words` with a ? for every letter that the output cannot show, such as ✓ in a cp949 file.

    `file` : a text stream, default ``sys.stdout``.
    """
    encoding = getattr(file or sys.stdout, "encoding", None) or "utf-8"
    return words.encode(encoding, "replace").decode(encoding)


def say(*words: object) -> None:
    """``print(*words)``, but with `printable` letters only."""
    print(printable(" ".join(map(str, words))), flush=True)
