"""The Korean and English words that figures, plots and checks print.

Every reader-facing string lives in ``cnnbook/words/ROOM.json`` as ``{"name": {"ko": …, "en": …}}``
and is asked for by ``text("ROOM.name")``. So the code cells of both editions are the same. The room
of a live figure lies beside its drawing, in ``cnnbook/figures/ROOM/words.json``.
"""

import json
import sys
from functools import cache
from pathlib import Path

LANGUAGES = ("ko", "en")
_current = "ko"


def set_language(name):
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


def language():
    """The language in use, ``"ko"`` or ``"en"``."""
    return _current


def word_lists():
    """The files that hold the words, as ``{room: path}``."""
    package = Path(__file__).parent
    shared = {path.stem: path for path in package.glob("words/*.json")}
    figures = {path.parent.name: path for path in package.glob("figures/*/words.json")}
    return {**shared, **figures}


@cache
def _room(name):
    if name not in word_lists():
        raise KeyError(f"there is no word list {name} in cnnbook/words or cnnbook/figures")
    return json.loads(word_lists()[name].read_text(encoding="utf-8"))


def words(room):
    """All words of one room in the language in use, as ``{name: string}``."""
    return {name: entry[_current] for name, entry in _room(room).items()}


def text(key, **values):
    """The words for `key` (``"room.name"``) in the language in use, with `values` filled in.

    >>> set_language("en")
    >>> text("common.of", done=3, total=16)
    '3 of 16'

    Raises
    ------
    KeyError
        If there is no such key: the message lists the room's keys.
    """
    room, _, name = key.partition(".")
    entries = _room(room)
    if name not in entries:
        raise KeyError(f"no words for {key!r}; room {room!r} has {', '.join(sorted(entries))}")
    return entries[name][_current].format(**values)


def printable(words: str, file=None) -> str:
    """`words` with a ? for every letter that the output cannot show, such as ✓ in a cp949 file.

    `file` : a text stream, default ``sys.stdout``.
    """
    encoding = getattr(file or sys.stdout, "encoding", None) or "utf-8"
    return words.encode(encoding, "replace").decode(encoding)


def say(*words: object) -> None:
    """``print(*words)``, but with `printable` letters only."""
    print(printable(" ".join(map(str, words))), flush=True)
