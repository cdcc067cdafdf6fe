"""Tables of numbers in figures: how they are checked, how they travel, how they are drawn."""

import numpy as np
import traitlets

from cnnbook.arrays import numbers_of, shortened
from cnnbook.figures.figure import StateError
from cnnbook.figures.palette import QUIET

KERNELS = {
    "course": [[1, 0, 1], [0, 1, 0], [1, 0, 1]],
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "vertical_edges": [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]],
    "horizontal_edges": [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
    "blur": [[1 / 9, 1 / 9, 1 / 9], [1 / 9, 1 / 9, 1 / 9], [1 / 9, 1 / 9, 1 / 9]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
}
MOST, MOST_OF_A_KERNEL = 64, 5  # rows and columns


def to_rows(array, figure=None):
    """[[1, 0], [0, 1]] as "1 0; 0 1": one line in a notebook file, readable in a diff."""
    return "; ".join(
        " ".join(np.format_float_positional(value, trim="-") for value in row) for row in array
    )


def from_rows(rows, figure=None):
    """The array of such a line."""
    try:
        return np.array([row.split() for row in rows.split(";")], dtype=float)
    except (AttributeError, TypeError, ValueError):
        raise StateError(f"{shortened(rows)} is no table of numbers") from None


class _Table(traitlets.Any):
    def __init__(self, check):
        super().__init__()
        self.check = check

    def validate(self, obj, value):
        return self.check(self.name, value)


def table_trait(check=lambda name, value: value):
    """A trait that holds an array that `check` has seen.

    On the page a table (H, W) is one line of text, more axes are lists, of lists, of such lines.
    """
    return _Table(check).tag(sync=True, to_json=_to_json, from_json=_from_json)


def _to_json(array, figure=None):
    return to_rows(array) if array.ndim == 2 else [_to_json(part) for part in array]


def _from_json(rows, figure=None):
    return [_from_json(part) for part in rows] if isinstance(rows, list) else from_rows(rows)


def frame(axes, corner, size, colour, width=3.0):
    """A frame around `size` (height, width) cells, the first at `corner` (row, column)."""
    from matplotlib.patches import Rectangle

    place = (corner[1] - 0.5, corner[0] - 0.5)
    axes.add_patch(Rectangle(place, size[1], size[0], fill=False, ec=colour, lw=width))


def hatch(axes, shape, axis, count):
    """Hatch the last `count` rows (axis 0) or columns (axis 1) of a table of `shape`."""
    from matplotlib.patches import Rectangle

    rows, columns = (n - count if axis == own else 0 for own, n in enumerate(shape))
    size = [count if axis == own else n for own, n in enumerate(shape)]
    style = {"fill": False, "hatch": "///", "ec": QUIET, "lw": 0}
    axes.add_patch(Rectangle((columns - 0.5, rows - 0.5), size[1], size[0], **style))


def draw_table(axes, table, colours, frame_colour, framed):
    """One table with its numbers where they fit, and a frame: (row, column), (height, width)."""
    most = max(np.abs(table).max(), 1e-12)
    strength = most if max(table.shape) > 14 else 2.5 * most  # pale enough for numbers on it
    least = 0 if colours in ("gray", "Blues") else -strength
    axes.imshow(table, cmap=colours, vmin=least, vmax=strength)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if max(table.shape) <= 14:
        for (row, column), value in np.ndenumerate(table):
            axes.text(column, row, f"{value + 0:.3g}", ha="center", va="center", fontsize=10)
    if framed:
        corner, size = framed
        frame(axes, corner, size, frame_colour)


def size_text(shape):
    """(6, 6) as "6 × 6"."""
    return " × ".join(str(size) for size in shape)


def floats(name, value, what):
    """A copy of `value` as a float array; StateError says that it must be `what`."""
    try:
        return numbers_of(value, name).astype(float)
    except ValueError:
        raise StateError(f"{name} is {shortened(value)}; it must be {what}") from None


def sealed(name, array):
    """`array`, all of it finite, so that it cannot be written to; else StateError."""
    if not np.isfinite(array).all():
        raise StateError(f"{name} holds {array[~np.isfinite(array)][0]}; all must be finite")
    array.setflags(write=False)  # a change in place would not reach the page
    return array


def grid(name, value, limit=MOST, least=1):
    """`value` as a float array (H, W) that cannot be written to; StateError says what is wrong.

    Leading dimensions of size 1 are dropped.
    """
    array = floats(name, value, "a table of numbers")
    shape = array.shape
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2 or min(array.shape) < least or max(array.shape) > limit:
        sizes = f"{least} × {least} to {limit} × {limit}"
        raise StateError(f"{name} has shape {shape}; this figure shows {sizes}")
    return sealed(name, array)


def kernel_grid(name, value):
    """A kernel, or the name of one of `KERNELS`, as `grid` has it."""
    if isinstance(value, str):
        if value not in KERNELS:
            raise StateError(f"{name} is {value!r}; known kernels: {', '.join(KERNELS)}")
        value = KERNELS[value]
    return grid(name, value, MOST_OF_A_KERNEL)


def labelled_grids(name, pictures, least=1):
    """{label: table} as {label: line of text}; `name` is that of the trait."""
    if not isinstance(pictures, dict) or not all(isinstance(label, str) for label in pictures):
        raise StateError(f"{name} is {shortened(pictures)}; it must be {{label: table}}")
    return {label: to_rows(grid(label, table, least=least)) for label, table in pictures.items()}
