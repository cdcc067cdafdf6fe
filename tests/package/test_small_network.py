"""The trained network that ships with the book, the script that made it, and its figure."""

import base64
import io
import json

import npz
import numpy as np
import pytest
import torch
import train_small_network as tool
from PIL import Image

from cnnbook import files, language, models
from cnnbook.data import Part, fashion_mnist, normalise
from cnnbook.figures import NetworkExplorer
from cnnbook.figures.figure import FIGURE_TYPE
from cnnbook.figures.small_network import SHAPES
from cnnbook.models import SmallCNN, small_cnn
from cnnbook.training import evaluate

LOG = json.loads(files.asset("small_cnn.json"))


@pytest.fixture(scope="module")
def test_set():
    return fashion_mnist("mini").test  # the whole official one


# ---- the weights ----------------------------------------------------------------------------


def test_the_weights_reach_the_accuracy_of_their_log(test_set):
    """Other processors add in another order: one or two pictures of 10,000 may tip over."""
    stated = LOG["test accuracy"]["as it is"]
    assert evaluate(small_cnn(quiet=True), test_set).accuracy == pytest.approx(stated, abs=0.0005)
    assert stated > 0.88


def test_the_log_tells_of_this_network_and_of_an_honest_choice():
    assert LOG["parameters"] == sum(v.numel() for v in SmallCNN().parameters())
    assert LOG["training pictures"] + LOG["validation pictures"] == 60_000
    best = max(LOG["epochs"], key=lambda row: row["validation_accuracy"])
    assert LOG["kept epoch"] == best["epoch"]
    assert LOG["validation accuracy"]["as it is"] == pytest.approx(
        best["validation_accuracy"],
        abs=0.001,  # float16
    )
    assert str(tool.LEARNING_RATE) in LOG["recipe"] and len(LOG["epochs"]) == tool.EPOCHS


def test_the_file_is_small_and_holds_nothing_but_float16_and_ten_pictures(test_set):
    weights = files.asset("small_cnn.npz")
    assert len(weights) + len(files.asset("small_cnn.json")) < 150_000
    with np.load(io.BytesIO(weights), allow_pickle=False) as arrays:
        assert set(arrays) == {*SmallCNN().state_dict(), "pictures"}
        pictures = arrays["pictures"]
        for name, values in SmallCNN().state_dict().items():
            assert arrays[name].dtype == np.float16 and arrays[name].shape == values.shape
    first = [int((test_set.labels == label).nonzero()[0]) for label in range(10)]
    assert np.array_equal(pictures, test_set.images[first, 0].numpy())


def test_loading_says_which_weights(capsys):
    model = small_cnn()
    assert not model.training
    digest = files.digest(files.asset("small_cnn.npz"))
    assert f"SHA-256 {digest[:12]}…" in capsys.readouterr().out
    small_cnn(quiet=True)
    assert capsys.readouterr().out == ""


# ---- the script -----------------------------------------------------------------------------


def test_folding_batchnorm_changes_no_answer():
    torch.manual_seed(0)
    learner = tool.Learner()
    images = torch.randn(64, 1, 28, 28)
    for _ in range(20):
        learner(images)  # statistics
    with torch.no_grad():
        for norm in (learner.norm1, learner.norm2):
            norm.weight.uniform_(-1, 2)
            norm.bias.uniform_(-1, 1)
        learner.eval()
        torch.testing.assert_close(learner.folded()(images), learner(images))


def test_pictures_vary_by_shift_mirror_and_silhouette():
    images = torch.zeros(2000, 1, 28, 28, dtype=torch.uint8)
    images[:, :, 10:14, 10:12] = 100  # rows 10 … 13, columns 10 and 11; mirrored: 16 and 17
    varied = tool.vary(images, torch.Generator().manual_seed(0))
    assert images.max() == 100  # the originals stay as they are
    moves = []
    for one in varied[:, 0]:
        rows, columns = one.nonzero().T
        assert len(rows) == 8
        moves.append((int(rows.min()) - 10, int(columns.min())))
    down, left = np.array(moves).T
    assert set(down) == set(range(-3, 4))
    assert set(left) == {*range(7, 14), *range(13, 20)}
    assert 0.08 < (varied.amax((1, 2, 3)) == 255).float().mean() < 0.17
    assert 0.4 < (left > 13).mean() < 0.6


def test_shift_and_silhouettes():
    images = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    images[0, 0, 5, 6], images[0, 0, 0, 0] = 200, 30
    moved = tool.shift(images, 2, -3)
    assert moved.shape == images.shape and moved[0, 0, 7, 3] == 200 and moved.sum() == 200
    assert tool.silhouettes(images).unique().tolist() == [0, 255]
    assert tool.silhouettes(images)[0, 0, 0, 0] == 0  # too dark to belong to the clothes


def test_training_learns_and_repeats_itself(test_set):
    """Two short runs on few pictures: better than a guess, and the same to the bit."""
    training, validation = test_set[:1500], test_set[1500:2000]
    runs = [tool.train(training, validation, epochs=2, report=lambda row: None) for _ in range(2)]
    (model, rows), (again, _) = runs
    assert len(rows) == 2 and max(row["validation_accuracy"] for row in rows) > 0.5
    for name, values in model.state_dict().items():
        assert torch.equal(values, again.state_dict()[name]), name
    kept = evaluate(model, validation).accuracy
    assert kept == pytest.approx(max(row["validation_accuracy"] for row in rows), abs=0.0021)


def test_the_same_arrays_are_the_same_bytes(tmp_path):
    arrays = {"a.weight": np.arange(6, dtype="<f2").reshape(2, 3)}
    for level in (0, 6):
        for name in ("one.npz", "two.npz"):
            npz.write(tmp_path / name, arrays, level)
        assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
        with np.load(tmp_path / "one.npz", allow_pickle=False) as read:
            assert np.array_equal(read["a.weight"], arrays["a.weight"])


# ---- the figure without a browser -----------------------------------------------------------


def test_activations_are_those_of_the_network(test_set):
    figure = NetworkExplorer(test_set.images[7])
    values = figure.activations
    assert {name: v.shape for name, v in values.items()} == SHAPES
    model = small_cnn(quiet=True)
    with torch.inference_mode():
        logits = model(normalise(test_set.images[7:8]))[0]
    assert np.allclose(values["logits"].ravel(), logits.numpy(), atol=1e-5)
    assert np.allclose(figure.probabilities, logits.softmax(0).numpy(), atol=1e-6)


def test_the_readers_own_network_can_be_looked_into():
    torch.manual_seed(3)
    own = SmallCNN()
    figure, shipped = NetworkExplorer(model=own), NetworkExplorer()
    assert figure.weights != shipped.weights
    with torch.no_grad():
        halves = {name: v.half().float() for name, v in own.state_dict().items()}
        own.load_state_dict(halves)
        expected = own(normalise(torch.tensor(figure.picture))[None, None])
    assert np.allclose(figure.activations["logits"].ravel(), expected[0].numpy(), atol=1e-5)
    raw = np.frombuffer(base64.b64decode(figure.weights), "<f2")
    assert len(raw) == 9_098
    assert np.array_equal(raw[:72], halves["conv1.weight"].numpy().ravel())
    assert np.array_equal(raw[-10:], halves["fc.bias"].numpy())
    with torch.no_grad():
        own.fc.bias[0] = 1e9
    with pytest.raises(ValueError, match="model.fc.bias holds values that are not finite"):
        NetworkExplorer(model=own)
    with pytest.raises(ValueError, match="model is a FashionDNN"):
        NetworkExplorer(model=models.FashionDNN())


def test_python_reads_the_drawing_back():
    figure = NetworkExplorer()
    drawing = np.random.default_rng(0).integers(0, 256, (28, 28)).astype(np.uint8)
    sent = base64.b64encode(drawing.tobytes()).decode()
    figure.set_state({"picture": sent, "label": None})  # what the page sends
    assert figure.picture.dtype == np.uint8 and np.array_equal(figure.picture, drawing)
    assert figure.label is None and figure.state()["picture"] == sent
    part = Part(torch.tensor(figure.picture)[None, None], torch.tensor([0]))  # for another model
    assert len(part) == 1
    figure.set_state({"layer": "logits", "position": [9, 0, 0]})
    assert (figure.layer, figure.position) == ("logits", [9, 0, 0])
    figure.layer = "conv1"
    assert figure.position == [7, 0, 0]  # inside the new layer


def test_a_notebook_stays_small_and_repeats_itself():
    bundles = [NetworkExplorer()._repr_mimebundle_()[0] for _ in range(2)]
    for bundle in bundles:
        del bundle["application/vnd.jupyter.widget-view+json"]
    assert bundles[0] == bundles[1]
    assert len(json.dumps(bundles[0])) < 100_000
    assert len(json.dumps(bundles[0][FIGURE_TYPE])) < 45_000
    assert Image.open(io.BytesIO(base64.b64decode(bundles[0]["image/png"]))).format == "PNG"


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
    assert f"Answer: {best}, {100 * figure.probabilities.max():.0f} %." in text
    assert f"Logit of “Ankle boot”: {logit}" in text
    figure.label = None
    assert "Your own drawing." in figure.alternative_text()
