"""What happens to a docstring on its way into the page "The package" of the web book."""

import book_reference
import pytest


@pytest.mark.parametrize(
    "docstring, written",
    [
        ("What.\n\nx : a number\n    or two\ny : more", "x\n    a number\n    or two\ny\n    more"),
        ("What.\n\nx : a number\nRaises.", "x\n    a number\n\n\nRaises."),
    ],
)
def test_arguments_without_a_heading_get_one(docstring, written):
    assert rewritten(docstring) == f"What.\n\n\nParameters\n----------\n{written}"


@pytest.mark.parametrize("end, marks", [(".", "::\n\n"), ("::", "")])
def test_an_indented_block_is_code(end, marks):
    code = "    for x in y:\n\n        x"
    assert rewritten(f"So{end}\n\n{code}") == f"So{end}\n\n{marks}{code}"


def test_what_is_a_section_already_stays():
    docstring = "What.\n\nParameters\n----------\nx : int\n    A number.\n\n    Not code."
    assert rewritten(docstring) == docstring


def rewritten(docstring):
    lines = docstring.split("\n")
    book_reference.on_docstring(None, "function", "f", None, None, lines)
    return "\n".join(lines)
