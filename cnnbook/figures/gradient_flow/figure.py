"""Gradients flow back through a convolution: from an output cell to its window and the kernel."""

from functools import partial

import numpy as np
import traitlets

from cnnbook import convolution
from cnnbook.figures.figure import Figure, StateError, blank
from cnnbook.figures.palette import BLUE, GREEN, ORANGE
from cnnbook.figures.tables import draw_table, from_rows, grid, size_text, table_trait
from cnnbook.figures.traits import inside, same_shape

MOST = 8  # rows and columns of the input
TABLES = ("image", "kernel", "upstream")


class GradientFlow(Figure):
    """The backward pass of a convolution, one output cell at a time or all of them added up.

    Raises ValueError if a value cannot be shown; it names the value.

    image : array_like (H, W), up to 8 × 8. Default: the chapter's 3 × 3.
    kernel : array_like (KH, KW), not larger than the image
    upstream : array_like (H − KH + 1, W − KW + 1). The gradient of each output cell.
    position : (int, int). Row and column of the output cell that is chosen.
    collect : bool. Whether the cells before it, in reading order, are added up with it.

    The numbers can be changed later, the sizes cannot.
    """

    image = table_trait(partial(grid, limit=MOST))
    kernel = table_trait(partial(grid, limit=MOST))
    upstream = table_trait(partial(grid, limit=MOST))
    position = traitlets.List(traitlets.Int(), [0, 0]).tag(sync=True)
    collect = traitlets.Bool(False).tag(sync=True)

    def __init__(self, image=None, kernel=None, upstream=None, **state):
        image = from_rows("1 2 0; 3 1 2; 0 1 1") if image is None else image
        kernel = from_rows("1 2; 3 4") if kernel is None else kernel
        image, kernel = grid("image", image, MOST), grid("kernel", kernel, MOST)
        shape = tuple(n - k + 1 for n, k in zip(image.shape, kernel.shape, strict=True))
        if min(shape) < 1:
            sizes = f"{size_text(image.shape)} image"
            raise StateError(f"kernel has shape {kernel.shape}; it must fit into the {sizes}")
        if upstream is None:
            upstream = from_rows("1 -1; 2 0") if shape == (2, 2) else np.ones(shape)
        upstream = grid("upstream", upstream, MOST)
        if upstream.shape != shape:
            raise StateError(f"upstream has shape {upstream.shape}; the output has {shape}")
        super().__init__(image=image, kernel=kernel, upstream=upstream, **state)

    @property
    def counted(self):
        """The gradients of the output cells that count, 0 for the others, (rows, columns)."""
        place = np.ravel_multi_index(self.position, self.upstream.shape)
        order = np.arange(self.upstream.size).reshape(self.upstream.shape)
        return np.where(order <= place if self.collect else order == place, self.upstream, 0)

    @property
    def gradients(self):
        """What input (H, W) and kernel (KH, KW) receive, and the bias."""
        tables = (self.counted, self.image, self.kernel)
        counted, image, kernel = (table[None, None] for table in tables)
        found = convolution.conv2d_gradients(counted, image, kernel)
        return found[0][0, 0], found[1][0, 0], float(found[2][0])

    @traitlets.validate(*TABLES)
    def _keep_the_size(self, proposal):
        return same_shape(self, proposal)

    @traitlets.validate("position")
    def _check_position(self, proposal):
        return inside("position", proposal["value"], self.upstream.shape)

    def alternative_text(self):
        names = {"image": self.image, "kernel": self.kernel, "output": self.upstream}
        sizes = {name: size_text(table.shape) for name, table in names.items()}
        return f"{self.text('alternative', **sizes)} {self._here()}"

    def still(self):
        plot = blank(7.2, 3.6)
        axes = plot.subplots(1, 3)
        to_image, to_kernel, _ = self.gradients
        window = (self.position, self.kernel.shape)
        draw_table(axes[0], self.upstream, "PRGn", GREEN, (self.position, (1, 1)))
        draw_table(axes[1], self.image, "Blues", BLUE, window)
        draw_table(axes[2], self.kernel, "PuOr_r", ORANGE, None)
        for axis, name, table in zip(
            axes, ("output", "input", "kernel"), (self.upstream, self.image, self.kernel),
            strict=True,
        ):  # fmt: skip
            size = size_text(table.shape)
            axis.set_title(self.text("size", name=self.text(name), size=size))
        for axis, table in ((axes[1], to_image), (axes[2], to_kernel)):
            for (row, column), value in np.ndenumerate(table):
                style = {"ha": "right", "va": "top", "fontsize": 10, "color": ORANGE}
                axis.text(column + 0.45, row - 0.45, f"{value:.3g}" if value else "", **style)
        plot.supxlabel(self._here(), fontsize=10)
        return plot

    def _here(self):
        row, column = self.position
        count = int(np.ravel_multi_index(self.position, self.upstream.shape)) + 1
        if self.collect:
            name = "whole" if count == self.upstream.size else "sum_here"
            return self.text(name, count=count)
        value = f"{self.upstream[row, column]:.6g}"
        return self.text("here", row=row + 1, column=column + 1, g=value)
