"""Make the book's fonts: cnnbook/assets/cnnbook-gothic.ttf and .woff2, and cnnbook-math.woff2.

    python tools/make_font.py /usr/share/fonts/truetype/nanum/NanumGothic.ttf
    python tools/make_font.py STIXMath-Regular.otf

The sources are NanumGothic 3.021 and STIX Math 1.1.1 as in Debian's packages fonts-nanum and
fonts-stix (SIL Open Font License 1.1). Their licences reserve the names, so the subsets are called
"cnnbook Gothic" and "cnnbook Math".

The first one is for Korean text: the 2,350 syllables of KS X 1001, jamo, Latin, Greek, punctuation,
arrows and mathematics, as far as the source has them; hinting and kerning are dropped, and a minus
sign is added. The second one is for formulas in the web book: browsers draw MathML with a font that
knows the sizes of brackets and fractions; phones and many Linux systems have none. Kept are Latin,
Greek and the signs that formulas of this book use, with their larger forms.

The result is the same to the bit every time with the versions of fontTools and Brotli below.
"""

from pathlib import Path

from assets import only_argument, report
from fontTools import subset
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

from cnnbook.files import ASSETS, digest

NANUM_GOTHIC = "48a28e97b34fc8e5b157657633670cd1b7de126cfc414da65ce9c3d5bc8be733"  # SHA-256
STIX_MATH = "ffa86ff85660f452fe916ada2805026bde5b9b0d1e6ffafb5f73972675ecfd40"
MADE_WITH = "fontTools 4.68.0, Brotli 1.2.1"

TEXT_RANGES = [
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
# A backslash is drawn as a won sign; "curly or" and "curly and" are swapped in the source.
LEFT_OUT = {ord("\\"), 0x22CE, 0x22CF}
MATH_RANGES = [
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
MATH_LETTERS = "ℎℒℕℝℤ∂"  # letters that Unicode keeps elsewhere


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


def within(ranges, others):
    """The code points from the first to the last of each range, and `others`."""
    return {code for first, last in ranges for code in range(first, last + 1)} | set(others)


def cut(source, codes, features, tables):
    """The font `source` with nothing but these code points and features, without these tables."""
    options = subset.Options(hinting=False, layout_features=features, notdef_outline=True)
    options.drop_tables += tables
    options.name_IDs = ["*"]  # pyright: ignore[reportAttributeAccessIssue]
    font = TTFont(source, recalcTimestamp=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=codes)
    subsetter.subset(font)
    return font


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


def rename(font, family):
    """Give the font its own name everywhere; keep the copyright, name the licence."""
    names = font["name"]
    copyright_line = names.getDebugName(0)
    names.names = []
    wanted = {
        0: copyright_line,
        1: family,
        2: "Regular",
        3: f"1.0;{family} Regular",
        4: family,
        5: "Version 1.0",
        6: f"{family.replace(' ', '')}-Regular",
        10: "A subset for the textbook cnnbook; see cnnbook/assets/README.md",
        13: "This Font Software is licensed under the SIL Open Font License, Version 1.1.",
        14: "https://openfontlicense.org",
    }
    for number, words in wanted.items():
        names.setName(words, number, 3, 1, 0x409)  # Windows, Unicode, English


def gothic(source):
    drop = ["kern", "TSI0", "TSI1", "TSI2", "TSI3", "TSI5"]
    font = cut(source, within(TEXT_RANGES, ks_x_1001()) - LEFT_OUT, [], drop)
    add_minus(font)
    # It may be embedded anywhere, as its licence says.
    font["OS/2"].fsType = 0  # pyright: ignore[reportAttributeAccessIssue]
    rename(font, "cnnbook Gothic")
    return font


def math(source):
    font = cut(source, within(MATH_RANGES, map(ord, MATH_LETTERS)), ["ssty"], ["FFTM"])
    rename(font, "cnnbook Math")
    top = font["CFF "].cff
    top.fontNames = ["cnnbookMath-Regular"]
    top[0].FullName = top[0].FamilyName = "cnnbook Math"
    return font


def make(source, folder=ASSETS):
    """Write the fonts that are made from `source` into `folder`; returns their paths."""
    found = digest(Path(source).read_bytes())
    if found == NANUM_GOTHIC:
        font, names = gothic(source), ["cnnbook-gothic.ttf", "cnnbook-gothic.woff2"]
    elif found == STIX_MATH:
        font, names = math(source), ["cnnbook-math.woff2"]
    else:
        known = f"version 3.021 has {NANUM_GOTHIC}, and STIX Math 1.1.1 {STIX_MATH}"
        raise ValueError(f"{source} has the SHA-256 {found}; {known}")
    paths = [Path(folder) / name for name in names]
    for path in paths:
        font.flavor = "woff2" if path.suffix == ".woff2" else None
        font.save(path)
    return paths


if __name__ == "__main__":
    report(*make(only_argument(__doc__)))
