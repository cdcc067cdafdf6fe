"""A kernel that moves in one, two or three directions: the same sum on a line, a square, a box."""

from math import prod

import numpy as np
import traitlets

from cnnbook import convolution
from cnnbook.arrays import numbers_of, shortened
from cnnbook.figures.convolution_explorer.figure import COURSE_INPUT
from cnnbook.figures.figure import Figure, StateError, blank
from cnnbook.figures.palette import BLUE, GREEN, ORANGE, PURPLE
from cnnbook.figures.tables import KERNELS, size_text
from cnnbook.figures.traits import inside, nearest, number

DEPTH, ROW, COLUMN = np.indices((4, 4, 4))
SIGNAL = (
    np.array([[2, 3, 3, 7, 8, 8, 4, 2], [1, 0, 1, 1, 0, 2, 0, 1]]),
    np.array([[-1, 0, 1], [1, 1, 1]]),
)
PICTURE = (
    np.stack([COURSE_INPUT, COURSE_INPUT[::-1, ::-1].T]),
    np.array([KERNELS["course"], KERNELS["vertical_edges"]]),
)
VOLUME = (
    np.stack([(DEPTH + 2 * ROW + 3 * COLUMN + ROW * COLUMN) % 4, (ROW + COLUMN * DEPTH) % 3]),
    np.array([[[[1, 0], [0, 1]], [[0, -1], [1, 0]]], [[[1, 1], [0, 0]], [[0, 0], [0, -1]]]]),
)
MOST_SIZE, MOST_CELLS = {1: 10, 2: 7, 3: 6}, 27  # cells an axis; cells of one kernel
SLANT, SLOPE, GAP = 0.42, 0.62, 0.5  # how a slice of a volume is drawn; as in figure.js


def to_text(array):
    """(C, D, H, W) as "1 0; 0 1 | 2 1; 1 0 / …": channels / slices | rows ; numbers."""
    return " / ".join(
        " | ".join("; ".join(" ".join(f"{v:g}" for v in row) for row in table) for table in box)
        for box in array
    )


class KernelMotion(Figure):
    """A kernel moves along as many directions as its convolution has; the output fills up.

    Raises ValueError if a value cannot be shown; it names the value.

    directions : 1, 2 or 3. Which of the three convolutions is shown.
    signal, picture, volume : (input, kernel), optional. What 1, 2 and 3 directions show. `input`
        ``(C, *size)`` and `kernel` ``(C, *kernel size)`` hold at most 2 channels, 10, 7 × 7 or 6 ×
        6 × 6 numbers a channel, and 27 weights a kernel.
    channels : 1 or 2. How many of the channels are used.
    position : (int, int, int). Slice, row and column of the output cell that is shown; 0 for
        directions there are not.
    """

    directions = number(1, 1, 3)
    channels = traitlets.Int(1).tag(sync=True)
    position = traitlets.List(traitlets.Int(), [0, 0, 0]).tag(sync=True)
    inputs = traitlets.List(traitlets.Unicode()).tag(sync=True)
    kernels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    fixed = ("inputs", "kernels")

    def __init__(self, directions=1, signal=SIGNAL, picture=PICTURE, volume=VOLUME, **state):
        pairs = enumerate((signal, picture, volume), start=1)
        self._boxes = [_boxes(axes, pair) for axes, pair in pairs]
        inputs, kernels = ([to_text(box[k]) for box in self._boxes] for k in (0, 1))
        super().__init__(inputs=inputs, kernels=kernels, directions=directions, **state)

    @property
    def shown(self):
        """The input (C, D, H, W) and the kernel (C, KD, KH, KW) of the present choice."""
        return tuple(box[: self.channels] for box in self._boxes[self.directions - 1])

    @property
    def output(self):
        """The output (D, H, W), by :func:`cnnbook.convolution.conv3d`."""
        box, kernel = self.shown
        return convolution.conv3d(box[None], kernel[None])[0, 0]

    @traitlets.validate("channels")
    def _check_channels(self, proposal):
        value, most = proposal["value"], len(self._boxes[self.directions - 1][0])
        if not 1 <= value <= most:
            raise StateError(f"channels is {value}; it must lie between 1 and {most}")
        return value

    @traitlets.validate("position")
    def _check_position(self, proposal):
        return inside("position", proposal["value"], self.output.shape)

    @traitlets.observe("directions")
    def _stay_inside(self, change):
        self.channels = min(self.channels, len(self._boxes[self.directions - 1][0]))
        self.position = nearest(self.position, self.output.shape)

    def alternative_text(self):
        box, kernel = self.shown
        own = slice(3 - self.directions, 3)  # the directions there are
        return self.text(
            "alternative",
            directions=self.directions,
            channels=self.channels,
            input=size_text(box.shape[1:][own]),
            kernel=size_text(kernel.shape[1:][own]),
            output=size_text(self.output.shape[own]),
            place=", ".join(str(p + 1) for p in self.position[own]),
            value=f"{self.output[tuple(self.position)]:g}",
        )

    def still(self):
        box, kernel = self.shown
        output, start = self.output, self.position
        boards = [("input", one, BLUE, start, kernel.shape[1:]) for one in box]
        boards += [("kernel", one, ORANGE, start, (0, 0, 0)) for one in kernel]
        boards += [("output", output, GREEN, start, (1, 1, 1))]
        deep, upright = self.directions == 3, self.directions == 1
        wide = [one.shape[2] + SLANT * one.shape[1] * deep for _, one, *_ in boards]
        size = (5, 0.9 * len(boards)) if upright else (0.36 * sum(wide) + 0.4 * len(boards), 3.7)
        plot = blank(*size)
        shape = (len(boards), 1) if upright else (1, len(boards))
        rows = plot.subplots(*shape, squeeze=False, width_ratios=None if upright else wide)
        for k, (axes, (name, *look)) in enumerate(zip(rows.flat, boards, strict=True)):
            _draw(axes, deep, *look)
            channel = self.text("channel", number=k % len(box)) if k < 2 * len(box) else ""
            title = f"{self.text(name)} {channel if len(box) > 1 else ''}"
            axes.set_title(title.strip(), fontsize=10, loc="left")
            axes.set_xlim(-0.2, (max(wide) if upright else axes.get_xlim()[1]) + 0.2)
        return plot


def _corner(table, deep, d, i, j):
    """Where the corner of a cell is drawn: flat, or on the slice `d` of a stack of slices."""
    if not deep:
        return j, i
    rows = table.shape[1]
    return j + SLANT * (rows - i), SLOPE * i + d * (SLOPE * rows + GAP)


def _draw(axes, deep, table, colour, start, size):
    """The slices of `table` (D, H, W), each cell with its number, and a frame around a box."""
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Polygon

    most = max(np.abs(table).max(), 1)
    for place, value in np.ndenumerate(table):
        ring = [(0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 0)]
        corners = [_corner(table, deep, *np.add(place, step)) for step in ring]
        inside = all(s <= p < s + n for p, s, n in zip(place, start, size, strict=True))
        tint = colour if value >= 0 else PURPLE
        face = (*to_rgb(tint), 0.1 + 0.35 * abs(value) / most)
        look = {"ec": colour if inside else "#9aa4ae", "lw": 2.5 if inside else 0.8}
        axes.add_patch(Polygon(corners, fc=face, zorder=3 if inside else 2, **look))
        x, y = np.mean(corners, axis=0)
        label = f"{value:g}".replace("-", "−")
        axes.text(x, y, label, ha="center", va="center", fontsize=10, zorder=4)
    right, low = np.max([_corner(table, deep, *s) for s in np.ndindex(*np.add(table.shape, 1))], 0)
    axes.set(xlim=(0, right), ylim=(low - (SLOPE * table.shape[1] + GAP) * deep + 0.2, -0.2))
    axes.set_aspect("equal", anchor="NW")
    axes.set_axis_off()


def _boxes(axes, pair):
    """Input and kernel as (C, D, H, W), with sizes of 1 for the directions there are not."""
    name, most = ("signal", "picture", "volume")[axes - 1], MOST_SIZE[axes]
    try:
        box, kernel = arrays = [numbers_of(array, name) for array in pair]
    except (TypeError, ValueError):
        raise StateError(f"{name} is {shortened(pair)}; it must be (input, kernel)") from None
    for array in arrays:
        if array.ndim != axes + 1 or array.dtype == bool or not np.isfinite(array).all():
            raise StateError(
                f"{name} has shape {array.shape}, type {array.dtype}; it must hold finite numbers "
                f"along {axes + 1} axes, the channel first"
            )
    fits = all(k <= n <= most for k, n in zip(kernel.shape[1:], box.shape[1:], strict=True))
    channels_fit = len(box) == len(kernel) and len(box) in (1, 2)
    cells = prod(kernel.shape[1:])
    if not channels_fit or not fits or not box.size or not 1 <= cells <= MOST_CELLS:
        raise StateError(
            f"{name} has an input {box.shape} and a kernel {kernel.shape}; this figure shows 1 or "
            f"2 channels, up to {most} cells an axis, a kernel that fits, of at most {MOST_CELLS}"
        )
    return tuple(a.reshape(len(a), *[1] * (3 - axes), *a.shape[1:]) for a in arrays)
