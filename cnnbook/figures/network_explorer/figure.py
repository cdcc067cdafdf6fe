"""The whole network, live: every value of a small trained CNN, for a picture or a drawing."""

import numpy as np
import traitlets

from cnnbook.figures.figure import Figure, blank
from cnnbook.figures.palette import GREEN, LIGHT_GREEN
from cnnbook.figures.small_network import (
    SHAPES,
    class_names,
    class_of,
    examples,
    network_of,
    picture_trait,
    rounded,
    to_base64,
)
from cnnbook.figures.tables import size_text
from cnnbook.figures.traits import choice, inside, nearest, number


class NetworkExplorer(Figure):
    """A trained :class:`cnnbook.models.SmallCNN` on a picture that the reader chooses or draws.

    Raises ValueError if a value cannot be shown; it names the value.

    picture : array_like (28, 28) or (1, 28, 28), optional. 0 = black … 255 = white. Default: the
        first test picture of class `label`, or an ankle boot.
    label : int, optional. Its true class, 0 … 9; None when nobody knows.
    model : cnnbook.models.SmallCNN, optional. The network to look into; its weights are rounded to
        float16. Default: the one that ships with the book.
    layer : str. "input", "conv1", "pool1", "conv2", "pool2" or "logits".
    position : (int, int, int). Channel, row and column of the value whose arithmetic is shown.
        Default: a value of the second convolution on the slope of the boot.

    Attributes
    ----------
    picture : uint8 (28, 28), as it is in the page now: the reader's drawing
    activations : {layer: float32 (channels, rows, columns)}, by torch
    probabilities : float32 (10,), softmax of the logits
    """

    picture = picture_trait()
    label = number(None, 0, 9, allow_none=True)
    layer = choice(tuple(SHAPES), "conv2")
    position = traitlets.List(traitlets.Int(), [10, 4, 10]).tag(sync=True)
    weights = traitlets.Unicode().tag(sync=True)
    pictures = traitlets.List(traitlets.Unicode()).tag(sync=True)
    classes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    fixed = ("weights", "pictures", "classes")

    def __init__(self, picture=None, label=None, model=None, **state):
        if picture is None:
            label = 9 if label is None else class_of(label)
            picture = examples()[label]
        super().__init__(
            picture=picture,
            label=label,
            weights=rounded(model),
            pictures=[to_base64(one) for one in examples()],
            classes=class_names(),
            **state,
        )

    @property
    def activations(self):
        import torch
        from torch.nn import functional

        from cnnbook.data import normalise

        model = network_of(self.weights)
        x = normalise(torch.tensor(self.picture))[None, None]  # (1, 1, 28, 28)
        values = {"input": x}
        with torch.inference_mode():
            values["conv1"] = functional.relu(model.conv1(x))
            values["pool1"] = model.pool(values["conv1"])
            values["conv2"] = functional.relu(model.conv2(values["pool1"]))
            values["pool2"] = model.pool(values["conv2"])
            values["logits"] = model.fc(values["pool2"].flatten(1))
        return {name: v.numpy().reshape(SHAPES[name]) for name, v in values.items()}

    @property
    def probabilities(self):
        logits = self.activations["logits"].ravel()
        powers = np.exp(logits - logits.max())
        return powers / powers.sum()

    @traitlets.validate("position")
    def _check_position(self, proposal):
        return inside("position", proposal["value"], SHAPES[self.layer], self.layer)

    @traitlets.observe("layer")
    def _stay_inside(self, change):
        self.position = nearest(self.position, SHAPES[self.layer])

    def alternative_text(self):
        shares = self.probabilities
        best = int(shares.argmax())
        answer = self.text("answer", name=self.classes[best], share=f"{100 * shares[best]:.0f}%")
        if self.label is None:
            truth = self.text("no_truth")
        else:
            kind = "right" if self.label == best else "wrong"
            truth = self.text(kind, name=self.classes[self.label])
        return f"{self.text('alternative')} {answer} {truth} {self._here()}"

    def _here(self):
        channel, row, column = self.position
        value = float(self.activations[self.layer][channel, row, column])
        names = {"row": row + 1, "column": column + 1}
        if self.layer == "logits":
            unit = self.text("unit_logit", name=self.classes[channel])
        elif self.layer == "input":
            unit = self.text("unit_pixel", **names)
        else:
            unit = self.text("unit", layer=self.text(self.layer), map=channel + 1, **names)
        return self.text("here", unit=unit, value=f"{value:.2f}".replace("-", "−"))

    def still(self):
        from matplotlib.colors import LinearSegmentedColormap
        from matplotlib.patches import Rectangle

        values, shares = self.activations, self.probabilities
        green = LinearSegmentedColormap.from_list("green", ["#ffffff", LIGHT_GREEN])
        green = green.with_extremes(bad="#dfe4ea")  # the rims between the maps
        plot = blank(9.6, 2.6)
        columns = plot.subplots(1, 6, width_ratios=(2, 1.05, 1.05, 2, 2, 1.7))
        channel, row, column = self.position
        for axes, (name, maps) in zip(columns, values.items(), strict=False):
            size = self.text("softmax") if name == "logits" else size_text(maps.shape)
            axes.set_title(f"{self.text(name)}\n{size}", fontsize=9)
            axes.set_anchor("N")
            if name == "logits":
                break
            wide = {1: 1, 8: 2, 16: 4}[len(maps)]
            most = max(np.quantile(maps, 0.995), 1e-6)
            sheet, corners = _sheet(maps, wide)
            gray = name == "input"
            sheet = np.pad(self.picture, 1) if gray else sheet
            axes.imshow(sheet, cmap="gray" if gray else green, vmin=0, vmax=255 if gray else most)
            axes.set_axis_off()
            if name == self.layer:
                top, left = corners[channel]
                place = (left + column - 1, top + row - 1)
                axes.add_patch(Rectangle(place, 2, 2, fill=False, ec=GREEN, lw=2))
        bars = axes.barh(self.classes, shares, color=LIGHT_GREEN)
        axes.bar_label(bars, [f"{100 * share:.0f}%" for share in shares], padding=2, fontsize=8)
        axes.invert_yaxis()
        axes.set(xlim=(0, 1.3), xticks=[])
        axes.tick_params("y", labelsize=8, length=0)
        axes.spines[:].set_visible(False)
        return plot


def _sheet(maps, wide):
    """Maps (C, H, W) side by side, `wide` in a row, on a white-rimmed sheet; their corners."""
    count, height, width = maps.shape
    sheet = np.full((count // wide * (height + 2), wide * (width + 2)), np.nan)
    corners = [(k // wide * (height + 2) + 1, k % wide * (width + 2) + 1) for k in range(count)]
    for (top, left), one in zip(corners, maps, strict=True):
        sheet[top : top + height, left : left + width] = one
    return sheet, corners
