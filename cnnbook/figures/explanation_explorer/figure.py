"""Why did the network answer so: cover parts, look through the maps, lay explanations over."""

from collections import OrderedDict

import numpy as np
import traitlets

from cnnbook.figures.figure import Figure, StateError, blank
from cnnbook.figures.palette import LIGHT_GREEN, LINE, ORANGE
from cnnbook.figures.small_network import (
    SHAPES,
    class_names,
    class_of,
    examples,
    network_of,
    picture_trait,
    pixels_of,
    rounded,
    to_base64,
)
from cnnbook.figures.traits import choice, inside, number

VIEWS = ("patch", "maps", "saliency", "gradient_input", "integrated", "grad_cam", "occlusion")
LAYERS = ("conv1", "pool1", "conv2", "pool2")
COVERS = {"black": 0, "grey": 73, "white": 255}
STEPS = 32  # of integrated gradients


class ExplanationExplorer(Figure):
    """Explanations of a trained :class:`cnnbook.models.SmallCNN`, all computed in the page.

    Raises ValueError if a value cannot be shown; it names the value.

    picture : array_like (28, 28) or (1, 28, 28), optional. 0 = black … 255 = white. Default: the
        first of `pictures` that shows a `label`.
    label : int, optional. Its true class, 0 … 9; None when nobody knows.
    pictures, labels : uint8 (N, 28, 28) or (N, 1, 28, 28) and N ints, optional. What the list
        offers. Default: the first test picture of each class.
    model : cnnbook.models.SmallCNN, optional. Its weights are rounded to float16. Default: the
        network that ships with the book.
    view : str. "patch" (the reader covers a square), "maps", "saliency", "gradient_input",
        "integrated", "grad_cam" or "occlusion".
    target : int. The class to explain, 0 … 9. Default: the label, or the network's answer.
    layer : str. "conv1", "pool1", "conv2" or "pool2", for the views "maps" and "grad_cam";
        convolutions behind their ReLU.
    channel : int. The map shown in the view "maps".
    position : (int, int). Row and column of the patch's middle, or of the value read out.
    size, cover : int 1 … 14, and "black", "grey" or "white". The patch.

    Attributes
    ----------
    attribution : float32 (h, w), what is shown, by `cnnbook.explain`; None in the view "patch"
    logits : float32 (10,), of the picture without the patch
    """

    picture = picture_trait()
    label = number(None, 0, 9, allow_none=True)
    view, layer = choice(VIEWS, "patch"), choice(LAYERS, "conv2")
    target, channel = number(0, 0, 9), number(0, 0, 15)
    position = traitlets.List(traitlets.Int(), [14, 14]).tag(sync=True)
    size, cover = number(8, 1, 14), choice(tuple(COVERS), "black")
    weights = traitlets.Unicode().tag(sync=True)
    pictures = traitlets.List(traitlets.Unicode()).tag(sync=True)
    labels = traitlets.List(traitlets.Int()).tag(sync=True)
    classes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    fixed = ("weights", "pictures", "labels", "classes")

    def __init__(self, picture=None, label=None, pictures=None, labels=None, model=None, **state):
        if pictures is None and labels is None:
            pictures, labels = examples(), range(10)
        pictures, labels = _labelled(pictures, labels)
        if label is not None:
            label = class_of(label)
        if picture is None:
            if label is not None and label not in labels:
                raise StateError(f"label is {label}; no picture shows it, so give the picture")
            place = 0 if label is None else labels.index(label)
            picture, label = pictures[place], labels[place]
        pixels, weights = pixels_of(picture), rounded(model)
        if "target" not in state:
            state["target"] = _logits(weights, pixels).argmax() if label is None else label
        super().__init__(
            picture=pixels,
            label=label,
            weights=weights,
            pictures=[to_base64(one) for one in pictures],
            labels=labels,
            classes=class_names(),
            **state,
        )

    @property
    def logits(self):
        return _logits(self.weights, self.picture)

    @property
    def attribution(self):
        from cnnbook import explain

        model = layers_by_name(network_of(self.weights))
        x, black = _normal(self.picture)[None, None], _normal(np.array(0))
        layer = self.layer.replace("conv", "relu")
        last = SHAPES[self.layer][0] - 1
        if self.view == "patch":
            return None
        if self.view == "maps":
            maps = explain.feature_maps(model, x, layer)[:, min(self.channel, last)]
        elif self.view == "saliency":
            maps = explain.saliency(model, x, self.target)[0]
        elif self.view == "gradient_input":
            maps = (explain.saliency(model, x, self.target, absolute=False) * (x - black))[0]
        elif self.view == "integrated":
            maps = explain.integrated_gradients(model, x, self.target, black, STEPS)[0]
        elif self.view == "grad_cam":
            maps = explain.grad_cam(model, x, self.target, layer)[0]
        else:
            cover = _normal(np.array(COVERS[self.cover]))
            stride = min(2, self.size)
            maps = explain.occlusion(model, x, self.target, self.size, stride, cover)[0]
        return maps[0].numpy()

    @traitlets.validate("position")
    def _check_position(self, proposal):
        return inside("position", proposal["value"], (28, 28), "the picture")

    def alternative_text(self):
        names = {"view": self.text(self.view), "name": self.classes[self.target]}
        logit = f"{self.logits[self.target]:.2f}".replace("-", "−")
        return self.text("alternative", logit=logit, **names)

    def still(self):
        from matplotlib.patches import Rectangle

        plot = blank(9, 3.1)
        left, middle, right = plot.subplots(1, 3, width_ratios=(3, 3, 2.6))
        left.imshow(self.picture, cmap="gray", vmin=0, vmax=255)
        found = self.attribution
        if found is None:
            row, column = (place - self.size // 2 for place in self.position)
            shade = COVERS[self.cover] / 255
            patch = Rectangle((column - 0.5, row - 0.5), self.size, self.size, fc=str(shade))
            patch.set(ec=ORANGE, lw=2)
            left.add_patch(patch)
            found = np.zeros((28, 28))
        most = max(np.abs(found).max(), 1e-9)
        middle.imshow(found, cmap="PRGn", vmin=-most, vmax=most)
        middle.set_title(self.text("trace" if self.view == "patch" else self.view), fontsize=11)
        for axes in (left, middle):
            axes.set(xticks=[], yticks=[])
        logits = self.logits
        colours = [LIGHT_GREEN if k == self.target else LINE for k in range(10)]
        bars = right.barh(self.classes, logits, color=colours)
        right.bar_label(bars, [f"{value:.1f}" for value in logits], padding=2, fontsize=8)
        right.invert_yaxis()
        right.set(xticks=[], xlim=(min(0, 1.3 * logits.min()), 1.3 * logits.max()))
        right.tick_params("y", labelsize=8, length=0)
        right.spines[:].set_visible(False)
        return plot


def _labelled(pictures, labels):
    """Pictures and their labels as lists; a StateError where they do not go together."""
    try:
        pictures, labels = [pixels_of(one) for one in pictures], [class_of(one) for one in labels]
    except TypeError:
        raise StateError(f"pictures and labels are lists, labels is {labels!r}") from None
    if not pictures or len(pictures) != len(labels):
        raise StateError(f"labels has {len(labels)} entries for {len(pictures)} pictures")
    return pictures, labels


def _logits(weights, pixels):
    import torch

    with torch.inference_mode():
        return network_of(weights)(_normal(pixels)[None, None])[0].numpy()


def layers_by_name(small):
    """The layers of a `SmallCNN` laid end to end, so that each has a name; the same answers."""
    from torch import nn

    parts: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=small.conv1, relu1=nn.ReLU(), pool1=nn.MaxPool2d(2),
        conv2=small.conv2, relu2=nn.ReLU(), pool2=nn.MaxPool2d(2),
        flatten=nn.Flatten(), fc=small.fc,
    )  # fmt: skip
    return nn.Sequential(parts).eval()


def _normal(pixels):
    import torch

    from cnnbook.data import normalise

    return normalise(torch.tensor(pixels, dtype=torch.uint8))
