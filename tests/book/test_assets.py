"""What ships with the book is what was made: every byte listed, every file with its licence."""

import hashlib
import re
import shutil
from pathlib import Path

import brotli
import fontTools
import make_font
import pytest
from fontTools.ttLib import TTFont
from matplotlib.font_manager import findfont

from cnnbook import language

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "cnnbook" / "assets"
NANUM = Path("/usr/share/fonts/truetype/nanum/NanumGothic.ttf")
UNLISTED = {"README.md", "SHA256SUMS", ".gitattributes"}
FONTS = ["cnnbook-gothic.ttf", "cnnbook-gothic.woff2"]


def listed(folder):
    """{name: SHA-256} from SHA256SUMS."""
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def problems(folder):
    """What is wrong in an asset folder, one sentence each."""
    sums = listed(folder)
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    wrong = [f"{name} is not in SHA256SUMS" for name in found - set(sums) - UNLISTED]
    wrong += [f"{name} is missing" for name in set(sums) - found]
    for name in sorted(found & set(sums)):
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != sums[name]:
            wrong.append(f"{name} is not the file that was listed")
    read_me = (folder / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(.+?)` \| .+ \| `(.+?)` \| `(.+?)` \|$", read_me, re.MULTILINE)
    licences = {licence for _, licence, _ in rows}
    described = {name for name, _, _ in rows}
    wrong += [f"{name} has no row with a licence" for name in set(sums) - described - licences]
    wrong += [f"{name} is described but not listed" for name in described - set(sums)]
    wrong += [f"the licence {name} is not there" for name in licences - found]
    wrong += [f"{tool} is not there" for _, _, tool in rows if not (ROOT / tool).is_file()]
    return wrong


def test_every_asset_is_the_listed_one_and_has_a_licence():
    assert problems(ASSETS) == []
    notices = (ROOT / "THIRD_PARTY_NOTICES.md").read_text(encoding="utf-8")
    names = listed(ASSETS)
    assert {"fashion_mnist_mini.npz", *FONTS} <= set(names)
    assert [name for name in names if f"cnnbook/assets/{name}" not in notices] == []
    assert (ASSETS / "fashion_mnist_mini.npz").stat().st_size < 10_000_000
    assert sum((ASSETS / name).stat().st_size for name in FONTS) < 1_200_000


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ASSETS, tmp_path / "assets")
    return tmp_path / "assets"


def test_the_check_sees_one_changed_byte_in_any_file(copy):
    for name in listed(copy):
        content = (copy / name).read_bytes()
        changed = bytearray(content)
        changed[len(content) // 2] ^= 1
        (copy / name).write_bytes(changed)
        assert problems(copy) == [f"{name} is not the file that was listed"]
        (copy / name).write_bytes(content)


def test_the_check_sees_strays_and_gaps(copy):
    (copy / "weights.bin").write_bytes(b"\0")
    assert problems(copy) == ["weights.bin is not in SHA256SUMS"]
    with open(copy / "SHA256SUMS", "a", encoding="utf-8") as sums:
        sums.write(f"{hashlib.sha256(bytes(1)).hexdigest()}  weights.bin\n")
    assert problems(copy) == ["weights.bin has no row with a licence"]
    (copy / "weights.bin").unlink()
    (copy / "OFL.txt").unlink()
    assert set(problems(copy)) == {
        "weights.bin is missing",
        "weights.bin has no row with a licence",
        "OFL.txt is missing",
        "the licence OFL.txt is not there",
    }


@pytest.mark.parametrize("name", FONTS)
def test_the_font_can_write_korean_and_formulas(name):
    font = TTFont(ASSETS / name)
    drawn = font.getBestCmap()
    syllables = make_font.ks_x_1001()
    assert len(syllables) == 2350
    others = "ㄱㄲㄳㄴㄵㄶㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅛㅜㅠㅡㅢㅣ"
    others += "AZaz09 .,:;!?()[]{}+-=*/%·…–—‘’“”×÷±−≤≥≠≈∑√∞∂∇∈←↑→↓αβγθλμσΣ①■●▲"
    missing = [chr(code) for code in syllables if code not in drawn]
    missing += [character for character in others if ord(character) not in drawn]
    assert missing == []
    for code in [*syllables, *map(ord, "Aaα0−∑")]:  # and there is something to see
        assert font["glyf"][drawn[code]].numberOfContours != 0
    assert ord("\\") not in drawn  # the source draws a won sign for it
    # It does not bear the name that the licence reserves.
    names = {entry.nameID: entry.toUnicode() for entry in font["name"].names}
    assert names[1] == names[4] == "cnnbook Gothic" and names[6] == "cnnbookGothic-Regular"
    assert not re.search("nanum|나눔", " ".join(names.values()), flags=re.I)
    assert "SIL Open Font License" in names[13] and "NHN Corporation" in names[0]


def test_every_word_the_book_prints_can_be_drawn():
    """By this font or by DejaVu Sans, which matplotlib brings and takes next."""
    drawn = set(TTFont(ASSETS / "cnnbook-gothic.ttf").getBestCmap())
    drawn |= set(TTFont(findfont("DejaVu Sans")).getBestCmap())
    for room, path in language.word_lists().items():
        letters = set(path.read_text(encoding="utf-8")) - {"\n", "\t"}
        assert [letter for letter in letters if ord(letter) not in drawn] == [], room


@pytest.mark.skipif(not NANUM.is_file(), reason=f"Debian's fonts-nanum is not installed: {NANUM}")
def test_the_font_is_made_again_to_the_bit(tmp_path):
    made_with = f"fontTools {fontTools.version}, Brotli {brotli.version}"
    made = make_font.make(NANUM, tmp_path)
    assert [path.name for path in made] == FONTS
    for path in made:
        new, shipped = TTFont(path), TTFont(ASSETS / path.name)
        assert new.getBestCmap() == shipped.getBestCmap()
        assert new["glyf"] == shipped["glyf"]
        if path.read_bytes() != (ASSETS / path.name).read_bytes():
            assert made_with != make_font.MADE_WITH, "same glyphs, other bytes, same versions"
            pytest.skip(f"same glyphs; {made_with} writes other bytes than {make_font.MADE_WITH}")


def test_the_tool_refuses_another_font(tmp_path):
    (tmp_path / "other.ttf").write_bytes(b"not this one")
    with pytest.raises(ValueError, match="other.ttf has the SHA-256 .*; version 3.021 has"):
        make_font.make(tmp_path / "other.ttf", tmp_path)
