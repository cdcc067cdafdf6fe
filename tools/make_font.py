"""Make cnnbook/assets/cnnbook-gothic.ttf and .woff2, the book's Korean font, from NanumGothic.

    python tools/make_font.py /usr/share/fonts/truetype/nanum/NanumGothic.ttf

The source is version 3.021 as in Debian's package fonts-nanum (SIL Open Font License 1.1). Its
licence reserves the name, so the subset is called "cnnbook Gothic". Kept are the 2,350 syllables
of KS X 1001, jamo, Latin, Greek, punctuation, arrows and mathematics, as far as the source has
them; hinting and kerning are dropped, and a minus sign is added.

The result is the same to the bit every time with the versions of fontTools and Brotli below.
"""

import hashlib
import sys
from pathlib import Path

from fontTools import subset
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

ASSETS = Path(__file__).resolve().parent.parent / "cnnbook" / "assets"
FAMILY = "cnnbook Gothic"
SOURCE_SHA256 = "48a28e97b34fc8e5b157657633670cd1b7de126cfc414da65ce9c3d5bc8be733"
MADE_WITH = "fontTools 4.68.0, Brotli 1.2.1"

RANGES = [
    (0x0020, 0x007E),  # Latin
    (0x00A0, 0x017F),  # Latin with accents, ± × ÷ ·
    (0x0370, 0x03FF),  # Greek
    (0x2000, 0x206F),  # dashes, quotation marks, …
    (0x2070, 0x209F),  # superscripts and subscripts
    (0x2100, 0x214F),  # ℃ ℓ №
    (0x2150, 0x218F),  # fractions, Roman numerals
    (0x2190, 0x21FF),  # arrows
    (0x2200, 0x22FF),  # mathematics
    (0x2460, 0x24FF),  # ① ② ③
    (0x25A0, 0x25FF),  # ■ ● ▲
    (0x2600, 0x26FF),  # ★ ☆
    (0x3000, 0x303F),  # 「 」 、 。
    (0x3130, 0x318F),  # jamo
]
LEFT_OUT = {
    ord("\\"),  # drawn as a won sign
    0x22CE,  # "curly or" and "curly and" are swapped in the source
    0x22CF,
}


def ks_x_1001():
    """The code points of the 2,350 syllables of KS X 1001 (two bytes each in EUC-KR)."""
    syllables = []
    for code in range(ord("가"), ord("힣") + 1):
        try:
            packed = chr(code).encode("euc_kr")
        except UnicodeEncodeError:
            continue
        if len(packed) == 2:  # Python spells the other syllables out in eight bytes
            syllables.append(code)
    return syllables


def add_minus(font):
    """Add the minus sign U+2212, which the source lacks: the plus sign without its upright."""
    plus = font["glyf"]["plus"]
    pen = TTGlyphPen(None)
    bar = [(x, y) for x, y in plus.coordinates if not 290 < x < 370]
    pen.moveTo(bar[0])
    for point in bar[1:]:
        pen.lineTo(point)
    pen.closePath()
    font["glyf"]["minus"] = pen.glyph()
    font["hmtx"]["minus"] = font["hmtx"]["plus"]
    for table in font["cmap"].tables:
        if table.isUnicode():
            table.cmap[0x2212] = "minus"


def rename(font):
    """Give the font its own name everywhere; keep the copyright, name the licence."""
    names = font["name"]
    copyright_line = names.getDebugName(0)
    names.names = []
    wanted = {
        0: copyright_line,
        1: FAMILY,
        2: "Regular",
        3: "1.0;cnnbook Gothic Regular",
        4: FAMILY,
        5: "Version 1.0",
        6: "cnnbookGothic-Regular",
        10: "A subset for the textbook cnnbook; see cnnbook/assets/README.md",
        13: "This Font Software is licensed under the SIL Open Font License, Version 1.1.",
        14: "https://openfontlicense.org",
    }
    for number, words in wanted.items():
        names.setName(words, number, 3, 1, 0x409)  # Windows, Unicode, English


def make(source, folder=ASSETS):
    """Write cnnbook-gothic.ttf and cnnbook-gothic.woff2 into `folder`."""
    found = hashlib.sha256(Path(source).read_bytes()).hexdigest()
    if found != SOURCE_SHA256:
        raise ValueError(f"{source} has the SHA-256 {found}; version 3.021 has {SOURCE_SHA256}")
    options = subset.Options(hinting=False, layout_features=[], notdef_outline=True)
    options.drop_tables += ["kern", "TSI0", "TSI1", "TSI2", "TSI3", "TSI5"]
    options.name_IDs = ["*"]
    font = TTFont(source, recalcTimestamp=False)
    subsetter = subset.Subsetter(options)
    wanted = ks_x_1001()
    for first, last in RANGES:
        wanted.extend(range(first, last + 1))
    subsetter.populate(unicodes=set(wanted) - LEFT_OUT)
    subsetter.subset(font)
    add_minus(font)
    font["OS/2"].fsType = 0  # may be embedded anywhere, as its licence says
    rename(font)
    made = []
    for flavor, name in [(None, "cnnbook-gothic.ttf"), ("woff2", "cnnbook-gothic.woff2")]:
        font.flavor = flavor
        font.save(Path(folder) / name)
        made.append(Path(folder) / name)
    return made


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for path in make(sys.argv[1]):
        print(f"{path.name}: {path.stat().st_size:,} bytes")
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}   (for SHA256SUMS)")
