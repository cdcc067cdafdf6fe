"""Shuffle and shift: what the sums of a dense unit and of a convolution make of it."""

from typing import Any

import numpy as np
import traitlets

from cnnbook import convolution
from cnnbook.arrays import numbers_of
from cnnbook.figures.figure import Figure, StateError, blank
from cnnbook.figures.palette import BLUE, GREEN, ORANGE
from cnnbook.figures.tables import KERNELS, frame, grid, size_text, table_trait
from cnnbook.figures.traits import number

FARTHEST = 5  # pixels that the picture can be moved
ROWS = ("dense", "convolution")


class ShuffleExplorer(Figure):
    """A picture that the reader moves and shuffles, and two sums that follow.

    Raises ValueError if a value cannot be shown; it names the value.

    The fully connected sum multiplies each pixel by a weight of its own; shuffling puts the
    weights into the same new order as the pixels. The convolution sum adds up the feature map of
    one 3 × 3 kernel, negative values counted as 0.

    picture : array_like (H, W) of whole numbers, at most 64 × 64; leading dimensions of 1 drop
    weights : array_like (H, W) of whole numbers, of one fully connected unit
    kernel : array_like (3, 3), optional. Default: vertical edges.
    order : array_like (H·W,), optional. Place k of the shuffled picture shows pixel ``order[k]``.
        Default: ``numpy.random.default_rng(0).permutation(H * W)``.
    window : (int, int). Top left corner of the nine marked pixels.
    shifted : dict, optional. Measured accuracies at shifts of 0 … 5 px, ``{"dense": [6 numbers],
        "convolution": […]}``.
    mixed : dict, optional. Measured accuracies on shuffled pictures, ``{"dense": number,
        "convolution": number}``.
    """

    picture = table_trait()
    weights = table_trait()
    kernel = table_trait()
    order = traitlets.List(traitlets.Int()).tag(sync=True)
    window = traitlets.List(traitlets.Int(), [9, 9]).tag(sync=True)
    shuffled = traitlets.Bool(False).tag(sync=True)
    shift = number(0, -FARTHEST, FARTHEST)
    shifted = traitlets.Dict().tag(sync=True)
    mixed = traitlets.Dict().tag(sync=True)
    fixed = ("picture", "weights", "kernel", "order")

    def __init__(self, picture, weights, kernel=KERNELS["vertical_edges"], order=None, **state):
        picture, weights = _whole("picture", picture), _whole("weights", weights)
        if picture.shape != weights.shape:
            shapes = f"{picture.shape}, but weights {weights.shape}"
            raise StateError(f"picture has shape {shapes}; they must be the same")
        if order is None:
            order = np.random.default_rng(0).permutation(picture.size)
        order = np.asarray(order).tolist()
        if not isinstance(order, list) or set(order) != set(range(picture.size)):
            raise StateError(f"order must hold each of 0 … {picture.size - 1} once")
        kernel = _whole("kernel", kernel)
        super().__init__(picture=picture, weights=weights, kernel=kernel, order=order, **state)

    @traitlets.validate("window")
    def _check_window(self, proposal):
        value, limits = proposal["value"], [size - 3 for size in self.picture.shape]
        if len(value) != 2 or any(not 0 <= v <= n for v, n in zip(value, limits, strict=True)):
            raise StateError(f"window is {value}; its corner must lie in (0, 0) … {tuple(limits)}")
        return value

    @traitlets.validate("shifted", "mixed")
    def _check_accuracies(self, proposal):
        value, name = proposal["value"], proposal["trait"].name
        shape = (FARTHEST + 1,) if name == "shifted" else ()
        shares = {}
        for row, found in value.items():
            try:
                found = numbers_of(found).astype(float)
            except ValueError:
                found = np.array([])
            if row not in ROWS or found.shape != shape or not ((found >= 0) & (found <= 1)).all():
                raise StateError(f"{name} holds {row}: {value[row]}; see ShuffleExplorer")
            shares[row] = found.tolist()
        return shares

    def moved(self, shift):
        """The picture moved right by `shift` pixels, zeros moving in, (H, W)."""
        padded = np.pad(self.picture, ((0, 0), (FARTHEST, FARTHEST)))
        return padded[:, FARTHEST - shift : FARTHEST - shift + self.picture.shape[1]]

    def arranged(self, table):
        """`table` (H, W) in the order that is shown now."""
        return table.flat[self.order].reshape(table.shape) if self.shuffled else table

    def feature_map(self, table):
        """(H, W) to (H - 2, W - 2): the kernel over `table`, negative values as 0."""
        return np.maximum(convolution.conv2d(table[None, None], self.kernel[None, None])[0, 0], 0)

    def sums(self):
        """The four numbers of the figure: dense and convolution, before and now."""
        seen = self.arranged(self.moved(self.shift))
        return {
            "dense_before": int((self.picture * self.weights).sum()),
            "dense": int((seen * self.arranged(self.weights)).sum()),
            "convolution_before": int(self.feature_map(self.picture).sum()),
            "convolution": int(self.feature_map(seen).sum()),
        }

    def accuracy(self, name):
        """The measured accuracy of what is shown, or None where none was measured."""
        if self.shuffled:
            return None if self.shift else self.mixed.get(name)
        return self.shifted[name][abs(self.shift)] if name in self.shifted else None

    def alternative_text(self):
        numbers = {name: f"{value:,}" for name, value in self.sums().items()}
        order = self.text("shuffled" if self.shuffled else "in_order")
        size = size_text(self.picture.shape)
        sentence = self.text("alternative", size=size, shift=self.shift, order=order, **numbers)
        found = {name: self.accuracy(name) for name in ROWS}
        if None in found.values():
            return sentence
        found = {name: f"{100 * value:.1f}%" for name, value in found.items()}
        return f"{sentence} {self.text('alternative_accuracy', **found)}"

    def still(self):
        seen, weights = self.arranged(self.moved(self.shift)), self.arranged(self.weights)
        plot = blank(7.2, 3.4, h_pad=0.12)
        places: Any = [["picture", "weights", "map"], ["strip"] * 3]
        axes = plot.subplot_mosaic(places, height_ratios=(7, 1))
        most = max(abs(self.weights).max(), 1)
        axes["picture"].imshow(seen, cmap="gray")
        axes["weights"].imshow(weights, cmap="PRGn", vmin=-most, vmax=most)
        axes["map"].imshow(self.feature_map(seen), cmap="Greens")
        axes["strip"].imshow(seen.reshape(1, -1), cmap="gray", aspect="auto")
        titles = ("picture", "weights", "feature_map")
        for axis, name, colour in zip(axes.values(), titles, (BLUE, ORANGE, GREEN), strict=False):
            axis.set_title(self.text(name), color=colour)
        axes["strip"].set_title(self.text("strip", count=seen.size), fontsize=10)
        for cell in self.marks():
            frame(axes["picture"], cell, (1, 1), "#56B4E9", 1.5)
        for axis in axes.values():
            axis.set(xticks=[], yticks=[])
        sums = {name: f"{value:,}" for name, value in self.sums().items()}
        lines = [f"{self.text(name)} Σ  {sums[name + '_before']} → {sums[name]}" for name in ROWS]
        plot.supxlabel("      ".join(lines), fontsize=11)
        return plot

    def marks(self):
        """Where the nine marked pixels are now: a list of (row, column)."""
        height, width = self.picture.shape
        top, left = self.window
        cells = [(top + i, left + j + self.shift) for i in range(3) for j in range(3)]
        places = [row * width + column for row, column in cells if 0 <= column < width]
        if self.shuffled:
            places = [self.order.index(place) for place in places]
        return [divmod(place, width) for place in places]


def _whole(name, value):
    array = grid(name, value, least=3)
    if name == "kernel" and array.shape != (3, 3):
        raise StateError(f"kernel has shape {array.shape}; this figure shows 3 × 3")
    if not (array == array.round()).all():
        raise StateError(f"{name} holds {array[array != array.round()][0]}; it needs whole numbers")
    array = array.astype(int)
    array.setflags(write=False)  # a change in place would not reach the page
    return array
