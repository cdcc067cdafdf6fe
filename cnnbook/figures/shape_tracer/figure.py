"""The shape tracer: a network layer by layer, each shape guessed before it is shown."""

from collections.abc import Mapping
from math import prod

import numpy as np
import traitlets

from cnnbook.arrays import shortened, whole_number, whole_numbers
from cnnbook.convolution import output_size
from cnnbook.figures.figure import Figure, StateError, blank
from cnnbook.figures.palette import BLUE, GREEN, ORANGE, PURPLE, QUIET

# The course's network, `cnnbook.models.FashionCNN`; a test compares both.
FASHION_CNN = [
    {"name": "conv1", "kind": "convolution", "filters": 32, "kernel": 3, "padding": 1},
    {"name": "norm1, relu", "kind": "norm"},
    {"name": "pool", "kind": "pooling", "kernel": 2, "stride": 2},
    {"name": "conv2", "kind": "convolution", "filters": 64, "kernel": 3},
    {"name": "norm2, relu", "kind": "norm"},
    {"name": "pool", "kind": "pooling", "kernel": 2, "stride": 2},
    {"name": "flatten", "kind": "flatten"},
    {"name": "fc1, relu", "kind": "dense", "units": 600},
    {"name": "dropout", "kind": "dropout"},
    {"name": "fc2, relu", "kind": "dense", "units": 120},
    {"name": "fc3", "kind": "output", "units": 10},
    {"name": "softmax", "kind": "softmax"},
]
TEXTS = ("name", "kind")  # of a layer; the rest are numbers
COLOURS = {"input": BLUE, "convolution": ORANGE, "pooling": PURPLE, "dense": GREEN, "output": GREEN}


class ShapeTracer(Figure):
    """What each layer makes of a shape, and how many numbers it learns.

    Raises ValueError if a layer does not fit or a value cannot be shown; it names the value.

    layers : list of dict, optional. Each with a "name", a "kind" and the numbers of its kind:
        "convolution" (filters, kernel, stride, padding), "norm", "pooling" (kernel, stride),
        "global" (global average pooling), "flatten", "dense" and "output" (units), "dropout",
        "softmax". Default: `FASHION_CNN`.
    shape : list of int. Of the input without the batch axis: (C, H, W).
    place : int. Which layer is shown, from 0.
    known : list of int. The layers whose answer is open.
    """

    shape = traitlets.List(traitlets.Int(), [1, 28, 28]).tag(sync=True)
    steps = traitlets.List().tag(sync=True)
    place = traitlets.Int(0).tag(sync=True)
    known = traitlets.List(traitlets.Int()).tag(sync=True)
    fixed = ("shape", "steps")

    def __init__(self, layers=None, shape=(1, 28, 28), **state):
        shape = _whole_numbers(shape)
        steps = trace(FASHION_CNN if layers is None else layers, shape)
        super().__init__(shape=shape, steps=steps, **state)

    @property
    def shapes(self):
        """``[(name, shape after it), …]``, without the batch axis."""
        return [(step["name"], tuple(step["after"])) for step in self.steps]

    @property
    def parameters(self):
        """How many numbers all layers learn together."""
        return sum(step["parameters"] for step in self.steps)

    @traitlets.validate("place", "known")
    def _check_place(self, proposal):
        value, name = proposal["value"], proposal["trait"].name
        places = value if name == "known" else [value]
        if not all(0 <= place < len(self.steps) for place in places):
            raise StateError(f"{name} is {value}; the network has {len(self.steps)} layers")
        return value

    def alternative_text(self):
        count = len(self.steps)
        known = [k for k in range(count) if k in self.known]
        opened = "; ".join(
            f"{self.steps[k]['name']} {_written(self.steps[k]['before'])} → "
            f"{_written(self.steps[k]['after'])}"
            for k in known
        )
        text = self.text("alternative", count=count, known=len(known), shape=_written(self.shape))
        return f"{text} {opened}".strip()

    def still(self):
        from matplotlib.patches import Rectangle

        shapes = [self.shape, *(step["after"] for step in self.steps)]
        names = [self.text("input"), *(step["name"] for step in self.steps)]
        kinds = ["input", *(step["kind"] for step in self.steps)]
        plot = blank(9.4, 2.2)
        axes = plot.subplots()
        for x, (shape, name, kind) in enumerate(zip(shapes, names, kinds, strict=True)):
            hidden = x > 0 and x - 1 not in self.known
            width, height = (0.5, 0.5) if hidden else _box(shape)
            box = (x - width / 2, -height / 2)
            style, face = ("--", "white") if hidden else ("-", COLOURS.get(kind, QUIET))
            axes.add_patch(Rectangle(box, width, height, ec=QUIET, ls=style, fc=face))
            axes.text(x, 0.65, name.replace(", ", "\n"), ha="center", va="bottom", fontsize=9)
            label = "?" if hidden else "\n".join(map(str, shape))
            axes.text(x, -0.65, label, ha="center", va="top", fontsize=9)
        axes.set(xlim=(-0.6, len(shapes) - 0.4), ylim=(-1.4, 1.1))
        axes.set_aspect("equal")
        axes.set_axis_off()
        return plot


def trace(layers, shape):
    """What the page shows: a dict a layer, with the shapes and the sums that give them."""
    steps = []
    for layer in layers if isinstance(layers, (list, tuple)) else [layers]:
        try:
            layer = _whole_layer(layer)
            after, size, parameters, count = _apply(layer, shape)
        except (KeyError, ValueError) as error:
            raise StateError(f"layer {layer} does not fit {tuple(shape)}: {error}") from None
        step = {"name": layer["name"], "kind": layer["kind"], "before": shape, "after": after}
        numbers = {key: value for key, value in layer.items() if key not in ("name", "kind")}
        steps.append(
            step | {"numbers": numbers, "size": size, "parameters": parameters, "count": count}
        )
        shape = after
    return steps


def _whole_numbers(shape):
    """`shape` as a list of one or three ints above 0."""
    sizes = whole_numbers(shape, 1) if np.ndim(shape) == 1 else None
    if sizes is None or len(sizes) not in (1, 3):
        raise StateError(f"shape is {shortened(shape)}; it must be (C, H, W), whole numbers")
    return list(sizes)


def _whole_layer(layer):
    """A layer with a name, a kind, and ints as numbers."""
    if not isinstance(layer, Mapping) or not all(isinstance(layer.get(k), str) for k in TEXTS):
        raise ValueError('a layer is a dict with a "name" and a "kind"')
    numbers = {key: value for key, value in layer.items() if key not in TEXTS}
    for key, value in numbers.items():
        numbers[key] = whole_number(key, value, 0 if key == "padding" else 1)
    return {key: layer[key] for key in TEXTS} | numbers


def _apply(layer, shape):
    """The shape after the layer, the sum behind it, the parameters, the sum behind those."""
    kind, channels = layer["kind"], shape[0]
    maps = ("convolution", "pooling", "global", "flatten")
    if (kind in maps) != (len(shape) == 3) and kind not in ("norm", "dropout"):
        raise ValueError(f"{kind} needs {'(C, H, W)' if kind in maps else 'a vector'}")
    if kind in ("convolution", "pooling"):
        k, s, p = layer["kernel"], layer.get("stride", 1), layer.get("padding", 0)
        sizes = [output_size(n, k, s, p) for n in shape[1:]]
        size = f"⌊({shape[1]} + 2·{p} − {k}) / {s}⌋ + 1 = {sizes[0]}"
        if kind == "pooling":
            return [channels, *sizes], size, 0, "0"
        filters = layer["filters"]
        count = filters * (channels * k * k + 1)
        return [filters, *sizes], size, count, f"{filters} · ({channels}·{k}·{k} + 1) = {count:,}"
    if kind == "norm":
        return shape, "", 2 * channels, f"{channels} + {channels} = {2 * channels}"
    if kind == "global":
        return [channels], "", 0, "0"
    if kind == "flatten":
        return [prod(shape)], f"{' · '.join(map(str, shape))} = {prod(shape):,}", 0, "0"
    if kind in ("dense", "output"):
        units = layer["units"]
        count = units * (channels + 1)
        return [units], "", count, f"{units} · ({channels:,} + 1) = {count:,}"
    if kind in ("dropout", "softmax"):
        return shape, "", 0, "0"
    raise ValueError(f"there is no kind {kind!r}")


def _box(shape):
    """Width and height of a drawn shape: a map by its sides, a vector thin and by its length."""
    if len(shape) == 3:
        return 0.12 + 0.7 * shape[2] / 28, 0.12 + 0.7 * shape[1] / 28
    return 0.12, min(1.2, 0.1 + 0.35 * len(str(shape[0])) - 0.2 * (shape[0] < 100))


def _written(shape):
    return f"(N, {', '.join(map(str, shape))})"
