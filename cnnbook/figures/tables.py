"""Tables of numbers in figures: how they are checked, how they travel, how they are drawn."""

import numpy as np
import traitlets

from cnnbook.figures.figure import StateError

KERNELS = {
    "course": [[1, 0, 1], [0, 1, 0], [1, 0, 1]],
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "vertical_edges": [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]],
    "horizontal_edges": [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
    "blur": [[1 / 9, 1 / 9, 1 / 9], [1 / 9, 1 / 9, 1 / 9], [1 / 9, 1 / 9, 1 / 9]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
}
LIMITS = {"image": 64, "kernel": 5}  # most rows and columns


def to_rows(array, figure=None):
    """[[1, 0], [0, 1]] as "1 0; 0 1": one line in a notebook file, readable in a diff."""
    return "; ".join(
        " ".join(np.format_float_positional(value, trim="-") for value in row) for row in array
    )


def from_rows(rows, figure=None):
    """The array of such a line."""
    return np.array([row.split() for row in rows.split(";")], dtype=float)


def table_trait():
    """A trait that holds an array (H, W) and travels to the page as one line of text."""
    return traitlets.Any().tag(sync=True, to_json=to_rows, from_json=from_rows)


def draw_table(axes, table, colours, frame_colour, frame):
    """One table with its numbers where they fit, and a frame ((top, left), (height, width))."""
    from matplotlib.patches import Rectangle

    most = max(np.abs(table).max(), 1e-12)
    strength = most if max(table.shape) > 14 else 2.5 * most  # pale enough for numbers on it
    least = 0 if colours in ("gray", "Blues") else -strength
    axes.imshow(table, cmap=colours, vmin=least, vmax=strength)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if max(table.shape) <= 14:
        for (row, column), value in np.ndenumerate(table):
            axes.text(column, row, f"{value:.3g}", ha="center", va="center", fontsize=10)
    if frame:
        (top, left), (height, width) = frame
        place = (left - 0.5, top - 0.5)
        axes.add_patch(Rectangle(place, width, height, fill=False, ec=frame_colour, lw=3))


def size_text(shape):
    """(6, 6) as "6 × 6"."""
    return " × ".join(str(size) for size in shape)


def table_of_numbers(name, value):
    """`value` as a new float array without leading dimensions of size 1, and its shape before."""
    try:
        array = np.asarray(value).astype(float)  # a copy; torch tensors too
    except (TypeError, ValueError):
        raise StateError(f"{name} is {value!r}; it must be a table of numbers") from None
    shape = array.shape
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    return array, shape


def grid(name, value):
    """`value` as a float array (H, W) that cannot be written to; StateError says what is wrong."""
    limit = LIMITS.get(name, LIMITS["image"])
    if isinstance(value, str) and name == "kernel":
        if value not in KERNELS:
            raise StateError(f"kernel is {value!r}; known kernels: {', '.join(KERNELS)}")
        value = KERNELS[value]
    array, shape = table_of_numbers(name, value)
    if array.ndim != 2 or not min(array.shape) >= 1 or max(array.shape) > limit:
        raise StateError(f"{name} has shape {shape}; this figure shows up to {limit} × {limit}")
    if not np.isfinite(array).all():
        raise StateError(f"{name} holds {array[~np.isfinite(array)][0]}; all must be finite")
    array.setflags(write=False)  # a change in place would not reach the page
    return array
