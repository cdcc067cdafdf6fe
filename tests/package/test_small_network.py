"""The trained network that ships with the book, the script that made it, and its figure."""

import base64
import io
import json

import numpy as np
import pytest
import torch
import train_small_network as tool

from cnnbook import files, language, models
from cnnbook.data import fashion_mnist, normalise
from cnnbook.figures import ExplanationExplorer, NetworkExplorer, small_network
from cnnbook.figures.figure import FIGURE_TYPE
from cnnbook.figures.small_network import SHAPES
from cnnbook.models import SmallCNN, small_cnn
from cnnbook.training import evaluate

LOG = json.loads(files.asset("small_cnn.json"))


@pytest.fixture(scope="module")
def test_set():
    return fashion_mnist("mini").test  # the whole official one


# ---- the weights ----------------------------------------------------------------------------


def test_the_weights_reach_the_accuracy_of_their_log(test_set, capsys):
    """Other processors add in another order: one or two pictures of 10,000 may tip over."""
    stated = LOG["test accuracy"]["as it is"]
    model = small_cnn()
    assert evaluate(model, test_set).accuracy == pytest.approx(stated, abs=0.0005)
    assert stated > 0.88 and not model.training
    digest = files.digest(files.asset("small_cnn.npz"))
    assert f"SHA-256 {digest[:12]}…" in capsys.readouterr().out
    small_cnn(quiet=True)
    assert capsys.readouterr().out == ""


def test_the_log_tells_of_this_network_and_of_an_honest_choice():
    assert LOG["parameters"] == sum(v.numel() for v in SmallCNN().parameters())
    assert LOG["training pictures"] + LOG["validation pictures"] == 60_000
    best = max(LOG["epochs"], key=lambda row: row["validation_accuracy"])
    assert LOG["kept epoch"] == best["epoch"] and len(LOG["epochs"]) == tool.EPOCHS
    rounded = LOG["validation accuracy"]["as it is"]  # to float16
    assert rounded == pytest.approx(best["validation_accuracy"], abs=0.001)


def test_the_file_holds_nothing_but_float16_and_ten_pictures(test_set):
    with np.load(io.BytesIO(files.asset("small_cnn.npz"))) as arrays:
        found = {name: (values.dtype.str, values.shape) for name, values in arrays.items()}
        pictures = arrays["pictures"]
    expected = {name: ("<f2", tuple(v.shape)) for name, v in SmallCNN().state_dict().items()}
    assert found == {**expected, "pictures": ("|u1", (10, 28, 28))}
    first = [int((test_set.labels == label).nonzero()[0]) for label in range(10)]
    assert np.array_equal(pictures, test_set.images[first, 0].numpy())


def test_training_learns_and_repeats_itself(test_set):
    """Two short runs on few pictures: better than a guess, and the same to the bit."""
    parts = test_set[:1500], test_set[1500:2000]
    runs = [tool.train(*parts, epochs=2, tell=lambda row: None) for _ in range(2)]
    (model, rows), (again, _) = runs
    best = max(row["validation_accuracy"] for row in rows)
    assert len(rows) == 2 and best > 0.5
    for name, values in model.state_dict().items():
        assert torch.equal(values, again.state_dict()[name]), name
    assert evaluate(model, parts[1]).accuracy == pytest.approx(best, abs=0.0021)


# ---- the figure without a browser -----------------------------------------------------------


def test_activations_are_those_of_the_network(test_set):
    """Of the one that ships, and of the reader's own, rounded to float16."""
    own = SmallCNN()
    halves = {name: v.half().float() for name, v in own.state_dict().items()}
    own.load_state_dict(halves)
    for model, given in [(small_cnn(quiet=True), {}), (own, {"model": own})]:
        figure = NetworkExplorer(test_set.images[7], **given)
        assert {name: v.shape for name, v in figure.activations.items()} == SHAPES
        with torch.inference_mode():
            logits = model(normalise(test_set.images[7:8]))[0]
        assert np.allclose(figure.activations["logits"].ravel(), logits.numpy(), atol=1e-5)
        assert np.allclose(figure.probabilities, logits.softmax(0).numpy(), atol=1e-6)
    raw = np.frombuffer(base64.b64decode(figure.weights), "<f2")
    assert len(raw) == 9_098
    assert np.array_equal(raw[:72], halves["conv1.weight"].numpy().ravel())
    assert np.array_equal(raw[-10:], halves["fc.bias"].numpy())


def test_a_network_that_cannot_be_shown_is_refused():
    own = SmallCNN()
    own.fc.bias.data[0] = 1e9
    with pytest.raises(ValueError, match="model.fc.bias holds values that are not finite"):
        NetworkExplorer(model=own)
    with pytest.raises(ValueError, match="model is a FashionDNN"):
        NetworkExplorer(model=models.FashionDNN())


def test_a_notebook_stays_small_and_repeats_itself():
    bundles = [NetworkExplorer()._repr_mimebundle_()[0] for _ in range(2)]
    for bundle in bundles:
        del bundle["application/vnd.jupyter.widget-view+json"]
    assert bundles[0] == bundles[1] and {"image/png", FIGURE_TYPE} <= set(bundles[0])
    assert len(json.dumps(bundles[0])) < 100_000
    assert len(json.dumps(bundles[0][FIGURE_TYPE])) < 45_000


def test_the_still_picture_shows_the_activations():
    figure = NetworkExplorer(layer="conv2", position=[5, 6, 8])
    plot = figure.still()
    values = figure.activations
    for name in ("conv1", "pool1", "conv2", "pool2"):
        (sheet,) = plot.axes[list(values).index(name)].images
        shown = np.ma.masked_invalid(sheet.get_array()).compressed()
        assert np.allclose(np.sort(shown), np.sort(values[name].ravel())), name
    bars = [bar.get_width() for bar in plot.axes[-1].patches]
    assert np.allclose(bars, figure.probabilities)
    assert len(plot.axes[3].patches) == 1  # the frame around the unit


def test_the_alternative_text_tells_picture_answer_and_unit():
    language.set_language("en")
    figure = NetworkExplorer(layer="logits", position=[9, 0, 0])
    text = figure.alternative_text()
    best = figure.classes[int(figure.probabilities.argmax())]
    logit = f"{figure.activations['logits'][9, 0, 0]:.2f}"
    assert f"Answer: {best}, {100 * figure.probabilities.max():.0f}%." in text
    assert f"Logit of “Ankle boot”: {logit}" in text
    figure.label = None
    assert "Your own drawing." in figure.alternative_text()


def test_a_network_that_a_figure_keeps_can_be_explained_whoever_asked_first():
    small_network.network_of.cache_clear()
    with torch.inference_mode():
        assert NetworkExplorer().probabilities.sum() == pytest.approx(1)
    assert np.abs(ExplanationExplorer(view="integrated").attribution).max() > 0
