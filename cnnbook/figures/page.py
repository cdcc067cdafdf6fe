"""Figures in a static page: their script, their style, their place, a whole page around them."""

import base64
import html
import json
import re
from collections.abc import Sequence
from itertools import count
from pathlib import Path

FOLDER = Path(__file__).parent
FIGURE_TYPE = "application/vnd.cnnbook.figure+json"
SHORT = 200  # characters of a value that is not worth sharing
KIT = ("dom", "player", "board", "colour", "numbers", "host")  # in front of every figure


def fragment(figure_json: dict, png: bytes | str, alt: str) -> str:
    """One figure inside a static page: its picture, and its state for the script to wake up.

    figure_json : ``{"fig": NAME, "state": {...}}``, as in notebook outputs of `FIGURE_TYPE`
    png : the still picture; as str, in base64 as notebooks store it
    alt : the alternative text
    """
    if isinstance(png, bytes):
        png = base64.b64encode(png).decode("ascii")
    name = html.escape(figure_json["fig"])
    # A figure that goes through epochs is taller, and its style reserves the room from the start.
    kind = "cnnbook-still" + " cnnbook-trained" * bool(figure_json["state"].get("epochs"))
    return (
        '<div class="cnnbook-place">'
        f'<div class="cnnbook-figure {kind}" data-figure="{name}">'
        f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{png.strip()}"></div>'
        f'<script type="{FIGURE_TYPE}">{_island(figure_json)}</script></div>'
    )


def share(body: str) -> str:
    """The figures of a page with what they have in common written once.

    A trait that a figure above has with the same value, such as the weights of a network or the
    words, is named with that figure's place among the figures of the page: ``"same": {"weights":
    0}``; the script puts it back.

    body : HTML with any number of `fragment`
    """
    known: dict[tuple[str, str], int] = {}
    places = count()

    def shorter(found):
        island, place = json.loads(found[2]), next(places)
        texts = {name: json.dumps(value) for name, value in island["state"].items()}
        same = {}
        for name, text in texts.items():
            if known.setdefault((name, text), place) != place and len(text) > SHORT:
                same[name] = known[name, text]
                del island["state"][name]
        return found[1] + _island(island | ({"same": same} if same else {})) + found[3]

    return re.sub(f'(<script type="{re.escape(FIGURE_TYPE)}">)(.*?)(</script>)', shorter, body)


def _island(figure_json: dict) -> str:
    return json.dumps(figure_json, ensure_ascii=False, sort_keys=True).replace("<", "\\u003c")


def module(name: str) -> str:
    """The JavaScript of figure `name` for a notebook: one module with the kit in front."""
    return "\n".join([*_shared([name]), _read(name, "figure.js")])


def scripts(names: Sequence[str]) -> str:
    """The JavaScript that wakes up figures `names`, as one classic script.

    A page opened from ``file://`` may not load modules, so each figure's module becomes a function
    that returns what the module exports.
    """
    parts = _shared(names)
    for name in names:
        before, export, after = _read(name, "figure.js").rpartition("export default")
        if not export:
            raise ValueError(f"{name}/figure.js has no 'export default'; a figure ends with it")
        parts.append(f"kit.figures.{name} = (() => {{\n{before}return{after}}})();")
    parts.append("kit.hydrate();")
    return "(() => {\n" + "\n".join(parts) + "\n})();\n"


def styles(names: Sequence[str]) -> str:
    """The style sheet of figures `names`, with what all figures share first."""
    own = [_read(name, "figure.css") for name in names if (FOLDER / name / "figure.css").exists()]
    return "\n".join([_read("figure.css"), *own])


def page(body: str, names: Sequence[str], title: str, page_language: str) -> str:
    """A whole HTML page around `body` that asks nothing of the network."""
    return f"""<!DOCTYPE html>
<html lang="{page_language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{html.escape(title)}</title>
<link rel="icon" href="data:,">
<style>{styles(names)}</style>
</head>
<body class="cnnbook-page">
{body}
<script>{scripts(names)}</script>
</body>
</html>
"""


def _shared(names):
    """The kit, and what figures `names` ask for beside it: a line ``// uses kit/NAME.js``."""
    asked = {
        part
        for name in names
        for part in re.findall(r"^// uses kit/(\w+)\.js$", _read(name, "figure.js"), re.MULTILINE)
    }
    kit = "\n".join(_read("kit", f"{part}.js") for part in KIT)
    return [
        f"const kit = (() => {{\n{kit}\nreturn kit;\n}})();",
        *(_read("kit", f"{part}.js") for part in sorted(asked)),
    ]


def _read(*path):
    return FOLDER.joinpath(*path).read_text(encoding="utf-8")
