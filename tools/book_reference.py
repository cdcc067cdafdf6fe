"""The page "reference" of the web book: what the package offers, from its docstrings.

A Sphinx extension. The page's own text is an introduction in the edition's language; the modules
follow in alphabetical order, each with its public names in the order of its file.
"""

import pkgutil
import re

import cnnbook

# What makes up the page of one module. A docstring is reStructuredText, as NumPy writes it.
MODULE = """
## `{name}`

```{{eval-rst}}
.. automodule:: {name}
   :members:
   :member-order: bysource
```
"""


def on_source_read(app, name, source):
    """Put the modules of the package below the introduction."""
    if name == "reference":
        modules = [f"cnnbook.{module.name}" for module in pkgutil.iter_modules(cnnbook.__path__)]
        source[0] += "".join(MODULE.format(name=module) for module in ["cnnbook", *modules])


ARGUMENT = re.compile(r"(\*{0,2}\w+(?:, \*{0,2}\w+)*) : (.*)")


def on_docstring(app, kind, name, thing, options, lines):
    """Write out the short forms of the book's docstrings, before napoleon reads the sections.

    ``name : what it is`` at the left edge is an argument, also without a heading "Parameters";
    an indented block after a paragraph is code, also without ``::``.
    """
    end = next((i for i, line in enumerate(lines) if set(line) == {"-"}), len(lines))
    written, above, listing = [], "", False  # above: the last line that is not blank
    for line in lines[:end]:
        argument = ARGUMENT.fullmatch(line)
        if argument:
            written += [] if listing else ["", "Parameters", "----------"]
            written += [argument[1], f"    {argument[2]}"]
            listing = True
        elif listing and line and not line.startswith(" "):
            written += ["", "", line]  # napoleon ends a section at two blank lines
            listing = False
        elif line.startswith("    ") and not above.startswith(" ") and written[-1:] == [""]:
            written += [line] if above.endswith("::") else ["::", "", line]
        else:
            written.append(line)
        above = line or above
    lines[:end] = written


def on_signature(app, kind, name, thing, options, signature, returned):
    """What figures take is their state, which their docstrings list."""
    if signature and "*args: t.Any" in signature:  # as traitlets writes it
        return "(**state)", returned
    return None


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.connect("source-read", on_source_read)
    app.connect("autodoc-process-docstring", on_docstring, priority=400)
    app.connect("autodoc-process-signature", on_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
