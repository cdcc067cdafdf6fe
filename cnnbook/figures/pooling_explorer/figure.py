"""The pooling explorer: a window over a picture, and what a shift of the picture changes."""

from functools import partial

import numpy as np
import traitlets

from cnnbook import convolution, language
from cnnbook.figures.figure import Figure, StateError, blank
from cnnbook.figures.palette import BLUE, GREEN, ORANGE, QUIET
from cnnbook.figures.tables import (
    draw_table,
    from_rows,
    grid,
    labelled_grids,
    size_text,
    table_trait,
)
from cnnbook.figures.traits import choice, inside, nearest, number

POOLING_INPUT = from_rows(
    "0 0 1 3 2 0; 0 2 5 7 4 1; 1 6 8 8 3 0; 0 4 9 5 2 0; 0 1 4 2 0 0; 3 3 0 1 0 0"
)
MOST_SHIFT, LEAST = 4, 4  # cells; rows and columns of the picture


class PoolingExplorer(Figure):
    """A pooling window moves over a picture that the reader can shift by a few pixels.

    Raises ValueError if a value cannot be shown; it names the value.

    image : array_like (H, W), optional. 4 × 4 to 64 × 64; leading dimensions of size 1 are dropped.
        Default: the chapter's 6 × 6.
    kind : "max" or "average"
    window, stride : int. 2…4 and 1…4; the same for rows and columns.
    ceil : bool. Whether a last window counts that hangs over the edge.
    shift : (int, int). How many cells the picture is moved down and right, each -4…4. Zeros come
        in.
    position : (int, int). Row and column of the output cell that is shown.
    gradient : bool. Whether each input cell shows the gradient it gets when every output cell hands
        back 1.
    pictures : dict of str to array_like, optional. More inputs that the reader can choose in the
        page, by label.
    """

    image = table_trait(partial(grid, least=LEAST))
    kind = choice(("max", "average"), "max")
    window, stride = number(2, 2, 4), number(2, 1, 4)
    ceil = traitlets.Bool(False).tag(sync=True)
    shift = traitlets.List(traitlets.Int(), [0, 0]).tag(sync=True)
    position = traitlets.List(traitlets.Int(), [0, 0]).tag(sync=True)
    gradient = traitlets.Bool(False).tag(sync=True)
    pictures = traitlets.Dict().tag(sync=True)
    fixed = ("pictures",)

    def __init__(self, image=None, pictures=None, **state):
        example = {language.text("pooling_explorer.example"): POOLING_INPUT}
        given = labelled_grids("pictures", pictures or {}, LEAST)
        pictures = labelled_grids("pictures", example) | given
        image = POOLING_INPUT if image is None else image
        super().__init__(image=image, pictures=pictures, **state)

    @property
    def shifted(self):
        """The picture moved by `shift`, (H, W)."""
        down, right = self.shift
        rows, columns = self.image.shape
        padded = np.pad(self.image, MOST_SHIFT)
        top, left = MOST_SHIFT - down, MOST_SHIFT - right
        return padded[top : top + rows, left : left + columns]

    @property
    def output(self):
        """The pooled picture, as `cnnbook.convolution` computes it, (rows, columns)."""
        return self._pool(self.shifted)

    @property
    def changed(self):
        """Which output cells differ from those of the picture that is not shifted, as bool."""
        return self.output != self._pool(self.image)

    @property
    def input_gradient(self):
        """What each input cell gets when every output cell hands back 1, (H, W)."""
        gradient = np.zeros(self.image.shape)
        for place, largest in self._windows():
            count = largest.size
            gradient[place] += largest if self.kind == "max" else np.full(largest.shape, 1 / count)
        return gradient

    def _windows(self):
        """Of each output cell: the slices of the input under it, and where its largest number is,
        as bool; of several the first, which gets all of the gradient, as in torch."""
        for row, column in np.ndindex(self.output.shape):
            top, left = row * self.stride, column * self.stride
            place = np.s_[top : top + self.window, left : left + self.window]
            window = self.shifted[place]
            yield place, np.arange(window.size).reshape(window.shape) == window.argmax()

    def _pool(self, picture):
        pool = {"max": convolution.max_pool2d, "average": convolution.avg_pool2d}[self.kind]
        return pool(picture[None, None], self.window, self.stride, ceil_mode=self.ceil)[0, 0]

    @traitlets.validate("shift")
    def _check_shift(self, proposal):
        value = proposal["value"]
        if len(value) != 2 or not all(abs(v) <= MOST_SHIFT for v in value):
            raise StateError(f"shift is {value}; it must be two numbers from -4 to 4")
        return value

    @traitlets.validate("position")
    def _check_position(self, proposal):
        return inside("position", proposal["value"], self.output.shape)

    @traitlets.observe("image", "window", "stride", "ceil")
    def _stay_inside(self, change):
        self.position = nearest(self.position, self.output.shape)

    def alternative_text(self):
        sizes = self.text(
            "alternative",
            image=size_text(self.image.shape),
            kind=self.text(self.kind),
            window=size_text((self.window, self.window)),
            stride=self.stride,
            output=size_text(self.output.shape),
        )
        return " ".join([sizes, self._here(), *([self._moved()] if any(self.shift) else [])])

    def still(self):
        from matplotlib.patches import Rectangle

        plot = blank(7.2, 3.9)
        axes = plot.subplots(1, 2)
        shifted, output = self.shifted, self.output
        row, column = (p * self.stride for p in self.position)
        span = shifted[row : row + self.window, column : column + self.window].shape
        frames = [((row, column), span), (self.position, (1, 1))]
        big = max(shifted.shape) > 14
        for axis, name, table, colour, frame in zip(
            axes, ("input", "output"), (shifted, output), (BLUE, GREEN), frames, strict=True
        ):
            draw_table(axis, table, "gray" if big else "Blues", colour, frame)
            axis.set_title(f"{self.text(name)} {size_text(table.shape)}")
            if big:  # too small for numbers
                for number in list(axis.texts):
                    number.remove()
        for row, column in np.argwhere(self.changed):
            style = {"fc": ORANGE, "alpha": 0.45} if big else {"fill": False, "ls": "--", "lw": 2}
            box = Rectangle((column - 0.42, row - 0.42), 0.84, 0.84, ec=ORANGE, **style)
            axes[1].add_patch(box)
        self._mark_input(axes[0], big)
        if self.gradient and not big:
            for (row, column), share in np.ndenumerate(self.input_gradient):
                place = (column + 0.45, row - 0.45)
                style = {"ha": "right", "va": "top", "fontsize": 8, "color": ORANGE}
                axes[0].text(*place, f"{share:.3g}" if share else "", **style)
        plot.supxlabel(self._moved() if any(self.shift) else self._here(), fontsize=11)
        return plot

    def _mark_input(self, axis, big):
        """A circle around the largest number of each window; hatched what is in no window."""
        from matplotlib.patches import Circle, Rectangle

        used, largest = np.zeros((2, *self.image.shape), bool)
        for place, winner in self._windows():
            used[place] = True
            largest[place] |= winner
        for row, column in np.argwhere(~used):
            corner = (column - 0.5, row - 0.5)
            axis.add_patch(Rectangle(corner, 1, 1, fill=False, hatch="///", ec=QUIET, lw=0))
        if self.kind == "max" and not big:
            for row, column in np.argwhere(largest):
                axis.add_patch(Circle((column, row), 0.38, fill=False, ec=BLUE, lw=1.2))

    def _here(self):
        row, column = self.position
        value = f"{self.output[row, column]:.6g}"
        return self.text("here", row=row + 1, column=column + 1, value=value)

    def _moved(self):
        down, right = self.shift
        counts = {"changed": int(self.changed.sum()), "total": self.changed.size}
        return self.text("moved", down=down, right=right, **counts)
