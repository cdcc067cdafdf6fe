"""Several channels: each meets a kernel of its own, and the results are added into one map."""

import numpy as np
import traitlets

from cnnbook import convolution, language
from cnnbook.arrays import shortened
from cnnbook.figures.figure import Figure, StateError, blank
from cnnbook.figures.palette import BLUE, GREEN, ORANGE
from cnnbook.figures.tables import draw_table, floats, sealed, size_text, table_trait
from cnnbook.figures.traits import inside, same_shape

MOST, MOST_OF_A_KERNEL, MOST_CHANNELS, MOST_FILTERS = 8, 3, 3, 6
COLOURS = ("red", "green", "blue")

PICTURE = np.array([  # a red square with a green one on its left, on grey: 0 is dark, 9 bright
    [[3, 3, 3, 3, 3, 3], [3, 0, 0, 9, 9, 3], [3, 0, 0, 9, 9, 3],
     [3, 0, 0, 9, 9, 3], [3, 3, 3, 3, 3, 3], [9, 9, 9, 0, 0, 0]],
    [[3, 3, 3, 3, 3, 3], [3, 8, 8, 0, 0, 3], [3, 8, 8, 0, 0, 3],
     [3, 8, 8, 0, 0, 3], [3, 3, 3, 3, 3, 3], [9, 9, 9, 0, 0, 0]],
    [[3, 3, 3, 3, 3, 3], [3, 0, 0, 0, 0, 3], [3, 0, 0, 0, 0, 3],
     [3, 0, 0, 0, 0, 3], [3, 3, 3, 3, 3, 3], [9, 9, 9, 0, 0, 0]],
])  # fmt: skip
EDGE = np.array([[-1, 0, 1]] * 3)
DOT = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
FILTERS = {
    "red": np.stack([DOT, -0.5 * DOT, -0.5 * DOT]),
    "grey": np.stack([DOT, DOT, DOT]) / 3,
    "edge": np.stack([EDGE, EDGE, EDGE]),
    "border": np.stack([EDGE, -EDGE, 0 * EDGE]),
}


class ChannelExplorer(Figure):
    """A convolution over several channels, number by number.

    Raises ValueError if a value cannot be shown; it names the value.

    image : array_like (C, H, W), optional. Up to 3 channels of up to 8 × 8. Three are shown as red,
        green and blue, and together as a colour picture. Default: such a picture.
    filters : array_like (F, C, kH, kW) or dict of str to array_like (C, kH, kW), optional. Up to 6,
        kernels of up to 3 × 3. Default: four filters for colours.
    chosen : int. The filter that is shown, from 0.
    biases : sequence of F numbers, optional. Default: 0.
    position : (int, int). Row and column of the output cell that is shown.

    The numbers can be changed later, the sizes cannot.
    """

    image = table_trait(lambda name, value: _stack(name, value, 3, MOST))
    filters = table_trait(lambda name, value: _stack(name, value, 4, MOST_OF_A_KERNEL))
    biases = traitlets.List(traitlets.Float()).tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    chosen = traitlets.Int(0).tag(sync=True)
    position = traitlets.List(traitlets.Int(), [0, 0]).tag(sync=True)
    fixed = ("names",)

    def __init__(self, image=None, filters=None, biases=None, **state):
        if filters is None:
            text = language.words("channel_explorer")
            filters = {text[f"filter_{name}"]: table for name, table in FILTERS.items()}
        names = list(filters) if isinstance(filters, dict) else None
        filters = list(filters.values()) if isinstance(filters, dict) else filters
        image = _stack("image", PICTURE if image is None else image, 3, MOST)
        filters = _stack("filters", filters, 4, MOST_OF_A_KERNEL)
        fits = zip(filters.shape[1:], image.shape, strict=True)
        if filters.shape[1] != len(image) or not all(k <= n for k, n in fits):
            raise StateError(
                f"filters has shape {filters.shape}; an image {image.shape} needs (F, {len(image)}"
                ", kH, kW), kernels that fit into it"
            )
        if names is None:
            name = "channel_explorer.own_filter"
            names = [language.text(name, number=number) for number in range(len(filters))]
        if not all(isinstance(name, str) for name in names):
            raise StateError(f"filters is {shortened(names)}; its labels must be words")
        biases = [0.0] * len(filters) if biases is None else biases
        tables = {"image": image, "filters": filters, "biases": biases, "names": names}
        super().__init__(**tables, **state)

    @property
    def partial(self):
        """What each channel and its kernel make, before they are added, (C, rows, columns)."""
        kernels = self.filters[self.chosen][:, None]  # (C, 1, kH, kW)
        return convolution.conv2d(self.image[None], kernels, groups=len(self.image))[0]

    @property
    def output(self):
        """The feature map of the chosen filter, (rows, columns)."""
        return self.partial.sum(axis=0) + self.biases[self.chosen]

    @traitlets.validate("image", "filters")
    def _keep_the_size(self, proposal):
        return same_shape(self, proposal)

    @traitlets.validate("biases")
    def _check_biases(self, proposal):
        value = proposal["value"]
        if len(value) != len(self.filters) or not np.isfinite(value).all():
            raise StateError(f"biases is {value}; {len(self.filters)} finite numbers are needed")
        return value

    @traitlets.validate("chosen")
    def _check_chosen(self, proposal):
        value, most = proposal["value"], len(self.filters) - 1
        if not 0 <= value <= most:
            raise StateError(f"chosen is {value}; it must lie between 0 and {most}")
        return value

    @traitlets.validate("position")
    def _check_position(self, proposal):
        return inside("position", proposal["value"], self._output_shape())

    def _output_shape(self):
        pairs = zip(self.image.shape[1:], self.filters.shape[2:], strict=True)
        return tuple(n - k + 1 for n, k in pairs)

    def alternative_text(self):
        sizes = {"size": size_text(self.image.shape[1:]), "channels": len(self.image)}
        sizes |= {"kernel": size_text(self.filters.shape[2:]), "filters": len(self.filters)}
        return f"{self.text('alternative', name=self.names[self.chosen], **sizes)} {self._here()}"

    def still(self):
        count, kernel = len(self.image), self.filters[self.chosen]
        plot = blank(8.2, 1.9 * count + 0.4, h_pad=0.1)
        grid = plot.add_gridspec(count, 4, width_ratios=(3, 1.6, 2.4, 3.2))
        window = (self.position, kernel.shape[1:])
        for channel in range(count):
            boards = [
                ("input", self.image[channel], "Blues", BLUE, window),
                ("kernel", kernel[channel], "PuOr_r", ORANGE, None),
                ("partial", self.partial[channel], "PRGn", GREEN, (self.position, (1, 1))),
            ]
            for column, (name, *board) in enumerate(boards):
                axis = plot.add_subplot(grid[channel, column])
                draw_table(axis, *board)
                axis.set_title(self.text(name, name=self._channel(channel)), fontsize=9)
        axis = plot.add_subplot(grid[:, 3])
        draw_table(axis, self.output, "PRGn", GREEN, (self.position, (1, 1)))
        axis.set_title(f"{self.names[self.chosen]}\n{self.text(self._output_name())}", fontsize=9)
        plot.supxlabel(self._here(), fontsize=10)
        return plot

    def _output_name(self):
        return {1: "output_one", 2: "output_two", 3: "output"}[len(self.image)]

    def _channel(self, number):
        if len(self.image) == MOST_CHANNELS:
            return self.text(COLOURS[number])
        return self.text("channel", number=number)

    def _here(self):
        row, column = self.position
        parts = [_written(part) for part in self.partial[:, row, column]]
        parts.append(self.text("plus_bias", bias=_written(self.biases[self.chosen])))
        values = {"sum": " + ".join(parts), "value": f"{self.output[row, column] + 0:.4g}"}
        return self.text("here", row=row + 1, column=column + 1, **values)


def _written(number):
    return f"{number + 0:.4g}" if number >= 0 else f"({number:.4g})"


def _stack(name, value, axes, most):
    """`value` as a float array with so many axes, the last two of at most `most`."""
    array = floats(name, value, "numbers")
    limits = [MOST_FILTERS, MOST_CHANNELS, most, most][4 - axes :]
    fits = array.ndim == axes and all(1 <= n <= m for n, m in zip(array.shape, limits, strict=True))
    if not fits:
        raise StateError(f"{name} has shape {array.shape}; at most {tuple(limits)} can be shown")
    return sealed(name, array)
