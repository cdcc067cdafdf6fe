"""What all tests share."""

import os

import pytest

from cnnbook import language

# What a program says in a test does not depend on the language of the computer that tests.
os.environ |= {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


@pytest.fixture(autouse=True)
def korean_first():
    """A test may set the language; the next one starts in Korean again."""
    language.set_language("ko")
    yield
    language.set_language("ko")
