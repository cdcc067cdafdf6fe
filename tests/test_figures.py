"""Live figures without a browser: state, bundle, words, static pages."""

import base64
import io
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from cnnbook import figures, language
from cnnbook.figures import KERNELS, ConvolutionExplorer, Figure, fragment, page, scripts, styles
from cnnbook.figures.page import FIGURE_TYPE, FOLDER
from cnnbook.figures.tables import from_rows, to_rows

SCRIPTS = sorted(path.parent.name for path in FOLDER.glob("*/figure.js"))


def bundle(figure):
    return figure._repr_mimebundle_()[0]


def test_course_example_to_the_number():
    explorer = ConvolutionExplorer()
    assert explorer.image.shape == (6, 6)
    assert explorer.output_shape == (4, 4)
    assert explorer.output.tolist() == [[3, 1, 1, 3], [1, 2, 3, 0], [1, 2, 2, 2], [3, 0, 3, 1]]


def test_bundle_has_view_state_picture_and_text():
    explorer = ConvolutionExplorer(stride=2, position=(1, 0))
    data = bundle(explorer)
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data[FIGURE_TYPE]["fig"] == "convolution_explorer"
    assert data[FIGURE_TYPE]["state"]["stride"] == 2
    assert data[FIGURE_TYPE]["state"]["position"] == [1, 0]
    assert data["text/plain"] == repr(explorer)
    assert "2 × 2" in data["text/plain"]
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).format == "PNG"


def test_bundle_is_the_same_on_every_run():
    first, second = bundle(ConvolutionExplorer()), bundle(ConvolutionExplorer())
    for data in (first, second):
        del data["application/vnd.jupyter.widget-view+json"]  # holds a new id each time
    assert first == second


def test_state_is_what_the_page_gets_and_speaks_its_language():
    language.set_language("en")
    explorer = ConvolutionExplorer()
    language.set_language("ko")
    state = json.loads(json.dumps(explorer.state()))
    assert state["language"] == "en"
    assert state["words"]["stride"] == "Stride"
    assert state["kernel"] == "1 0 1; 0 1 0; 1 0 1"
    names = "dilation image kernel kernels language padding pictures position stride words"
    assert list(state) == names.split()
    assert repr(explorer).startswith("Convolution explorer")  # not the language of the moment


@pytest.mark.parametrize("kernel", KERNELS)
def test_stills_are_small_and_follow_the_state(kernel):
    picture = np.random.default_rng(0).integers(0, 256, size=(28, 28))
    explorer = ConvolutionExplorer(picture, kernel=kernel, position=(3, 4))
    before = explorer.png()
    assert len(before) <= 60_000
    assert before == explorer.png()
    explorer.position = [20, 4]
    assert before != explorer.png()


def test_a_still_is_drawn_once_for_each_state(monkeypatch):
    drawn = []
    still = ConvolutionExplorer.still
    monkeypatch.setattr(
        ConvolutionExplorer, "still", lambda figure: drawn.append(figure.stride) or still(figure)
    )
    explorer = ConvolutionExplorer()
    first = bundle(explorer)["image/png"]
    assert bundle(explorer)["image/png"] == first and explorer.to_html()
    explorer.stride = 2
    assert bundle(explorer)["image/png"] != first
    assert drawn == [1, 2]


def test_still_writes_the_sum():
    explorer = ConvolutionExplorer(kernel="vertical_edges", position=(0, 1))
    plot = explorer.still()
    written = "0·(-1) + 0·0 + 0·1 + 1·(-1) + 0·0 + 0·1 + 0·(-1) + 1·0 + 1·1 = 0"
    assert plot.get_supxlabel() == written
    explorer = ConvolutionExplorer(stride=2, padding=1, dilation=2, position=(0, 1))
    written = "0·1 + 0·0 + 0·1 + 1·0 + 0·1 + 0·0 + 0·1 + 0·0 + 0·1 = 0"
    assert explorer.still().get_supxlabel() == written
    assert [axes.get_title() for axes in plot.axes] == ["입력 6 × 6", "커널 3 × 3", "출력 4 × 4"]


def test_a_kernel_that_does_not_fit_is_said_and_drawn():
    explorer = ConvolutionExplorer(dilation=3, position=(0, 0))
    assert explorer.output_shape == (0, 0)
    assert explorer.words["no_output"] in repr(explorer)
    assert len(explorer.png()) > 1000
    with pytest.raises(ValueError, match="does not fit"):
        _ = explorer.output


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("stride", 0, "stride is 0"),
        ("stride", "2", "'2'"),
        ("padding", -1, "padding is -1"),
        ("dilation", 4, "dilation is 4"),
        ("position", [4, 0], r"position is \[4, 0\]; the output has 4 × 4"),
        ("position", [0], r"position is \[0\]"),
        ("kernel", "edges", "kernel is 'edges'; known kernels: course"),
        ("kernel", [[1, np.nan]], "kernel holds nan"),
        ("kernel", np.ones((6, 6)), r"kernel has shape \(6, 6\)"),
        ("image", [1, 2, 3], r"image has shape \(3,\)"),
        ("image", np.zeros((3, 28, 28)), r"image has shape \(3, 28, 28\)"),
        ("image", [[1, 2], [3]], "table of numbers"),
    ],
)
def test_refuses_what_it_cannot_show(name, value, message):
    explorer = ConvolutionExplorer()
    before = explorer.state()
    with pytest.raises(ValueError, match=message):
        setattr(explorer, name, value)
    assert explorer.state() == before
    with pytest.raises(ValueError, match=message):
        ConvolutionExplorer(**{name: value})


def test_unknown_arguments_are_refused():
    with pytest.raises(TypeError, match="strides"):
        ConvolutionExplorer(strides=2)


def test_position_stays_inside_when_the_output_shrinks():
    explorer = ConvolutionExplorer(position=(3, 3))
    explorer.stride = 2
    assert explorer.position == [1, 1]
    explorer.dilation = 3
    assert explorer.position == [0, 0]


def test_what_the_page_sends_arrives_as_arrays():
    explorer = ConvolutionExplorer()
    explorer.set_state({"image": "1 2 3; 4 5 6; 7 8 -9.5", "position": [0, 0]})
    assert explorer.image.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, -9.5]]
    explorer.set_state({"stride": 2, "padding": 1, "position": [1, 1]})
    assert explorer.output_shape == (2, 2)
    assert explorer.position == [1, 1]


def test_what_the_page_must_not_send_is_put_back():
    explorer = ConvolutionExplorer(position=(1, 2))
    with pytest.raises(ValueError, match="position is"):
        explorer.set_state({"position": [9, 9]})
    assert explorer.position == [1, 2]


def test_a_change_in_place_is_refused_because_the_page_would_not_see_it():
    explorer = ConvolutionExplorer()
    with pytest.raises(ValueError, match="read-only"):
        explorer.image[0, 0] = 7


def test_pictures_of_torch_are_accepted():
    torch = pytest.importorskip("torch")
    picture = torch.arange(784, dtype=torch.uint8).reshape(1, 28, 28)
    explorer = ConvolutionExplorer(pictures={"ramp": picture})
    assert explorer.pictures["ramp"].startswith("0 1 2 3")
    explorer.image = picture
    assert explorer.image.shape == (28, 28)


@given(
    arrays(
        float,
        array_shapes(min_dims=2, max_dims=2, max_side=4),
        elements=st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_numbers_travel_unchanged(table):
    assert np.array_equal(from_rows(to_rows(table)), table)


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_use_no_word_that_is_missing_in_a_language(name):
    """Every ``word("x")`` of a figure's script stands in the figure's words."""
    source = (FOLDER / name / "figure.js").read_text(encoding="utf-8")
    used = set(re.findall(r'\b(?:word|small)\("(\w+)"', source))
    assert used
    for room in ("figure", name):
        entries = json.loads(language.word_lists()[room].read_text(encoding="utf-8"))
        assert all(set(entry) == {"ko", "en"} and all(entry.values()) for entry in entries.values())
        for entry in entries.values():
            places = [sorted(re.findall(r"\{(\w+)\}", entry[name])) for name in ("ko", "en")]
            assert places[0] == places[1], entry
    assert used <= set(language.words("figure")) | set(language.words(name))


def all_figures():
    return [
        cls
        for cls in vars(figures).values()
        if isinstance(cls, type) and issubclass(cls, Figure) and cls is not Figure
    ]


def test_every_script_belongs_to_a_figure_that_draws_and_speaks():
    classes = all_figures()
    assert {cls.name for cls in classes} == set(SCRIPTS)
    for cls in classes:
        assert cls.still is not Figure.still
        assert cls.alternative_text is not Figure.alternative_text


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_ask_nothing_of_the_network(name):
    code = scripts([name])
    assert "export" not in re.sub(r"//.*", "", code)
    assert "</script" not in code
    for source in (code, styles([name])):
        assert not re.search(
            r"https?://(?!www\.w3\.org/2000/svg)|\bimport\b|@import|url\(|\bfetch\(", source
        )


def test_fragment_cannot_break_out_of_its_island():
    nasty = {"fig": "convolution_explorer", "state": {"label": "</script><b>&"}}
    made = fragment(nasty, b"png", 'say "hi" <now>')
    assert made.count("</script>") == 1
    island = re.search(r'figure\+json">(.*?)</script>', made).group(1)
    assert json.loads(island) == nasty
    assert 'alt="say &quot;hi&quot; &lt;now&gt;"' in made


def test_page_is_whole_and_in_its_language():
    made = page("<p>body</p>", ["convolution_explorer"], "A & B", "en")
    assert '<html lang="en">' in made
    assert "<title>A &amp; B</title>" in made
    assert "--focus" in made and ".term" in made and "kit.hydrate()" in made
