"""What all tests share."""

import pytest

from cnnbook import language


@pytest.fixture(autouse=True)
def korean_first():
    """A test may set the language; the next one starts in Korean again."""
    language.set_language("ko")
    yield
    language.set_language("ko")
