"""The receptive field: which cells of every layer a cell was made from, and how strongly."""

from collections.abc import Mapping

import numpy as np
import traitlets

from cnnbook.arrays import shortened, whole_number
from cnnbook.convolution import output_size, receptive_field
from cnnbook.figures.figure import Figure, StateError, blank
from cnnbook.figures.palette import BLUE, GREEN
from cnnbook.figures.tables import frame
from cnnbook.figures.traits import inside, nearest, number

KINDS = ("convolution", "pooling")
LIMITS = {"kernel": (1, 5), "stride": (1, 3), "padding": (0, 2), "dilation": (1, 3)}
MOST_LAYERS = 5


class ReceptiveField(Figure):
    """Layers stacked on each other: the cells a chosen cell was made from, through every layer.

    Raises ValueError if a layer does not fit or a value cannot be shown; it names the value.

    size : int, 4…32. Rows and columns of the input.
    layers : list of dict, 1 to 5, first layer first. Each has a "kind", "convolution" or "pooling",
        and may have "kernel" (1…5; 3, or 2 for pooling), "stride" (1…3; 1, or the kernel for
        pooling), "padding" (0…2; 0) and "dilation" (1…3; 1). Default: convolution, pooling,
        convolution.
    level : int. The map with the chosen cell: 0 is the input, 1 the first layer's. Default: the
        last.
    position : (int, int). Row and column of the chosen cell. Default: the middle.
    """

    size = number(20, 4, 32)
    layers = traitlets.List().tag(sync=True)
    level = traitlets.Int().tag(sync=True)
    position = traitlets.List(traitlets.Int(), [0, 0]).tag(sync=True)

    def __init__(self, layers=None, size=20, **state):
        default = [{"kind": "convolution"}, {"kind": "pooling"}, {"kind": "convolution"}]
        layers = _whole_layers(default if layers is None else layers)
        state = {"level": len(layers)} | state
        if "position" not in state and type(size) is int and 0 <= state["level"] <= len(layers):
            state["position"] = [_sizes(size, layers)[state["level"]] // 2] * 2
        super().__init__(layers=layers, size=size, **state)

    @property
    def sizes(self):
        """Rows and columns of the input and of each layer's map."""
        return _sizes(self.size, self.layers)

    @property
    def field(self):
        """How many input cells, along an axis, a cell of the chosen map sees."""
        return _field(self.layers[: self.level])

    @property
    def middle(self):
        """The square in the middle of the receptive field, half as wide: its side and its share.

        Its share of the influence, which is the gradient of the cell where all weights of a layer
        are equal, without what padding cuts off. (Luo, Li, Urtasun & Zemel 2016, *Understanding
        the effective receptive field*, section 2.)
        """
        weights = {0: 1.0}
        for layer in reversed(self.layers[: self.level]):
            weights = _back(layer | {"padding": 0}, weights)
        cut = self.field // 4 + (self.field % 4 == 3)
        inner = sum(w for place, w in weights.items() if cut <= place < self.field - cut)
        return self.field - 2 * cut, inner**2

    def influence(self, level):
        """How strongly each cell of map `level` and the chosen cell hang together, (rows, columns).

        Before the chosen map: the share that the cell has of the chosen one, all weights equal.
        After it: 1 where a cell sees the chosen one, else 0.
        """
        sizes = self.sizes
        rows, columns = ({place: 1.0} for place in self.position)
        if level > self.level:
            for after in range(self.level + 1, level + 1):
                layer = self.layers[after - 1]
                rows, columns = (_seen(layer, line, sizes[after]) for line in (rows, columns))
        for before in reversed(range(level, self.level)):
            layer = self.layers[before]
            rows, columns = (_back(layer, line, sizes[before]) for line in (rows, columns))
        lines = [np.array([w.get(p, 0) for p in range(sizes[level])]) for w in (rows, columns)]
        return np.outer(*lines)

    @traitlets.validate("layers", "size")
    def _check_that_all_fits(self, proposal):
        value, name = proposal["value"], proposal["trait"].name
        layers = _whole_layers(value) if name == "layers" else self.layers
        _sizes(value if name == "size" else self.size, layers)
        return layers if name == "layers" else value

    @traitlets.validate("level")
    def _check_level(self, proposal):
        if not 0 <= proposal["value"] <= len(self.layers):
            raise StateError(
                f"level is {proposal['value']}; it must lie between 0 and {len(self.layers)}"
            )
        return proposal["value"]

    @traitlets.validate("position")
    def _check_position(self, proposal):
        return inside("position", proposal["value"], [self.sizes[self.level]] * 2, "the map")

    @traitlets.observe("layers", "size", "level")
    def _stay_inside(self, change):
        self.level = min(self.level, len(self.layers))
        self.position = nearest(self.position, [self.sizes[self.level]] * 2)

    def alternative_text(self):
        layers = ", ".join(f"{self.text(layer['kind'])} {layer['kernel']}" for layer in self.layers)
        sizes = ", ".join(map(str, self.sizes))
        return f"{self.text('alternative', sizes=sizes, layers=layers)} {self._here()}"

    def still(self):
        plot = blank(1.9 * len(self.sizes), 3.0, h_pad=0.1)
        axes = plot.subplots(1, len(self.sizes))
        for level, (axis, size) in enumerate(zip(axes, self.sizes, strict=True)):
            table, later = self.influence(level), level > self.level
            strength = np.where(table > 0, 0.15 + 0.85 * table / max(table.max(), 1e-12), 0)
            axis.imshow(strength, cmap="Greens" if later else "Blues", vmin=0, vmax=1.4)
            for line in range(size + 1):
                style = {"color": "#c9d1d9", "lw": 0.4, "zorder": 1}
                axis.axhline(line - 0.5, **style)
                axis.axvline(line - 0.5, **style)
            rows, columns = (np.flatnonzero(table.any(axis=1 - k)) for k in (0, 1))
            if rows.size and columns.size:
                span = (rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)
                chosen = level >= self.level
                frame(axis, (rows[0], columns[0]), span, GREEN if chosen else BLUE, 2)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            axis.set_title(f"{self._name(level)}\n{size} × {size}", fontsize=9)
        plot.supxlabel(self._here().replace(". ", ".\n"), fontsize=9)
        return plot

    def _name(self, level):
        if level == 0:
            return self.text("input")
        layer = self.layers[level - 1]
        kind = f"{self.text(layer['kind'])} {layer['kernel']}"
        return self.text("layer", level=level, kind=kind)

    def _here(self):
        row, column = (place + 1 for place in self.position)
        if self.level == 0:
            count = int(self.influence(len(self.layers)).sum())
            return self.text("from_input", row=row, column=column, count=count)
        jump = int(np.prod([layer["stride"] for layer in self.layers[: self.level]]))
        place = {"name": self._name(self.level), "row": row, "column": column}
        here = self.text("here", **place, field=self.field, jump=jump)
        middle, share = self.middle
        values = {"share": f"{share:.0%}", "cells": f"{middle**2 / self.field**2:.0%}"}
        return f"{here} {self.text('effective', middle=middle, **values)}"


def _whole_layers(layers):
    """`layers` with every number filled in."""
    if not isinstance(layers, (list, tuple)) or not 1 <= len(layers) <= MOST_LAYERS:
        raise StateError(f"layers is {shortened(layers)}; it must be 1 to {MOST_LAYERS} layers")
    return [_whole_layer(layer) for layer in layers]


def _whole_layer(layer):
    if not isinstance(layer, Mapping) or layer.get("kind") not in KINDS:
        kinds = " or ".join(f'"{kind}"' for kind in KINDS)
        raise StateError(f"layers holds {shortened(layer)}; a layer is a dict with a kind, {kinds}")
    if unknown := set(layer) - {"kind", *LIMITS}:
        raise StateError(f"layers holds {sorted(unknown)}; a layer has {', '.join(LIMITS)}")
    pooling = layer["kind"] == "pooling"
    kernel = layer.get("kernel", 2 if pooling else 3)
    usual = {"kernel": kernel, "stride": kernel if pooling else 1, "padding": 0, "dilation": 1}
    numbers = {}
    for name, (low, high) in LIMITS.items():
        try:
            numbers[name] = whole_number(name, layer.get(name, usual[name]), low, high)
        except ValueError as error:
            raise StateError(f"layers: {error}") from None
    return {"kind": layer["kind"], **numbers}


def _sizes(size, layers):
    sizes = [size]
    for layer in layers:
        try:
            numbers = (layer[name] for name in LIMITS)
            sizes.append(output_size(sizes[-1], *numbers))
        except ValueError as error:
            raise StateError(f"layers do not fit into {size} × {size}: {error}") from None
    return sizes


def _field(layers):
    """The receptive field of the last of `layers`, along an axis."""
    keys = ("kernel", "stride", "dilation")
    return receptive_field([tuple(layer[key] for key in keys) for layer in layers])


def _taps(layer, place):
    """The places, before the layer, of the cells that the cell at `place` after it is made from."""
    start = place * layer["stride"] - layer["padding"]
    return [start + layer["dilation"] * tap for tap in range(layer["kernel"])]


def _back(layer, weights, size=None):
    """What the cells before a layer have of the cells after it, each tap with the same weight.

    Taps on the padding around `size` cells lead nowhere.
    """
    before = {}
    for place, weight in weights.items():
        for tap in _taps(layer, place):
            if size is None or 0 <= tap < size:
                before[tap] = before.get(tap, 0) + weight / layer["kernel"]
    return before


def _seen(layer, weights, size):
    """Which of the `size` cells after a layer see one of those before it."""
    return {p: 1.0 for p in range(size) if set(_taps(layer, p)) & set(weights)}
