"""Still pictures: one message each, in the book's font and colours, with a text alternative.

``show`` is how every picture of the book reaches the page: as a PNG, together with a sentence that
says what is drawn. Screen readers read that sentence, and the tests compare it, so that a changed
label or a changed curve does not pass unseen.
"""

import io
import math
from pathlib import Path

import matplotlib
import numpy as np
from IPython.display import display
from matplotlib import font_manager
from matplotlib.figure import Figure

from cnnbook.language import text

# Okabe & Ito 2008, "Color universal design": told apart by colour-blind readers too.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
CYCLE = [BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK]
MAGNITUDE, SIGNED = "cividis", "PRGn"  # green above zero, purple below, as in the live figures
FONT = Path(__file__).parent / "assets" / "cnnbook-gothic.ttf"


def use_book_style():
    """Set matplotlib's font and colours for the book; returns the font family used."""
    font_manager.fontManager.addfont(FONT)
    family = font_manager.FontProperties(fname=FONT).get_name()
    matplotlib.rcParams.update(
        {
            "font.family": [family, "DejaVu Sans"],  # the second has the minus sign U+2212
            "font.size": 11,
            "axes.prop_cycle": matplotlib.cycler(color=CYCLE),
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


def show(figure, alternative=None):
    """Display `figure` as a PNG with its text alternative, and let it go.

    `alternative` : what is to be seen, in words; made from the drawing when not given.
    """
    import matplotlib.pyplot as plt

    bundle = {"image/png": png(figure), "text/plain": alternative or describe(figure)}
    display(bundle, raw=True)
    plt.close(figure)


def png(figure):
    """`figure` as PNG bytes with at most 256 colours, larger where a title would be cut off."""
    from matplotlib.transforms import Bbox
    from PIL import Image

    buffer = io.BytesIO()
    figure.draw_without_rendering()  # now the places of the texts are known
    everything = Bbox.union([figure.bbox_inches, figure.get_tightbbox()])
    figure.savefig(buffer, format="png", bbox_inches=everything)
    picture = Image.open(buffer).convert("RGB")
    small = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()


def describe(figure):
    """Titles, axes, lines, bars and pictures of `figure` in one line of text."""
    parts = [figure.get_suptitle()]
    for axes in figure.axes:
        if axes.get_label() == "<colorbar>":
            continue
        parts += [axes.get_title(), axes.get_title(loc="left")]
        names = [axes.get_xlabel(), axes.get_ylabel()]
        if any(names):
            parts.append(text("plots.axes", x=names[0] or "-", y=names[1] or "-"))
        parts += [_describe_line(line) for line in axes.get_lines() if len(line.get_xdata())]
        parts += [_describe_image(image) for image in axes.get_images()]
        bars = [_digits(bar.get_height()) for bar in axes.patches if hasattr(bar, "get_height")]
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
    found = [function(values) for function in (np.nanmin, np.nanmax, np.nanmean)]
    found = [0.0 if abs(value) < 1e-9 else value for value in found]  # rounding: differs elsewhere
    low, high, mean = (f"{value:.4g}" for value in found)
    return text("plots.image", size=size, low=low, high=high, mean=mean)


def pictures(images, titles=None, columns=5, title=None, signed=False, size=1.5):
    """A grid of pictures.

    Parameters
    ----------
    images : array or tensor (N, H, W) or (N, 1, H, W) in one channel, or (N, 3, H, W) in colour
    titles : N strings, optional
    columns : pictures in a row
    title : a sentence above all, optional
    signed : colours centred on zero, for values of both signs; else the one-channel scale is that
        of all pictures together
    size : width of one picture, in inches
    """
    images = [np.asarray(image) for image in images]
    images = [image[0] if image.ndim == 3 and len(image) == 1 else image for image in images]
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    room = 0.32 if titles is not None else 0.06
    figure = Figure(figsize=(columns * size, rows * (size + room) + (0.4 if title else 0)))
    low, high = min(i.min() for i in images), max(i.max() for i in images)
    if signed:
        low, high = -max(abs(low), abs(high), 1e-12), max(abs(low), abs(high), 1e-12)
    for place, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        axes.set_axis_off()
        if place >= len(images):
            continue
        image = images[place]
        if image.ndim == 3:
            axes.imshow(np.moveaxis(image, 0, -1))
        else:
            axes.imshow(image, cmap=SIGNED if signed else "gray", vmin=low, vmax=high)
        if titles is not None:
            axes.set_title(titles[place], fontsize=10)
    if title:
        figure.suptitle(title)
    show(figure)


def numbers(arrays, titles=None, signed=False, marked=None):
    """Small matrices side by side, each cell with its number.

    Parameters
    ----------
    arrays : a matrix (H, W), or a list of them
    titles : strings, one a matrix
    signed : colours centred on zero
    marked : one list of (row, column) a matrix: cells drawn with a heavy frame
    """
    arrays = [np.asarray(a) for a in (arrays if isinstance(arrays, (list, tuple)) else [arrays])]
    widths = [array.shape[1] for array in arrays]
    tallest = max(array.shape[0] for array in arrays)
    figure = Figure(figsize=(sum(widths) * 0.46 + 0.5 * len(arrays), tallest * 0.46 + 0.5))
    row = figure.subplots(1, len(arrays), squeeze=False, width_ratios=widths)[0]
    for k, (axes, array) in enumerate(zip(row, arrays, strict=True)):
        limit = max(abs(array.min()), abs(array.max()), 1e-12)
        low, high = (-limit, limit) if signed else (array.min(), max(array.max(), array.min() + 1))
        colours = matplotlib.colormaps[SIGNED if signed else MAGNITUDE]
        axes.imshow(array, cmap=colours, vmin=low, vmax=high)
        for (i, j), value in np.ndenumerate(array):
            red, green, blue, _ = colours((value - low) / (high - low))
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
            label = f"{value:.4g}".replace("-", "−")
            colour = "white" if dark else "black"
            axes.text(j, i, label, ha="center", va="center", color=colour, fontsize=10)
        for i, j in (marked or [[]] * len(arrays))[k]:
            frame = matplotlib.patches.Rectangle(
                (j - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=VERMILION, linewidth=3
            )
            axes.add_artist(frame)
        axes.set_xticks([])
        axes.set_yticks([])
        if titles is not None:
            axes.set_title(titles[k], fontsize=11)
    contents = [
        f"{titles[k] if titles else ''} {np.array2string(array, separator=', ')}".replace("\n", "")
        for k, array in enumerate(arrays)
    ]
    show(figure, text("plots.picture", contents=" · ".join(contents)))


def lines(x, series, title, x_label, y_label, errors=None, log=False):
    """Curves over the same `x`, labelled where they end.

    Parameters
    ----------
    x : numbers (N,)
    series : {label: numbers (N,)}
    title, x_label, y_label : words; the title is the message, as a sentence
    errors : {label: numbers (N,)}, optional: the half-height of the error bars
    log : a logarithmic vertical axis
    """
    figure = Figure(figsize=(7, 3.6))
    axes = figure.subplots()
    for place, (label, y) in enumerate(series.items()):
        colour = CYCLE[place % len(CYCLE)]
        marker = "o" if len(x) <= 20 else None
        axes.plot(x, y, color=colour, label=label, marker=marker, markersize=4)
        if errors:
            low, high = np.subtract(y, errors[label]), np.add(y, errors[label])
            axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
    if log:
        axes.set_yscale("log")
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.set_title(title, loc="left")
    if len(series) > 1:
        axes.legend(frameon=False)
    show(figure)


def answers(images, classes, labels, probabilities, columns=5):
    """Pictures with the network's answer: green and ✓ when right, vermilion and ✗ when not.

    images : (N, 1, H, W); classes : names; labels : true classes (N,); probabilities : (N, K)
    """
    probabilities = np.asarray(probabilities)
    rows = math.ceil(len(images) / columns)
    figure = Figure(figsize=(columns * 1.75, rows * 2.15))
    for place, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        axes.set_axis_off()
        if place >= len(images):
            continue
        answer = int(probabilities[place].argmax())
        right = answer == int(labels[place])
        axes.imshow(np.asarray(images[place])[0], cmap="gray")
        sure = text("plots.percent", value=100 * float(probabilities[place][answer]))
        second = "✓" if right else f"✗ ← {classes[int(labels[place])]}"
        axes.set_title(
            f"{classes[answer]} {sure}\n{second}",
            fontsize=9,
            color="#00674A" if right else "#A63F00",
        )
    show(figure)
