"""Live figures without a browser: state, bundle, words, static pages."""

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from examples import EXAMPLES, SPOT, all_figures
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from cnnbook import figures, graphs, language
from cnnbook.figures import ConvolutionExplorer, fragment, page
from cnnbook.figures.figure import StateError
from cnnbook.figures.page import FIGURE_TYPE, FOLDER
from cnnbook.figures.tables import from_rows, to_rows

SCRIPTS = sorted(path.parent.name for path in FOLDER.glob("*/figure.js"))


def bundle(figure):
    return figure._repr_mimebundle_()[0]


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
    again = bundle(ConvolutionExplorer(stride=2, position=(1, 0)))
    for run in (data, again):
        del run["application/vnd.jupyter.widget-view+json"]  # holds a new id each time
    assert data == again


def test_state_is_what_the_page_gets_and_speaks_its_language():
    language.set_language("en")
    explorer = ConvolutionExplorer()
    language.set_language("ko")
    state = json.loads(json.dumps(explorer.state()))
    assert state["language"] == "en"
    assert state["words"]["stride"] == "Stride"
    assert state["kernel"] == "1 0 1; 0 1 0; 1 0 1"
    assert repr(explorer).startswith("Convolution explorer")  # not the language of the moment


@pytest.mark.parametrize("name", SCRIPTS)
def test_stills_are_small_and_follow_the_state(name):
    figure = EXAMPLES[name]["make"]()
    before = figure.png()
    assert len(before) <= 60_000 and before == EXAMPLES[name]["make"]().png()
    for changes in EXAMPLES[name]["changes"]:
        figure.set_state(changes)
    assert before != figure.png()


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
    written = "0·(-1) + 0·0 + 0·1 + 1·(-1) + 0·0 + 0·1 + 0·(-1) + 1·0 + 1·1 = 0"
    assert explorer.still().get_supxlabel() == written


def test_position_stays_inside_and_a_kernel_that_does_not_fit_is_said_and_drawn():
    explorer = ConvolutionExplorer(position=(3, 3))
    explorer.stride = 2
    assert explorer.position == [1, 1]
    explorer.dilation = 3
    assert explorer.position == [0, 0] and explorer.output_shape == (0, 0)
    assert explorer.words["no_output"] in repr(explorer)
    assert len(explorer.png()) > 1000
    with pytest.raises(ValueError, match="does not fit"):
        _ = explorer.output


def test_words_say_what_is_missing():
    with pytest.raises(KeyError, match="common.of needs a value for 'total'"):
        language.text("common.of", done=3)
    with pytest.raises(KeyError, match="word list 'common' has of"):
        language.text("common.off")


@pytest.mark.parametrize("name", ["words", "language", "strides"])
def test_unknown_arguments_are_refused_and_the_language_is_that_of_the_book(name):
    with pytest.raises(TypeError, match=name):
        ConvolutionExplorer(**{name: "en"})


def test_a_change_in_place_is_refused_because_the_page_would_not_see_it():
    explorer = ConvolutionExplorer()
    with pytest.raises(ValueError, match="read-only"):
        explorer.image[0, 0] = 7


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


TABLE = np.arange(49).reshape(7, 7)
PICTURE = np.zeros((28, 28))
CLUB = graphs.karate_club()
RIGHT = {  # of what is tried below; the rest is refused
    "cost_explorer": {"peak": [10**9, 2.5], "bandwidth": [10**9, 2.5], "pool1": [True]}
    | {"pool2": [True]},
    "explanation_explorer": {"label": [None]},
    "gradient_flow": {"collect": [True]},
    "message_passing": {"edges": [()]},
    "network_explorer": {"label": [None]},
    "pooling_explorer": {"ceil": [True], "gradient": [True], "shift": [[-1, -1]]},
    "shape_tracer": {"known": [[1], ()]},
    "shuffle_explorer": {"shuffled": [True], "shift": [-1], "shifted": [{}], "mixed": [{}]},
    "training_curve": {"running": [True], "position": [-1], "points": [()], "validation": [()]}
    | {"total": [10**9, 2.5], "kept": [10**9, 2.5]},
}
TRIED = [object(), "abc", "$$", -1, 2.5, np.nan, np.inf, 10**9, True, None, 1j, (), [1], [["a"]]]
TRIED += [[np.nan], [-1, -1], [99, 99, 99], {}, {"a": 5}, np.array([[1j]]), torch.ones(2) * 1j]
TRIED += [np.datetime64("2020"), [True, False]]


GIVEN = {  # without which a figure cannot be made, or which its case needs
    "message_passing": {"graph": CLUB},
    "network_explorer": {"layer": "conv1"},
    "shuffle_explorer": {"picture": SPOT, "weights": SPOT, "window": (2, 8)},
}
REFUSED = {
    "convolution_explorer": [
        ("stride", 0, "stride is 0"),
        ("dilation", 4, "dilation is 4"),
        ("position", [4, 0], r"position is \[4, 0\]; the output has 4 × 4"),
        ("kernel", "edges", "kernel is 'edges'; known kernels: course"),
        ("kernel", [[1, np.nan]], "kernel holds nan"),
        ("kernel", np.ones((6, 6)), r"kernel has shape \(6, 6\)"),
        ("image", np.zeros((3, 28, 28)), r"image has shape \(3, 28, 28\)"),
        ("image", [[1, 2], [3]], "table of numbers"),
    ],
    "cost_explorer": [
        ("filters1", 0, "filters1 is 0; this figure shows 1 to 128"),
        ("filters2", 129, "filters2 is 129"),
        ("kernel1", 4, "kernel1 is 4; this figure shows 1, 3, 5, 7"),
        ("stride2", 4, "stride2 is 4; this figure shows 1, 2, 3"),
        ("hidden", -1, "hidden is -1; this figure shows 0 to 1024"),
        ("batch", 100, "batch is 100; this figure shows 1, 2, 4, 8, 16"),
        ("peak", 0, "peak is 0.0; it must be the machine's GFLOP/s, more than 0"),
        ("layer", "conv3", "layer is 'conv3'; it must be one of conv1, pool1"),
    ],
    "explanation_explorer": [
        ("target", 10, "target is 10; it must lie between 0 and 9"),
        ("size", 0, "size is 0; it must lie between 1 and 14"),
        ("channel", 16, "channel is 16"),
        ("position", [28, 0], r"position is \[28, 0\]"),
    ],
    "message_passing": [
        ("node", 34, "node is 34; it must lie between 0 and 33"),
        ("layers", 3, "layers is 3"),
        ("snapshot", 1, "snapshot is 1"),
        ("edges", [[1, 0]], r"edges holds \[1, 0\]"),
        ("edges", [[0, 1], [0, 1]], r"edges holds \[0, 1\]"),
        ("edges", [[0, 34]], r"edges holds \[0, 34\]"),
    ],
    "network_explorer": [
        ("picture", np.zeros((27, 28)), r"picture has shape \(27, 28\)"),
        ("picture", np.full((28, 28), 0.5), "whole numbers from 0"),
        ("picture", np.full((28, 28), 256), "whole numbers from 0"),
        ("label", 10, "label is 10"),
        ("position", [8, 0, 0], r"position is \[8, 0, 0\]; conv1 has 8 × 28 × 28 values"),
    ],
    "pooling_explorer": [
        ("window", 5, "window is 5; it must lie between 2 and 4"),
        ("stride", 0, "stride is 0"),
        ("shift", [0, 5], r"shift is \[0, 5\]"),
        ("position", [3, 0], r"position is \[3, 0\]; the output has 3 × 3"),
        ("image", np.ones((3, 6)), r"image has shape \(3, 6\); this figure shows 4 × 4"),
        ("image", [[np.nan] * 4] * 4, "image holds nan"),
    ],
    "shuffle_explorer": [
        ("shift", 6, "shift is 6"),
        ("weights", SPOT[:, 1:], "must be the same"),
        ("picture", SPOT + 0.5, "whole numbers"),
        ("window", (10, 0), r"window is \[10, 0\]"),
        ("kernel", np.ones((2, 2)), r"kernel has shape \(2, 2\)"),
        ("order", [0, 1, 2], "order must hold"),
        ("shifted", {"dense": [0.5]}, "shifted holds dense"),
        ("mixed", {"CNN": 0.5}, "mixed holds CNN"),
        ("mixed", {"dense": 85.0}, "mixed holds dense"),
    ],
    "channel_explorer": [
        ("chosen", 4, "chosen is 4; it must lie between 0 and 3"),
        ("biases", [0.0], "biases is"),
        ("image", [[np.nan]], "image has shape"),
        ("position", [4, 0], r"position is \[4, 0\]; the output has 4 × 4"),
    ],
    "receptive_field": [
        ("size", 33, "size is 33; it must lie between 4 and 32"),
        ("layers", [], "layers is \\[\\]; it must be 1 to 5 layers"),
        ("layers", [{"kind": "dense"}], "a layer is a dict with a kind"),
        ("layers", [{"kind": "pooling", "width": 2}], "layers holds .'width'"),
        ("layers", [{"kind": "pooling", "kernel": 6}], "kernel is 6; it must be a whole number"),
        ("level", 4, "level is 4; it must lie between 0 and 3"),
        ("position", [7, 0], r"position is \[7, 0\]; the map has 7 × 7"),
    ],
    "training_curve": [
        ("points", [[1.0, 2.0]], "points holds"),
        ("points", [[1.0, np.nan, 0.5, 0.1]], "points holds"),
        ("validation", [[1.0, np.inf, 0.5]], "validation holds"),
        ("position", 8, "position is 8"),
        ("position", -2, "position is -2"),
    ],
}
CASES = [(figure, *case) for figure, cases in REFUSED.items() for case in cases]


@pytest.mark.parametrize(("figure", "name", "value", "message"), CASES)
def test_what_is_refused_is_named(figure, name, value, message):
    kind, given = all_figures()[figure], GIVEN.get(figure, {})
    asked = kind(**given)
    before = asked.state()
    with pytest.raises(ValueError, match=f"{message}|{name} stays as it was made"):
        setattr(asked, name, value)
    assert asked.state() == before
    with pytest.raises(ValueError, match=message):
        kind(**given | {name: value})


@pytest.mark.filterwarnings("error:.*:RuntimeWarning")
@pytest.mark.parametrize("name", SCRIPTS)
def test_every_trait_of_every_figure_refuses_what_cannot_be_shown(name):
    """From Python and from the page; and whatever was tried, the figure can still be drawn."""
    figure = EXAMPLES[name]["make"]()
    for trait in figure.state():
        for value in TRIED:
            if repr(value) in map(repr, RIGHT.get(name, {}).get(trait, [])):
                continue
            with pytest.raises(StateError):
                setattr(figure, trait, value)
            with pytest.raises(StateError):
                figure.set_state({trait: value})
    assert figure.state() == EXAMPLES[name]["make"]().state()
    assert figure.alternative_text()


@pytest.mark.parametrize(
    ("name", "trait", "value", "found"),
    [
        ("convolution_explorer", "kernel", torch.ones(1, 1, 1, 2).requires_grad_()[0, 0], [[1, 1]]),
        ("convolution_explorer", "image", torch.ones(1, 9, 9, dtype=torch.uint8), [[1] * 9] * 9),
        ("convolution_explorer", "stride", np.int64(2), 2),
        ("convolution_explorer", "position", np.array([1, 2]), [1, 2]),
        ("pooling_explorer", "ceil", np.bool_(True), True),
        ("pooling_explorer", "image", torch.ones(4, 4).bfloat16(), [[1] * 4] * 4),
        ("cost_explorer", "peak", np.float32(2.5), 2.5),
        ("network_explorer", "label", torch.tensor(3), 3),
        ("network_explorer", "picture", torch.ones(28, 28, requires_grad=True), [[1] * 28] * 28),
        ("explanation_explorer", "target", np.uint8(3), 3),
        ("message_passing", "edges", torch.tensor([[0, 1]]), [[0, 1]]),
        ("shape_tracer", "known", np.arange(2), [0, 1]),
        ("shuffle_explorer", "mixed", {"dense": torch.tensor(0.5)}, {"dense": 0.5}),
        ("training_curve", "points", np.zeros((1, 4)), [[0.0] * 4]),
        ("kernel_motion", "directions", np.int8(2), 2),
    ],
)
def test_numpys_numbers_and_tensors_are_taken(name, trait, value, found):
    figure = EXAMPLES[name]["make"]()
    setattr(figure, trait, value)
    value = getattr(figure, trait)
    assert (value.tolist() if isinstance(value, np.ndarray) else value) == found
    json.dumps(figure.state())


LONG = {name: torch.zeros(5) for name in graphs.GCN(34, 3, 2).state_dict()}


def traced(kind, *more, **numbers):
    return figures.ShapeTracer([{"name": "a", "kind": kind} | numbers, *more])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: figures.ShapeTracer([{"kind": "norm"}]), 'a "name"'),
        (lambda: figures.ShapeTracer([5]), 'a "name"'),
        (lambda: figures.ShapeTracer(5), 'a "name"'),
        (lambda: figures.ShapeTracer(shape=(1, 28.5, 28)), "shape is"),
        (lambda: figures.ShapeTracer(shape=3), "shape is 3"),
        *(
            (lambda kernel=kernel: traced("pooling", kernel=kernel), "kernel is")
            for kernel in [(3, 3), 0, -1, 2.5, "3", True, None]
        ),
        (lambda: traced("dense", units=3), "dense needs a vector"),
        (lambda: traced("pooling", kernel=40), "does not fit"),
        (lambda: traced("convolution", kernel=3), "filters"),
        (lambda: traced("pool"), "pool"),
        (lambda: traced("flatten", {"name": "b", "kind": "flatten"}), "flatten needs"),
        (lambda: figures.ShapeTracer(place=12), "place is 12; the network has 12 layers"),
        (lambda: figures.ShapeTracer(known=[0, 12]), "known is .*the network has 12 layers"),
        (lambda: figures.ExplanationExplorer(pictures=[PICTURE]), "labels is None"),
        (lambda: figures.ExplanationExplorer(labels=[1]), "labels is"),
        (lambda: figures.ExplanationExplorer(pictures=[PICTURE], labels=[1, 2]), "2 entries"),
        (lambda: figures.ExplanationExplorer(pictures=[], labels=[]), "0 pictures"),
        (lambda: figures.ExplanationExplorer(label=10), "label is 10"),
        (lambda: figures.ExplanationExplorer(None, 3, [PICTURE], [1]), "no picture shows it"),
        (lambda: figures.NetworkExplorer(label="abc"), "label is 'abc'"),
        (lambda: figures.NetworkExplorer(PICTURE * 1j), "table of numbers"),
        (lambda: figures.NetworkExplorer(PICTURE + np.nan), "whole numbers"),
        (lambda: figures.MessagePassing(CLUB, {0: {}}), r"snapshots\[0\] is no state_dict"),
        (lambda: figures.MessagePassing(CLUB, [1]), "snapshots a list"),
        (lambda: figures.MessagePassing(None), "graph is a NoneType"),
        (lambda: figures.MessagePassing(replace(CLUB, places=None)), "it needs places"),
        (lambda: figures.MessagePassing(replace(CLUB, labels=torch.arange(34))), "34 classes"),
        (lambda: figures.MessagePassing(CLUB, {0: LONG}), "weights holds"),
        (lambda: figures.KernelMotion(signal=5), "signal is 5"),
        (lambda: figures.KernelMotion(signal=([[1j]], [[1]])), "signal is"),
        (lambda: figures.ShuffleExplorer(TABLE * 1j, TABLE), "picture is"),
        (lambda: figures.ShuffleExplorer(TABLE, TABLE, order=[1.5] * 49), "order must hold"),
        (lambda: figures.TrainingCurve("abc"), "history is 'abc'"),
        (lambda: figures.TransferExplorer(None), "fashion is None"),
        (lambda: figures.CostExplorer(presets={"a": {}}), "presets has a"),
        (lambda: ConvolutionExplorer(pictures=[PICTURE]), "pictures is"),
        (lambda: figures.PoolingExplorer(pictures={"a": [[1]]}), "a has shape"),
    ],
)
def test_a_figure_that_cannot_be_made_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_label_alone_chooses_its_picture():
    figure = figures.ExplanationExplorer(label=3)
    assert figure.label == figure.target == 3
    assert np.array_equal(figure.picture, figures.NetworkExplorer(label=3).picture)


def test_words_with_dollars_are_drawn_as_they_are():
    assert figures.ShapeTracer([{"name": "$$", "kind": "norm"}]).png()


def test_nothing_breaks_out_of_its_place_in_a_page():
    nasty = {"fig": "convolution_explorer", "state": {"label": "</script><b>&"}}
    made = fragment(nasty, b"png", 'say "hi" <now>')
    assert made.count("</script>") == 1
    island = re.search(r'figure\+json">(.*?)</script>', made).group(1)
    assert json.loads(island) == nasty
    assert 'alt="say &quot;hi&quot; &lt;now&gt;"' in made
    assert "<title>A &amp; B</title>" in page(made, ["convolution_explorer"], "A & B", "en")
