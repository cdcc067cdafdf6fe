"""The colours of still pictures: those that figure.css gives to a figure on a light page."""

import re

from cnnbook.figures.page import FOLDER

_light = (FOLDER / "figure.css").read_text(encoding="utf-8").partition('[data-theme="dark"]')[0]
COLOURS = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", _light))
BLUE, ORANGE, GREEN = (COLOURS[name] for name in ("input", "kernel", "output"))
PURPLE, LIGHT_GREEN = COLOURS["below"], COLOURS["above"]  # below and above zero
LINE, QUIET = COLOURS["line"], COLOURS["quiet"]
