"""The tools and the checks of the notebooks, tried on small notebooks with a defect each.

A check that cannot fail is worth nothing: every one in `checks` is given a good notebook and a
spoiled one here.
"""

import base64
import copy
import io
import json
import os
import re
import subprocess
import sys

import editions
import nbformat
import pytest
from PIL import Image

import checks
import notebooks
from checks.__main__ import main
from checks.editions import different_numbers, word_list_problems
from checks.files import cells_of, read
from checks.markdown import code_blocks, formulas, headings, pictures, targets
from checks.marks import checked_numbers, disagreement, marks, unmarked

GOOD = """\
@@ md title
# 5.1.9 합성곱: 세로줄 찾기

답이 몇일까요? 10분<!-- estimate -->쯤 걸립니다. [다음 장](5_2_next.ipynb#dense-part)을 봅니다.
@@@ en
# 5.1.9 Convolution: finding vertical lines

What will the answer be? It takes about 10 minutes<!-- estimate -->. See the
[next chapter](5_2_next.ipynb#dense-part).

@@ code setup [measured]
import cnnbook

cnnbook.setup("ko")

@@ md figure-text
그림을 움직여 보세요. $x_{2} = 3$이고, 60,000장 가운데 89%<!-- 100 * accuracy ± 1.0 -->를 맞힙니다.
@@@ en
Move the figure. $x_{2} = 3$, and of 60,000 pictures 89%<!-- 100 * accuracy ± 1.0 --> are right.

@@ code figure
x = 3  #: 세로 || height

#: 비율 || a share
accuracy = 0.885

@@ md mistakes
## 자주 하는 실수

뒤집힌 커널입니다. ![격자 그림](grid.png)
@@@ en
## Common mistakes

A flipped kernel. ![a grid](grid.png)

@@ md exercises-text
## 연습문제

곱을 적으세요.
@@@ en
## Exercises

Write the product.

@@ code exercise-product [exercise]
from cnnbook.exercises import check

product = ...
check("5_1_9/product", product)

@@ md solution-product
<details><summary>풀이</summary>

```python
product = 2 * 3  # 곱
```

</details>
@@@ en
<details><summary>Solution</summary>

```python
product = 2 * 3  # the product
```

</details>

@@ code exercise-sum [exercise]
total = ...
check("5_1_9/sum", total)

@@ md solution-sum
<details><summary>풀이</summary>

```python
total = 2 + 3
```

</details>

## 가져갈 세 문장

곱하고 더합니다.
@@@ en
<details><summary>Solution</summary>

```python
total = 2 + 3
```

</details>

## Three sentences to take along

Multiply and add.
"""


def png(width=20, noise=False):
    picture = Image.effect_noise((width, width), 90) if noise else Image.new("L", (width, width))
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode() + "\n"


@pytest.fixture
def book(tmp_path):
    """A folder with both editions of a good chapter, as if it had been run, and a next chapter."""
    editions.apply(GOOD, "5_1_9_lines", tmp_path)
    next_chapter = "@@ md t\n# 다음\n\n## Dense part\n@@@ en\n# Next\n\n## Dense part\n"
    editions.apply(next_chapter, "5_2_next", tmp_path)
    for language in ("ko", "en"):
        path = tmp_path / language / "5_1_9_lines.ipynb"
        (tmp_path / language / "grid.png").write_bytes(base64.b64decode(png()))
        notebook = read(path)
        for count, cell in enumerate(cells_of(notebook, "code"), start=1):
            cell.execution_count = count
        data = {
            "image/png": png(),
            "text/plain": "a 6 × 6 grid, and a 3 × 3 kernel",
            notebooks.FIGURE: {"fig": "explorer", "state": {"stride": 1, "title": "words"}},
        }
        cell_called(notebook, "figure").outputs = [nbformat.v4.new_output("display_data", data)]
        notebooks.write_atomically(path, notebooks.to_text(notebooks.normal(notebook)))
    return tmp_path


def cell_called(notebook, identity):
    return next(cell for cell in notebook.cells if cell.id == identity)


def load(book, language):
    return read(book / language / "5_1_9_lines.ipynb")


def problems(book, language, notebook=None):
    return checks.problems(book / language / "5_1_9_lines.ipynb", notebook)


def assert_found(complaint, book, language, notebook):
    found = problems(book, language, notebook)
    assert any(complaint in problem for problem in found), found


def test_a_good_notebook_passes(book):
    assert problems(book, "ko") == problems(book, "en") == []


# (edition, cell, old text, new text, what the complaint must say)
SPOILED_SOURCES = [
    # numbers that do not say where they come from
    ("ko", "title", "10분<!-- estimate -->", "10분", "carries no mark"),
    ("ko", "figure-text", " ± 1.0 -->", " ± 1.0 점 -->", "is not a number"),
    ("ko", "figure-text", "100 * accuracy", "100 times accuracy", "neither an expression"),
    ("ko", "figure-text", "± 1.0", "± 100", "be anything"),
    ("ko", "mistakes", "뒤집힌", "뒤집힌<!-- 100 * accuracy -->", "no number stands before"),
    # words
    ("ko", "mistakes", "뒤집힌 커널", "컨볼루션의 훈련", "the book says"),
    ("ko", "mistakes", "뒤집힌", "아래 코드는 합성곱을 수행합니다. 뒤집힌", "filler"),
    ("ko", "mistakes", "뒤집힌", "아무렇게나 뒤집힌", "not how this book writes"),
    ("en", "mistakes", "A flipped", "Mend it: a flipped and mended", "not how this book writes"),
    ("en", "figure-text", "89%", "89 %", "not how this book writes"),
    # two editions
    ("en", "figure-text", "60,000", "6,000", "60000 stands in the Korean"),
    ("en", "figure-text", "89%", "88%", "checked numbers"),
    ("en", "figure-text", "100 * accuracy", "100 * recall", "checked numbers"),
    ("en", "figure-text", "x_{2} = 3", "x_{2} = 4", "formulas"),
    ("en", "title", "[next chapter](5_2_next.ipynb#dense-part)", "next chapter", "links"),
    ("en", "mistakes", "## Common", "### Common", "headings"),
    ("en", "mistakes", "A flipped kernel.", "뒤집힌 커널입니다.", "is Korean in the English"),
    ("ko", "mistakes", "뒤집힌 커널입니다.", "2번 뒤집힌 커널입니다.", "2 stands in the Korean"),
    ("en", "solution-product", "2 * 3", "2 * 4", "code blocks"),
    ("en", "figure", "x = 3", "x = 4", "the code of the editions differs"),
    ("en", "figure", "# height", "# 세로", "'# 세로' is Korean in the English"),
    ("en", "setup", 'setup("en")', 'setup("ko")', 'must call setup("en")'),
    ("ko", "figure", "x = 3", 'x = "세로"', "Korean in a string"),
    ("ko", "figure", "x = 3", 'x = "the height of it"', "a sentence in a string"),
    # layout
    ("ko", "setup", "cnnbook.setup", "print", "does not call cnnbook.setup"),
    ("ko", "install", "pip", "conda", "does not fetch the book"),
    ("ko", "figure", "accuracy = 0.885", "accuracy = 0.885;", "ends in ';'"),
    ("ko", "figure", "x = 3", "x = 3" + " " * 90 + "+ 1", "more than 88 columns"),
    ("ko", "figure", "x = 3", "x = 3" + "\nx += 1" * 15, "lines, more than 15"),
    ("ko", "figure", "세로", "가" * 45, "more than 88 columns"),
    ("ko", "title", "# 5.1.9", "## 5.1.9", "one title"),
    # links and pictures
    ("ko", "title", "5_2_next.ipynb#dense-part", "5_3_next.ipynb", "does not exist"),
    ("ko", "title", "#dense-part", "#dense-parts", "no heading or id"),
    ("ko", "mistakes", "grid.png", "greed.png", "does not exist"),
    ("ko", "mistakes", "격자 그림", "", "without alternative text"),
    ("en", "mistakes", "A flipped", "- A. Body (2016), *Title*. A flipped", "no <!-- cited"),
    # rhythm
    ("ko", "title", "몇일까요?", "있습니다.", "no question"),
    ("ko", "mistakes", "실수", "이야기", "no heading for common mistakes"),
    ("ko", "solution-sum", "가져갈 세 문장", "끝", "no heading for what to take along"),
    # exercises
    ("ko", "exercise-product", "5_1_9/product", "5_1_9/sum", "must end in check"),
    ("ko", "exercise-product", "check(", "print(", "must end in check"),
    ("ko", "solution-product", "<details>", "<div>", "must follow it"),
    ("ko", "solution-product", "```python", "```", "no ```python block"),
]


@pytest.mark.parametrize("language, identity, old, new, complaint", SPOILED_SOURCES)
def test_a_spoiled_source_is_found(book, language, identity, old, new, complaint):
    notebook = load(book, language)
    cell = cell_called(notebook, identity)
    assert old in cell.source
    cell.source = cell.source.replace(old, new)
    assert_found(complaint, book, language, notebook)


def data_of(notebook):
    return cell_called(notebook, "figure").outputs[0].data


def shows(data):
    return lambda notebook: data_of(notebook).update(data)


def without(identity):
    return lambda notebook: notebook.cells.remove(cell_called(notebook, identity))


def changed(identity, **values):
    return lambda notebook: cell_called(notebook, identity).update(values)


ERROR = nbformat.v4.new_output("error", ename="ValueError", evalue="", traceback=[])
KOREAN_FIGURE = {"fig": "explorer", "state": {"stride": 1, "title": "합성곱"}}
SPOILED_NOTEBOOKS = [
    ("not run from top to bottom", changed("figure", execution_count=7)),
    ("an error is committed: ValueError", changed("figure", outputs=[ERROR])),
    ("a widget is committed", shows({notebooks.WIDGET: {"model_id": "1"}})),
    ("holds the state of widgets", lambda notebook: notebook.metadata.update(widgets={})),
    ("names a folder of one machine", shows({"text/plain": "read from /home/someone/pictures"})),
    ("a picture of", shows({"image/png": png(400, noise=True)})),
    ("no alternative text", shows({"text/plain": "<Figure size 640x480 with 1 Axes>"})),
    ("without a still picture", lambda notebook: data_of(notebook).pop("image/png")),
    ("no live figure", changed("figure", outputs=[])),
    ("is Korean in the English edition", shows({"text/plain": "6 × 6 격자와 3 × 3 커널"})),
    ("is Korean in the English edition", shows({notebooks.FIGURE: KOREAN_FIGURE})),
    ("no sentence stands between", without("figure-text")),
    ("the cells differ", without("mistakes")),
    ("the cells differ", changed("setup", metadata={})),
    ("the tag 'exercise' is missing", changed("exercise-sum", metadata={})),
    ("must follow it", without("solution-sum")),
    ("there is no exercise for it", without("exercise-sum")),
    ("fewer than two exercises", without("exercise-sum")),
    ("how long it takes", changed("title", source="# 5.1.9\n\nWhy?")),
]


@pytest.mark.parametrize("complaint, spoil", SPOILED_NOTEBOOKS)
def test_a_spoiled_notebook_is_found(book, complaint, spoil):
    notebook = load(book, "en")
    spoil(notebook)
    assert_found(complaint, book, "en", notebook)


def test_the_file_and_its_twin_are_looked_at(book):
    path = book / "ko" / "5_1_9_lines.ipynb"
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    (book / "en" / path.name).unlink()
    found = " ".join(problems(book, "ko"))
    assert "not in normal form" in found and "there is no en/5_1_9_lines.ipynb" in found


def test_all_problems_can_be_printed_without_pytest(monkeypatch, capsys):
    assert main(["5_2_fashion_mnist"]) == 0 and capsys.readouterr().out == ""
    monkeypatch.setattr(checks, "problems", lambda path: ["too long"])
    assert main(["5_2_fashion_mnist"]) == 1
    assert capsys.readouterr().out.splitlines()[1] == "en/5_2_fashion_mnist.ipynb: too long"


# Each of these comes from a run or a source.
MEASURED = """\
91%|20초|3.5점|1.4배|1,216개의 매개변수로|매개변수가 1,216개이고|정확도는 약 0.89이고
12 seconds|12 ms|By **2.5** points|With 1,216 parameters"""
FINE = [
    "3 × 3 커널과 10분류, 4분의 1, 초기값 0, 3점수",
    "`89%`와 $89\\,\\%$, [표](https://example.org/90%20s)에서 12초<!-- cited: lecun1998 -->",
    "2–3분<!-- estimate -->, 89<!-- a --> %, **1,216<!-- n -->개의 매개변수**",
    "The −1s and the +1s cancel; 10 classes, 28 px, a 2-second rule",
    "```text\n89%\n```",
]


def test_numbers_that_need_a_mark_and_numbers_that_need_none():
    for text in re.split(r"[|\n]", MEASURED):
        assert len(unmarked(text)) == 1, text
    for text in FINE:
        assert marks(text)[1] == unmarked(text) == []


@pytest.mark.parametrize(
    "source, what, found",
    [
        ("[a](x_(1).png) ![b](y.png) <z@w.org>", targets, ["x_(1).png", "mailto:z@w.org", "y.png"]),
        ("[a][1]\n\n[1]: x.ipynb#절", targets, ["x.ipynb#절"]),
        ("~~~\n[a](b)\n~~~\n`[a](b)` \\[a](b)", targets, []),
        ("- x\n\n  ~~~python\n  y\n  ~~~", code_blocks, [("python", "y\n")]),
        ("# a `b_c`\n\nd\n---\n\n    # e", headings, [(1, "a b_c"), (2, "d")]),
        ("a $x$ `$y$` \\$z$\n\n$$\nw\n$$", formulas, ["x", "\nw\n"]),
        ('<img src="a.png" alt="b"> ![](c.png)', pictures, [("c.png", ""), ("a.png", "b")]),
        ("| a | 89% |\n|---|---|\n| <!-- b --> | 1 |", unmarked, 1),
    ],
)
def test_markdown_is_read_as_it_is_shown(source, what, found):
    read = what(source)
    assert (len(read) if isinstance(found, int) else read) == found


@pytest.mark.parametrize(
    "text, right, wrong",
    [
        ("89%<!-- a -->", 88.6, 88.4),
        ("89%<!-- a -->", 89, float("nan")),
        ("0.0312<!-- a -->", 0.03124, 0.0313),
        ("1,475,338<!-- a -->개", 1475338, 1475337),
        ("$1{,}475{,}338$<!-- a -->개", 1475338, 1475337),
        ("−2.5<!-- a -->", -2.5, 2.5),
        ("2.4e-6<!-- a -->", 2.41e-6, 2.5e-6),
        ("약 89%<!-- a ± 1.0 -->", 89.9, 90.1),
        ("3에서 89%<!-- a -->", 89, 3),
    ],
)
def test_a_number_agrees_with_the_run(text, right, wrong):
    (mark,) = checked_numbers(text)
    assert disagreement(mark, right) is None and disagreement(mark, wrong) is not None


@pytest.mark.parametrize(
    "korean, english, same",
    [
        ("6만 장", "60,000 pictures", True),
        ("2번 옮깁니다", "move twice", True),
        ("10분의 1", "a tenth", True),
        ("3차원", "three dimensions", True),
        ("3차원", "four dimensions", False),
        ("0.5와 7", "7 and 0.50", True),
        ("5와 5", "5", False),
    ],
)
def test_numbers_in_translation(korean, english, same):
    assert (different_numbers(korean, english) == []) is same


@pytest.mark.parametrize(
    "entry, complaint",
    [
        ({"ko": "{done}/16 칸", "en": "{done} of 16"}, None),
        ({"ko": "합", "en": ""}, "needs ko and en"),
        ({"ko": "{done}칸", "en": "{count} cells"}, "different placeholders"),
        ({"ko": "합", "en": "합"}, "Korean in the English words"),
        ({"ko": "16칸", "en": "15 cells"}, "16 stands in the Korean"),
        ({"ko": "훈련 {n}", "en": "training {n}"}, "the book says"),
    ],
)
def test_word_lists(entry, complaint):
    found = word_list_problems({"name": entry})
    assert bool(found) is (complaint is not None)
    assert complaint is None or complaint in found[0]


def test_the_side_by_side_text_makes_the_round_trip(tmp_path):
    editions.apply(GOOD, "x", tmp_path)
    assert editions.export("x", tmp_path) == GOOD
    for language, *words in ("ko", "세로", "비율"), ("en", "height", "a share"):
        notebook = read(tmp_path / language / "x.ipynb")
        code = "x = 3  # {}\n\n# {}\naccuracy = 0.885".format(*words)
        assert cell_called(notebook, "figure").source == code
        setup = cell_called(notebook, "setup")
        assert setup.source == f'import cnnbook\n\ncnnbook.setup("{language}")'
        assert setup.metadata.tags == ["nbval-ignore-output"]


def test_apply_keeps_the_outputs_of_code_that_did_not_change(book):
    outputs = cell_called(load(book, "en"), "figure").outputs
    for old, new, kept in ("|| height", "|| the height", True), ("x = 3", "x = 4", False):
        editions.apply(GOOD.replace(old, new), "5_1_9_lines", book)
        cell = cell_called(load(book, "en"), "figure")
        assert new.strip("| ") in cell.source
        assert cell.outputs == (outputs if kept else []) and bool(cell.execution_count) == kept


@pytest.mark.parametrize(
    "old, new, complaint",
    [
        ("@@ md mistakes", "@@ md install", "'install' is used already"),
        ("@@ md mistakes", "@@ md title", "'title' is used already"),
        ("@@ md mistakes", "@@ markdown mistakes", "is not '@@ md ID'"),
        ("@@ md mistakes", "@@ md common mistakes", "is not '@@ md ID'"),
        ("@@@ en\n## Common", "## Common", "half is empty"),
        ("#: 세로 || height", "#: 세로", "must read"),
        ("x = 3", "x = (3", "cannot be read as Python"),
        ("@@ md title", "words\n@@ md title", "before the first cell"),
    ],
)
def test_apply_refuses(book, old, new, complaint):
    before = (book / "ko" / "5_1_9_lines.ipynb").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        editions.apply(GOOD.replace(old, new), "5_1_9_lines", book)
    assert (book / "ko" / "5_1_9_lines.ipynb").read_text(encoding="utf-8") == before


def test_export_refuses_editions_that_differ(book):
    path = book / "en" / "5_1_9_lines.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("x = 3", "x = 4"), encoding="utf-8")
    with pytest.raises(ValueError, match="different code"):
        editions.export("5_1_9_lines", book)


@pytest.mark.parametrize(
    "old, new",
    [
        (' "nbformat": 4', '  "nbformat": 4'),
        ('"display_name": "Python 3"', '"display_name": "my-env"'),
        ('"metadata": {}', '"metadata": {"collapsed": true}'),
        ("합성곱", "\\ud569\\uc131\\uacf1"),
    ],
)
def test_normal_form(book, old, new):
    path = book / "ko" / "5_1_9_lines.ipynb"
    text = path.read_text(encoding="utf-8")
    assert notebooks.is_normal(path) and old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert not notebooks.is_normal(path)


def test_normal_outputs_drop_what_changes_and_what_needs_a_kernel():
    def printed(text, name="stdout"):
        return nbformat.v4.new_output("stream", name=name, text=text)

    def displayed(text, **more):
        return nbformat.v4.new_output("display_data", {"text/plain": text, **more})

    widget = {notebooks.WIDGET: {"model_id": "a"}}
    bar = " 33%|███▎      | 1/3 [00:01<00:02,  1.00s/it]"
    outputs = [
        printed(f"\r  0%|   | 0/3 [00:00<?, ?it/s]\r{bar}\nreal\n", "stderr"),
        printed("one"),
        printed(" two\rthree <f at 0x7f12345678>\n"),
        displayed(bar, **widget),
        displayed(bar),  # a bar whose display was updated in the end
        displayed("a grid", **widget),
        displayed("interactive(children=(IntSlider()", **widget),
        printed("/tmp/ipykernel_77/12.py:1: W: w\n", "stderr"),
        printed(bar, "stderr"),
    ]
    before = copy.deepcopy(outputs)
    kept = notebooks.normal_outputs(outputs)
    assert outputs == before
    assert [item.get("text") or item.get("data") for item in kept] == [
        "real\n", "three <f at 0x…>\n", {"text/plain": "a grid"}, "<cell>:1: W: w\n"
    ]  # fmt: skip
    assert notebooks.normal_outputs(kept) == kept


def test_pictures_become_small():
    raw = base64.b64decode(png(200, noise=True))
    small = notebooks.small_png(raw)
    assert len(small) < len(raw)
    assert len(notebooks.small_png(small)) == len(small)
    pictures = [Image.open(io.BytesIO(data)).convert("RGB") for data in (raw, small)]
    assert pictures[0].tobytes() == pictures[1].tobytes()  # 256 greys lose nothing


def test_find(book):
    english = [book / "en" / name for name in ("5_1_9_lines.ipynb", "5_2_next.ipynb")]
    assert notebooks.find(folder=book)[2:] == english
    assert notebooks.find(["notebooks/ko/5_2_next.ipynb"], ["en"], book) == english[1:]
    with pytest.raises(ValueError, match="5_9_none; there are: 5_1_9_lines, 5_2_next"):
        notebooks.find(["5_9_none"], folder=book)


RUN = """\
@@ md text
세 칸은 3<!-- cells -->, 비율은 약 89%<!-- 100 * share ± 1 -->, 6<!-- 2 * cells -->입니다.
@@@ en
Three cells are 3<!-- cells -->, the share is 89%<!-- 100 * share ± 1 -->, 6<!-- 2 * cells -->.

@@ code helper
import base64, io, sys, time, warnings
from IPython.display import clear_output, display
from PIL import Image

def bundle(words, state=None, picture=True):
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (int(time.time()) % 256, 0, 0)).save(buffer, "PNG")
    data = {"text/plain": words, "application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    if picture:
        data["image/png"] = base64.b64encode(buffer.getvalue()).decode()
    if state:
        data["application/vnd.cnnbook.figure+json"] = {"fig": "explorer", "state": state}
    return data

def show(*arguments, **options):
    return display(bundle(*arguments), raw=True, **options)

@@ code printed
cells, share = 3, 0.885
print("cells", cells, object())
cells

@@ code noise
print("\\r 33%|███▎      | 1/3 [00:01<00:02,  1.00s/it]", end="", file=sys.stderr)
warnings.warn("careful")

@@ code picture
show("a line from 0 to 3")

@@ code figure
show("a grid", {"stride": 2, "words": {"title": "explorer"}})

@@ code updated
handle = show("step one", {"step": 1}, display_id="curve")
print("gone")
clear_output(wait=True)
handle = show("step one", {"step": 1}, display_id="curve")
handle.update(bundle("step nine", {"step": 9}), raw=True)

@@ code measured [measured]
print(time.time())
show(f"accuracy {time.time()} of the network", {"losses": [time.time(), 1.0]})

@@ code other-words [measured words-vary]
show("a " + chr(97 + time.time_ns() // 1000 % 26) * 9)
"""

# (cell, old text in the outputs, new text)
SPOILED_RUNS = [
    ("printed", "cells 3", "cells 4"),
    ("noise", "careful", "careless"),
    ("picture", "a line from 0 to 3", "a line from 0 to 4"),
    ("figure", "explorer", "explorers"),
    ("updated", "step nine", "step ten"),
    ("measured", "of the network", "of a network"),
]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A folder with a notebook that was run, and the file's text after a second run."""
    folder = tmp_path_factory.mktemp("ran")
    editions.apply(RUN, "good", folder)
    path = folder / "ko" / "good.ipynb"
    notebooks.run(path)
    first = path.read_text(encoding="utf-8")
    notebooks.run(path)
    return path, first, path.read_text(encoding="utf-8")


def pytest_in(folder, *arguments):
    """What pytest says on the notebooks in `folder`: ``{(file, item): outcome}`` and its output."""
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    places = os.pathsep.join(str(checks.ROOT / name) for name in ("tools", "."))
    command = [sys.executable, "-m", "pytest", "-p", "checks.plugin", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [*command, "-rA", "-q", "--color=no", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": places, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        encoding="utf-8",
    )
    summary = ran.stdout.split("short test summary info")[-1]
    line = r"^(PASSED|FAILED|ERROR|XFAIL) ko/(\S+?)::(.*?)(?: - .*)?$"
    found = re.findall(line, summary, flags=re.M)
    return {(file, name): outcome for outcome, file, name in found}, ran.stdout + ran.stderr


def claim(name, **fields):
    """A claim about the notebook above that holds, but for `fields`."""
    both = {"ko": "글", "en": "words"}
    claim = dict.fromkeys(("claim", "changed", "held"), both)
    claim |= {"id": name, "cell": "measured", "effect": "cells", "error": "0.1 * cells"}
    claim |= {
        "seeds": 3,
        "unit": "count",
        "found": [3, 0.3],
        "within": 0.5,
        "holds": "effect > 2 * error",
    }
    return claim | fields


CLAIMS = {
    "good": [claim("holds")],
    "spoiled": [
        claim("no-longer", holds="effect < error"),
        claim("moved", found=[2.4, 0.3]),
        claim("wider", found=[3, 0.01]),
        claim("gone", effect="cell"),
    ],
}


@pytest.fixture(scope="module")
def report(ran, tmp_path_factory):
    """What pytest says on a good notebook, one with changed outputs, and one that raises."""
    good, spoiled, broken = (nbformat.reads(ran[2], as_version=4) for _ in range(3))
    for identity, old, new in SPOILED_RUNS:
        cell = cell_called(spoiled, identity)
        text = json.dumps(cell.outputs)
        assert old in text
        cell.outputs = nbformat.from_dict(json.loads(text.replace(old, new)))
    numbers = "4<!-- cells -->, 91%<!-- 100 * share ± 1 -->, 6<!-- 2 * cell -->"
    cell_called(spoiled, "text").source = numbers
    cell = cell_called(broken, "picture")
    cell.source = cell.source.replace(")", ", None, False)")
    cell_called(broken, "figure").source = "undefined_name"
    folder = tmp_path_factory.mktemp("report")
    (folder / "ko").mkdir()
    for name, notebook in {"good": good, "spoiled": spoiled, "broken": broken}.items():
        nbformat.write(notebook, folder / "ko" / f"{name}.ipynb")
    (folder / "claims.yml").write_text(json.dumps(CLAIMS), encoding="utf-8")
    return pytest_in(folder, "ko")


def test_two_runs_give_the_same_file_but_for_the_measured_cells(ran):
    path, *texts = ran
    assert notebooks.is_normal(path)
    # the picture's colour changes with the clock: only pictures and measured cells may differ
    texts = [re.sub(r'\n.*"image/png".*', "", text) for text in texts]
    pairs = zip(*(nbformat.reads(text, as_version=4).cells for text in texts), strict=True)
    differing = {one.id for one, other in pairs if one != other}
    assert differing <= {"measured", "other-words"}


def test_a_run_fails_where_an_output_or_a_number_changed_and_ends_at_an_error(report):
    found, output = report
    cells = [f"cell[{cell.split()[0]}]" for cell in RUN.split("@@ code ")[1:]]
    numbers = [f"prose[text: {number}]" for number in ("cells", "100 * share", "2 * cells")]
    wrong = [f"cell[{identity}]" for identity, *_ in SPOILED_RUNS]
    wrong += [*numbers[:2], "prose[text: 2 * cell]"]
    wrong += [f"claim[{claim['id']}]" for claim in CLAIMS["spoiled"]]
    numbers.append("claim[holds]")
    good, ended = dict.fromkeys(cells, "PASSED"), ["cell[picture]", "cell[figure]"]
    expected = {
        "good.ipynb": good | dict.fromkeys(numbers, "PASSED"),
        "spoiled.ipynb": good | dict.fromkeys(wrong, "FAILED"),
        "broken.ipynb": dict.fromkeys(cells[:3], "PASSED") | dict.fromkeys(ended, "FAILED"),
    }
    assert found == {
        (file, name): outcome for file in expected for name, outcome in expected[file].items()
    }, output
    assert "the text says 4, the run gives 3.0 (cells)" in output and "NameError" in output
    assert "the run gives 3 ± 0.3: effect < error does not hold" in output
    assert "the run gives 3 ± 0.3; the ledger says 2.4, within 0.5" in output
    assert "the run gives 3 ± 0.3; the ledger says ± 0.01" in output
    assert "not run: the cell figure failed before it" in output


def test_one_number_can_be_asked_for_alone(ran):
    outcomes, output = pytest_in(ran[0].parent.parent, "ko", "-k", "share")
    assert outcomes == {("good.ipynb", "prose[text: 100 * share]"): "PASSED"}, output


def test_a_notebook_that_raises_is_not_written(tmp_path):
    text = "@@ code good\nx = 1\n\n@@ code bad\nprint('before')\n1 / 0\n"
    editions.apply(text, "x", tmp_path)
    path = tmp_path / "ko" / "x.ipynb"
    before = path.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="the cell bad raised(.|\n)*ZeroDivisionError"):
        notebooks.run(path)
    assert path.read_text(encoding="utf-8") == before
    assert [entry.name for entry in path.parent.iterdir()] == ["x.ipynb"]
