"""The Korean and English words that figures, plots and checks print.

Every reader-facing string lives in ``cnnbook/words/LIST.json`` as ``{"name": {"ko": …, "en": …}}``
and is asked for by ``text("LIST.name")``. So the code cells of both editions are the same.
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


@cache
def _word_list(name: str) -> dict[str, dict[str, str]]:
    path = Path(__file__).parent / "words" / f"{name}.json"
    if not path.exists():
        raise KeyError(f"there is no word list {path.name} in cnnbook/words")
    return json.loads(path.read_text(encoding="utf-8"))


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


def say(*words: object, file=None) -> None:
    """Print `words`; letters that the output cannot show, such as ✓ in a file in cp949, become ?.

    `file` : a text stream, default ``sys.stdout``.
    """
    stream = sys.stdout if file is None else file
    encoding = getattr(stream, "encoding", None) or "utf-8"
    line = " ".join(map(str, words))
    print(line.encode(encoding, "replace").decode(encoding), file=stream)
