"""Make cnnbook/assets/cnnbook-math.woff2, the web book's font for formulas, from STIX Math.

    python tools/make_math_font.py STIXMath-Regular.otf

The source is version 1.1.1 as in Debian's package fonts-stix (SIL Open Font License 1.1). Browsers
draw MathML with a font that knows the sizes of brackets and fractions; phones and many Linux
systems have none. Kept are Latin, Greek and the signs that formulas of this book use, with their
larger forms. The licence asks for another name: "cnnbook Math".

The result is the same to the bit every time with the versions of fontTools and Brotli below.
"""

import hashlib
import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

ASSETS = Path(__file__).resolve().parent.parent / "cnnbook" / "assets"
FAMILY = "cnnbook Math"
SOURCE_SHA256 = "ffa86ff85660f452fe916ada2805026bde5b9b0d1e6ffafb5f73972675ecfd40"
MADE_WITH = "fontTools 4.68.0, Brotli 1.2.1"

RANGES = [
    (0x0020, 0x007E),  # Latin
    (0x00A0, 0x00FF),  # ± × ÷ ·
    (0x02C6, 0x02DD),  # accents
    (0x0300, 0x0308),
    (0x0391, 0x03C9),  # Greek
    (0x2016, 0x2016),  # ‖
    (0x2026, 0x2026),  # …
    (0x2032, 0x2033),  # primes
    (0x2061, 0x2064),  # invisible operators
    (0x2190, 0x2194),  # arrows
    (0x21D2, 0x21D4),
    (0x2200, 0x22A5),  # mathematics
    (0x22C5, 0x22F1),
    (0x2308, 0x230B),  # ⌈ ⌉ ⌊ ⌋
    (0x23DE, 0x23DF),  # braces above and below
    (0x27E8, 0x27E9),  # ⟨ ⟩
    (0x1D400, 0x1D467),  # bold and italic letters
    (0x1D6A8, 0x1D71B),  # bold and italic Greek
]
LETTERS = "ℎℒℕℝℤ∂"  # letters that Unicode keeps elsewhere


def rename(font):
    """Give the font its own name everywhere; keep the copyright, name the licence."""
    names = font["name"]
    copyright_line = names.getDebugName(0)
    names.names = []
    wanted = {
        0: copyright_line,
        1: FAMILY,
        2: "Regular",
        3: "1.0;cnnbook Math Regular",
        4: FAMILY,
        5: "Version 1.0",
        6: "cnnbookMath-Regular",
        10: "A subset for the textbook cnnbook; see cnnbook/assets/README.md",
        13: "This Font Software is licensed under the SIL Open Font License, Version 1.1.",
        14: "https://openfontlicense.org",
    }
    for number, words in wanted.items():
        names.setName(words, number, 3, 1, 0x409)  # Windows, Unicode, English


def make(source, folder=ASSETS):
    """Write cnnbook-math.woff2 into `folder`; returns its path."""
    found = hashlib.sha256(Path(source).read_bytes()).hexdigest()
    if found != SOURCE_SHA256:
        raise ValueError(f"{source} has the SHA-256 {found}; version 1.1.1 has {SOURCE_SHA256}")
    options = subset.Options(hinting=False, layout_features=["ssty"], notdef_outline=True)
    options.drop_tables += ["FFTM"]
    options.name_IDs = ["*"]
    font = TTFont(source, recalcTimestamp=False)
    subsetter = subset.Subsetter(options)
    wanted = set(map(ord, LETTERS))
    for first, last in RANGES:
        wanted.update(range(first, last + 1))
    subsetter.populate(unicodes=wanted)
    subsetter.subset(font)
    rename(font)
    top = font["CFF "].cff
    top.fontNames = ["cnnbookMath-Regular"]
    top[0].FullName, top[0].FamilyName = FAMILY, FAMILY
    font.flavor = "woff2"
    path = Path(folder) / "cnnbook-math.woff2"
    font.save(path)
    return path


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    made = make(sys.argv[1])
    print(f"{made.name}: {made.stat().st_size:,} bytes")
    print(f"{hashlib.sha256(made.read_bytes()).hexdigest()}  {made.name}   (for SHA256SUMS)")
