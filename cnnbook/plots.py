"""Still pictures: one message each, in the book's font and colours, with a text alternative.

``show`` is how every picture of the book reaches the page: as a PNG, together with a sentence that
says what is drawn. Screen readers read that sentence, and the tests compare it, so that a changed
label or a changed curve does not pass unseen.
"""

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from IPython.display import display
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.rcsetup import cycler
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from cnnbook.arrays import numbers_of
from cnnbook.language import text

# Okabe & Ito 2008, "Color universal design": told apart by colour-blind readers too.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
CYCLE = [BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK]
MAGNITUDE, SIGNED = "cividis", "PRGn"  # green above zero, purple below, as in the live figures
FONT = Path(__file__).parent / "assets" / "cnnbook-gothic.ttf"
PLAIN: dict[str, Any] = {"parse_math": False}  # a reader's words are drawn as they are: "$$", too


def use_book_style() -> str:
    """Set matplotlib's font and colours for the book; returns the font family used."""
    if all(font.fname != str(FONT) for font in font_manager.fontManager.ttflist):
        font_manager.fontManager.addfont(FONT)
    family = font_manager.FontProperties(fname=FONT).get_name()
    matplotlib.rcParams.update(
        {
            "font.family": [family, "DejaVu Sans"],  # the second has the minus sign U+2212
            "font.size": 11,
            "axes.prop_cycle": cycler(color=CYCLE),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 12,
            "image.interpolation": "nearest",
            "image.cmap": MAGNITUDE,
            "figure.dpi": 100,
            "figure.constrained_layout.use": True,
            "savefig.facecolor": "white",
        }
    )
    return family


def show(figure: Figure, alternative: str | None = None) -> None:
    """Display `figure` as a PNG with its text alternative, and let it go.

    `alternative` : what is to be seen, in words; made from the drawing when not given.
    """
    import matplotlib.pyplot as plt

    bundle = {"image/png": png(figure), "text/plain": alternative or describe(figure)}
    display(bundle, raw=True)
    plt.close(figure)


def png(figure: Figure) -> bytes:
    """`figure` as PNG bytes with at most 256 colours, larger where a title would be cut off."""
    from matplotlib.transforms import Bbox
    from PIL import Image

    buffer = io.BytesIO()
    figure.draw_without_rendering()  # now the places of the texts are known
    everything = Bbox.union([figure.bbox_inches, figure.get_tightbbox()])
    engine = figure.get_layout_engine()
    figure.set_layout_engine("none")  # it is laid out, once is enough
    figure.savefig(buffer, format="png", bbox_inches=everything)
    figure.set_layout_engine(engine)
    picture = Image.open(buffer).convert("RGB")
    small = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()


def describe(figure: Figure) -> str:
    """Titles, axes, lines, bars and pictures of `figure` in one line of text."""
    parts = [figure.get_suptitle()]
    for axes in figure.axes:
        if axes.get_label() == "<colorbar>":
            continue
        parts += [axes.get_title(), axes.get_title(loc="left")]
        names = [axes.get_xlabel(), axes.get_ylabel()]
        if any(names):
            parts.append(text("plots.axes", x=names[0] or "-", y=names[1] or "-"))
        parts += [_describe_line(line) for line in axes.get_lines() if np.size(line.get_xdata())]
        parts += [_describe_image(image) for image in axes.get_images()]
        bars = [_digits(bar.get_height()) for bar in axes.patches if isinstance(bar, Rectangle)]
        if bars:
            parts.append(text("plots.bars", heights=" ".join(bars)))
        parts += [note.get_text() for note in axes.texts]
    return text("plots.picture", contents=" · ".join(part for part in parts if part))


def _describe_line(line):
    y = np.asarray(line.get_ydata(), dtype=float)
    label = "" if line.get_label().startswith("_") else line.get_label()
    values = " ".join(map(_digits, y)) if len(y) <= 12 else f"{_digits(y[0])} … {_digits(y[-1])}"
    return text("plots.line", label=label, count=len(y), values=values)


def _digits(value):
    """Four decimals at the most: what lies below differs between machines."""
    return f"{round(float(value), 4) + 0.0:.6g}"


def _describe_image(image):
    values = np.ma.filled(np.ma.asarray(image.get_array(), dtype=float), np.nan)
    size = f"{values.shape[0]} × {values.shape[1]}"
    low, high = _range([values])
    finite = values[np.isfinite(values)]
    found = [low, high, finite.mean() if finite.size else 0.0]
    found = [0.0 if abs(value) < 1e-9 else value for value in found]  # rounding: differs elsewhere
    low, high, mean = (f"{value:.4g}" for value in found)
    return text("plots.image", size=size, low=low, high=high, mean=mean)


def _range(arrays):
    """The least and the greatest finite value of all `arrays`, as floats, which do not overflow."""
    finite = [array[np.isfinite(array)] for array in arrays]
    ends = [float(end) for one in finite if one.size for end in (one.min(), one.max())]
    return min(ends, default=0.0), max(ends, default=0.0)


def _checked(name, values, count, of="pictures"):
    """Refuses `values` that are not `count`; None is none."""
    if values is not None and len(values) != count:
        raise ValueError(f"{name} has {len(values)} entries; there are {count} {of}")


def _picture(image, place):
    """An array (H, W), or (H, W, 3) in colour, of a type and a range that matplotlib draws."""
    image = numbers_of(image, f"images[{place}]")
    if image.ndim == 3 and len(image) == 1:
        image = image[0]
    if not image.size or (image.ndim != 2 and (image.ndim != 3 or len(image) != 3)):
        raise ValueError(f"images[{place}] has shape {image.shape}; it must be (H, W) or (3, H, W)")
    if image.dtype.kind == "b":
        image = image.astype(int)
    elif image.dtype.kind == "f" and image.dtype not in (np.float32, np.float64):
        image = image.astype(float)
    if image.ndim == 2:
        return image
    image = np.moveaxis(image, 0, -1)
    if image.dtype.kind == "f":
        return np.clip(np.nan_to_num(image), 0, 1)
    return np.clip(image, 0, 255).astype(np.uint8)


def pictures(
    images: ArrayLike | Sequence,
    titles: Sequence[str] | None = None,
    columns: int = 5,
    title: str | None = None,
    signed: bool = False,
    size: float = 1.5,
) -> None:
    """A grid of pictures.

    images : array or tensor (N, H, W) or (N, 1, H, W) in one channel, or (N, 3, H, W) in colour,
        or a list of pictures of any sizes; one picture (H, W), too. In colour, real numbers below
        0 and above 1 are drawn as 0 and 1.
    titles : N strings, optional
    columns : pictures in a row
    title : a sentence above all, optional
    signed : colours centred on zero, for values of both signs; else the one-channel scale is that
        of all pictures together
    size : width of one picture, in inches

    ValueError if there is no picture, something is none, or `titles` are too many or too few.
    """
    given: Any = [images] if len(getattr(images, "shape", ())) == 2 else images
    drawn = [_picture(image, place) for place, image in enumerate(given)]
    if not drawn:
        raise ValueError("images is empty; there must be a picture to draw")
    _checked("titles", titles, len(drawn))
    columns = min(columns, len(drawn))
    rows = math.ceil(len(drawn) / columns)
    room = 0.32 if titles is not None else 0.06
    figure = Figure(figsize=(columns * size, rows * (size + room) + (0.4 if title else 0)))
    low, high = _range(drawn)
    if signed:
        low, high = -max(abs(low), abs(high), 1e-12), max(abs(low), abs(high), 1e-12)
    for place, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        axes.set_axis_off()
        if place >= len(drawn):
            continue
        axes.imshow(drawn[place], cmap=SIGNED if signed else "gray", vmin=low, vmax=high)
        if titles is not None:
            axes.set_title(titles[place], fontsize=10, **PLAIN)
    if title:
        figure.suptitle(title, **PLAIN)
    show(figure)


def numbers(
    arrays: ArrayLike | Sequence[ArrayLike],
    titles: Sequence[str] | None = None,
    signed: bool = False,
    marked: Sequence | None = None,
) -> None:
    """Small matrices side by side, each cell with its number.

    arrays : a matrix (H, W), or a list of them; truth values are drawn as 0 and 1
    titles : strings, one a matrix
    signed : colours centred on zero
    marked : one list of (row, column) a matrix: cells drawn with a heavy frame

    ValueError if there is no matrix, something is none, or there are too many or too few titles.
    """
    given = arrays if isinstance(arrays, (list, tuple)) else [arrays]
    tables = [numbers_of(array, f"arrays[{k}]") for k, array in enumerate(given)]
    tables = [array.astype(int) if array.dtype == bool else array for array in tables]
    for k, array in enumerate(tables):
        if array.ndim != 2 or not array.size:
            raise ValueError(f"arrays[{k}] has shape {array.shape}; it must be a matrix (H, W)")
    if not tables:
        raise ValueError("arrays is empty; there must be a matrix to draw")
    _checked("titles", titles, len(tables), "matrices")
    _checked("marked", marked, len(tables), "matrices")
    widths = [array.shape[1] for array in tables]
    tallest = max(array.shape[0] for array in tables)
    figure = Figure(figsize=(sum(widths) * 0.46 + 0.5 * len(tables), tallest * 0.46 + 0.5))
    row = figure.subplots(1, len(tables), squeeze=False, width_ratios=widths)[0]
    for k, (axes, array) in enumerate(zip(row, tables, strict=True)):
        _draw_numbers(axes, array, signed, marked[k] if marked else [])
        if titles is not None:
            axes.set_title(titles[k], fontsize=11, **PLAIN)
    contents = [
        f"{titles[k] if titles else ''} {np.array2string(array, separator=', ')}".replace("\n", "")
        for k, array in enumerate(tables)
    ]
    show(figure, text("plots.picture", contents=" · ".join(contents)))


def _draw_numbers(axes, array, signed, marked):
    """A matrix, each cell with its number, dark on light or light on dark."""
    low, high = _range([array])
    limit = max(abs(low), abs(high), 1e-12)
    low, high = (-limit, limit) if signed else (low, max(high, low + 1))
    colours = matplotlib.colormaps[SIGNED if signed else MAGNITUDE]
    axes.imshow(array.astype(float), cmap=colours, vmin=low, vmax=high)
    for (i, j), value in np.ndenumerate(array):
        red, green, blue, _ = colours((float(value) - low) / (high - low))
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 and not np.isnan(value)
        label = f"{value:.4g}".replace("-", "−")
        colour = "white" if dark else "black"
        axes.text(j, i, label, ha="center", va="center", color=colour, fontsize=10)
    for i, j in marked:
        frame = Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=VERMILION, linewidth=3)
        axes.add_artist(frame)
    axes.set_xticks([])
    axes.set_yticks([])


def lines(
    x: ArrayLike,
    series: Mapping[str, ArrayLike],
    title: str,
    x_label: str,
    y_label: str,
    errors: Mapping[str, ArrayLike] | None = None,
    log: bool = False,
) -> None:
    """Curves over the same `x`.

    x : numbers (N,)
    series : {label: numbers (N,)}
    title, x_label, y_label : words; the title is the message, as a sentence
    errors : {label: numbers (N,)}, optional: the half-height of the error bars
    log : a logarithmic vertical axis

    ValueError if there is nothing to draw, or a curve is no list of N numbers.
    """
    x = numbers_of(x, "x")
    if x.ndim != 1 or not x.size or not series:
        raise ValueError(f"x has shape {x.shape}, series {len(series)} curves; nothing to draw")
    figure = Figure(figsize=(7, 3.6))
    axes = figure.subplots()
    for place, (label, curve) in enumerate(series.items()):
        colour = CYCLE[place % len(CYCLE)]
        marker = "o" if len(x) <= 20 else None
        y = _curve(f"series[{label!r}]", curve, x)
        style = "-" if place < len(CYCLE) else "--"
        axes.plot(x, y, style, color=colour, label=label, marker=marker, markersize=4)
        if errors:
            half = _curve(f"errors[{label!r}]", errors[label], x)
            axes.fill_between(x, y - half, y + half, color=colour, alpha=0.2, linewidth=0)
    if log:
        axes.set_yscale("log")
    if np.issubdtype(x.dtype, np.integer):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(x_label, **PLAIN)
    axes.set_ylabel(y_label, **PLAIN)
    axes.set_title(title, loc="left", **PLAIN)
    if len(series) > 1:
        for label in axes.legend(frameon=False).get_texts():
            label.set_parse_math(False)
    show(figure)


def _curve(name, values, x):
    values = numbers_of(values, name)
    if values.shape != x.shape:
        raise ValueError(f"{name} has shape {values.shape}; x has shape {x.shape}")
    return values.astype(float)


def answers(
    images: ArrayLike,
    classes: Sequence[str],
    labels: ArrayLike,
    probabilities: ArrayLike,
    columns: int = 5,
) -> None:
    """Pictures with the network's answer: green and ✓ when right, vermilion and ✗ when not.

    images : (N, 1, H, W) or (N, 3, H, W); classes : names; labels : true classes (N,);
    probabilities : (N, K). Raises ValueError if these numbers do not fit together.
    """
    drawn = [_picture(image, place) for place, image in enumerate(numbers_of(images, "images"))]
    truth, shares = numbers_of(labels, "labels"), numbers_of(probabilities, "probabilities")
    if not drawn or shares.ndim != 2:
        raise ValueError(f"{len(drawn)} images, probabilities of shape {shares.shape} (N, K)")
    _checked("labels", truth, len(drawn))
    _checked("probabilities", shares, len(drawn))
    if len(classes) < max(shares.shape[1], truth.max() + 1):
        raise ValueError(f"classes has {len(classes)} names; there are labels and columns beyond")
    rows = math.ceil(len(drawn) / columns)
    figure = Figure(figsize=(columns * 1.75, rows * 2.15))
    for place, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        axes.set_axis_off()
        if place >= len(drawn):
            continue
        answer, label = int(shares[place].argmax()), int(truth[place])
        axes.imshow(drawn[place], cmap="gray")
        sure = text("plots.percent", value=100 * float(shares[place][answer]))
        second = "✓" if answer == label else f"✗ ← {classes[label]}"
        axes.set_title(
            f"{classes[answer]} {sure}\n{second}",
            fontsize=9,
            color="#00674A" if answer == label else "#A63F00",
            **PLAIN,
        )
    show(figure)
