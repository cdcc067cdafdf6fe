"""A search that knows Korean: a language for Sphinx's own search, for pages from disk.

Korean glues particles to words (합성곱은, 합성곱층을), so a list of whole words finds little. Every
piece of two to four syllables inside a word is entered instead: 합성곱층을 is found by 합성곱
and by 층을. What the reader types is cut up by book_search.js in the browser.
"""

import re
from pathlib import Path

from sphinx.search import SearchLanguage

SHORTEST, LONGEST = 2, 4
HANGUL = re.compile(r"[가-힣]+")


def pieces(word):
    """All pieces of two to four syllables of a Korean `word`.

    >>> pieces("풀링층")
    ['풀링', '링층', '풀링층']
    """
    return [
        word[start : start + length]
        for length in range(SHORTEST, LONGEST + 1)
        for start in range(len(word) - length + 1)
    ]


class KoreanSearch(SearchLanguage):
    """Pieces of Korean words, and all other words as they are."""

    lang = "ko"
    language_name = "Korean"
    js_splitter_code = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")

    def split(self, input):
        """The entries for a piece of text, each once."""
        found = []
        for word in re.findall(r"\w+", input):
            for korean in HANGUL.findall(word):
                found += pieces(korean)
            found += [other for other in HANGUL.split(word) if other]
        return list(dict.fromkeys(found))


def setup(app):
    app.add_search_language(KoreanSearch)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
