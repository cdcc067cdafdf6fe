"""The convolution explorer: a kernel over an input, one window and one sum at a time."""

import numpy as np
import traitlets

from cnnbook import convolution, language
from cnnbook.figures.figure import Figure, blank
from cnnbook.figures.palette import BLUE, GREEN, ORANGE
from cnnbook.figures.tables import (
    KERNELS,
    draw_table,
    from_rows,
    grid,
    hatch,
    kernel_grid,
    labelled_grids,
    size_text,
    table_trait,
    to_rows,
)
from cnnbook.figures.traits import inside, nearest, number

COURSE_INPUT = from_rows(
    "1 0 0 0 0 1; 0 1 0 0 1 0; 0 0 1 1 0 0; 1 0 0 0 1 0; 0 1 0 0 1 0; 0 0 1 0 1 0"
)


class ConvolutionExplorer(Figure):
    """A kernel moves over an input; the sum at the present position is written out.

    Raises ValueError if a value cannot be shown; it names the value.

    image : array_like (H, W), optional. The input, at most 64 × 64; leading dimensions of size 1
        are dropped. Default: the course's 6 × 6 example.
    kernel : array_like (kH, kW) or str, optional. At most 5 × 5, or a name from `KERNELS`. Default:
        the course's 3 × 3 kernel.
    stride, padding, dilation : int. 1…4, 0…3 and 1…3; the same for rows and columns.
    position : (int, int). Row and column of the output cell that is shown.
    pictures : dict of str to array_like, optional. More inputs that the reader can choose in the
        page, by label.
    """

    image = table_trait(grid)
    kernel = table_trait(kernel_grid)
    stride, padding, dilation = number(1, 1, 4), number(0, 0, 3), number(1, 1, 3)
    position = traitlets.List(traitlets.Int(), [0, 0]).tag(sync=True)
    pictures = traitlets.Dict().tag(sync=True)
    kernels = traitlets.Dict().tag(sync=True)
    fixed = ("pictures", "kernels")

    def __init__(self, image=None, kernel="course", pictures=None, **state):
        image = COURSE_INPUT if image is None else image
        example = {language.text("convolution_explorer.example"): COURSE_INPUT}
        pictures = labelled_grids("pictures", example) | labelled_grids("pictures", pictures or {})
        kernels = {
            language.text(f"convolution_explorer.kernel_{name}"): to_rows(grid(name, table))
            for name, table in KERNELS.items()
        }
        super().__init__(image=image, kernel=kernel, pictures=pictures, kernels=kernels, **state)

    @property
    def output_shape(self):
        """Rows and columns of the output; 0 where the kernel does not fit into the input."""
        return tuple(
            max(0, (size + 2 * self.padding - self.dilation * (k - 1) - 1) // self.stride + 1)
            for size, k in zip(self.image.shape, self.kernel.shape, strict=True)
        )

    @property
    def output(self):
        """The output as :func:`cnnbook.convolution.conv2d` computes it, (rows, columns)."""
        return convolution.conv2d(
            self.image[None, None],
            self.kernel[None, None],
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
        )[0, 0]

    @traitlets.validate("position")
    def _check_position(self, proposal):
        return inside("position", proposal["value"], self.output_shape)

    @traitlets.observe("image", "kernel", "stride", "padding", "dilation")
    def _stay_inside(self, change):
        self.position = nearest(self.position, self.output_shape)

    def alternative_text(self):
        sizes = self.text(
            "alternative",
            image=size_text(self.image.shape),
            kernel=size_text(self.kernel.shape),
            output=size_text(self.output_shape),
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
        )
        return f"{sizes} {self._here()}"

    def still(self):
        plot = blank(7.2, 3.7, h_pad=0.12)
        axes = plot.subplots(1, 3, width_ratios=(5, 2.2, 5))
        padded = np.pad(self.image, self.padding)
        fits = 0 not in self.output_shape
        output = self.output if fits else np.zeros((1, 1))
        span = [self.dilation * (size - 1) + 1 for size in self.kernel.shape]
        corner = [p * self.stride for p in self.position]
        grey = "gray" if max(padded.shape) > 14 else "Blues"
        draw_table(axes[0], padded, grey, BLUE, fits and (corner, span))
        draw_table(axes[1], self.kernel, "PuOr_r", ORANGE, None)
        draw_table(axes[2], output, "PRGn", GREEN, fits and (self.position, (1, 1)))
        shapes = (self.image.shape, self.kernel.shape, self.output_shape)
        free = [n - length for n, length in zip(padded.shape, span, strict=True)]
        for axis, rest in enumerate(free):  # what no window reaches is hatched, as on the page
            left = rest % self.stride if rest >= 0 else 0
            hatch(axes[0], padded.shape, axis, left)
        for axis, name, shape in zip(axes, ("input", "kernel", "output"), shapes, strict=True):
            axis.set_title(f"{self.text(name)} {size_text(shape)}")
        plot.supxlabel(self._sum() if fits else self._here(), fontsize=11)
        return plot

    def _sum(self):
        """Every product under the window, and their sum: "1·1 + 0·0 + … = 3"."""
        padded = np.pad(self.image, self.padding)
        (row, column), (height, width) = self.position, self.kernel.shape
        rows = row * self.stride + self.dilation * np.arange(height)
        columns = column * self.stride + self.dilation * np.arange(width)
        window = padded[np.ix_(rows, columns)]
        pairs = zip(window.flat, self.kernel.flat, strict=True)
        products = [f"{x:.3g}·{w:.3g}" if w >= 0 else f"{x:.3g}·({w:.3g})" for x, w in pairs]
        lines = [" + ".join(products[i : i + 10]) for i in range(0, len(products), 10)]
        return "\n+ ".join(lines) + f" = {self.output[row, column]:.6g}"

    def _here(self):
        if 0 in self.output_shape:
            return self.text("no_output")
        row, column = self.position
        value = f"{self.output[row, column]:.6g}"
        return self.text("here", row=row + 1, column=column + 1, value=value)
