"""The cost explorer: where the multiplications of a small CNN are, and what they cost at best."""

import math

import traitlets

from cnnbook.convolution import output_size
from cnnbook.figures.figure import Figure, StateError, blank
from cnnbook.figures.palette import GREEN, ORANGE, PURPLE
from cnnbook.figures.traits import choice

LAYERS = ["conv1", "pool1", "conv2", "pool2", "fc1", "fc2"]
ALLOWED = {  # what the reader can set
    "filters": range(1, 129),
    "kernel": range(1, 8, 2),
    "stride": range(1, 4),
    "hidden": range(1025),
    "batch": [2**power for power in range(11)],
}
PRESETS = {
    "course": {
        "filters1": 32, "kernel1": 3, "stride1": 1, "pool1": True,
        "filters2": 64, "kernel2": 3, "stride2": 1, "pool2": True,
        "hidden": 600,
    },
    "fast": {
        "filters1": 16, "kernel1": 5, "stride1": 2, "pool1": False,
        "filters2": 32, "kernel2": 3, "stride2": 2, "pool2": False,
        "hidden": 64,
    },
}  # fmt: skip
COLOURS = {"convolution": ORANGE, "pooling": PURPLE, "dense": GREEN}
EPOCH = 60_000  # pictures


def _number(default):
    return traitlets.Int(default).tag(sync=True)


class CostExplorer(Figure):
    """The reader changes the shape of a small CNN and sees what each layer costs.

    Raises ValueError if a value cannot be shown; it names the value.

    1 × 28 × 28 → conv1 → (pool1) → conv2 → (pool2) → (fc1) → fc2 with ten logits. The padding is
    ``kernel // 2``. A batch norm follows every layer but the last, as in `models.SpeedrunCNN`:
    these layers have no bias, and two parameters a filter or unit for the norm. Its multiplications
    are not counted, since they can be folded into the weights, and neither is the ReLU.

    The preset "fast" is `models.SpeedrunCNN`. "course", with which the figure opens, is close to
    `models.FashionCNN`, which has no padding in its conv2, biases before the batch norms, none of
    them after fc1, and one fully connected layer more (600 → 120 → 10).

    The times are lower bounds, never measured: a layer must do its 2 FLOP a multiplication at no
    more than `peak`, and read its input and weights and write its output at no more than
    `bandwidth`. They take for granted that nothing stays in the cache from one layer to the next;
    with what does, a layer that memory limits can be quicker. Training costs three times the
    forward pass (values, gradient of the weights, gradient of the input), and twice for conv1,
    which needs no gradient of the picture.

    filters1, filters2 : int, 1…128
    kernel1, kernel2 : 1, 3, 5 or 7
    stride1, stride2 : int, 1…3
    pool1, pool2 : bool. Whether a 2 × 2 max pooling follows.
    hidden : int, 0…1024. Units of fc1; 0 leaves the layer out.
    batch : int. Pictures a batch: 1, 2, 4, … 1024. The weights are read once a batch.
    peak : float. Most floating point operations a second, in 10⁹ (GFLOP/s). Default 100: measure
        your own.
    bandwidth : float. Most bytes a second between processor and memory, in 10⁹ (GB/s). Default 10.
    layer : str. The layer whose product is written out, one of ``LAYERS``.
    """

    filters1, kernel1, stride1 = _number(32), _number(3), _number(1)
    filters2, kernel2, stride2 = _number(64), _number(3), _number(1)
    pool1 = traitlets.Bool(True).tag(sync=True)
    pool2 = traitlets.Bool(True).tag(sync=True)
    hidden, batch = _number(600), _number(128)
    peak = traitlets.Float(100.0).tag(sync=True)
    bandwidth = traitlets.Float(10.0).tag(sync=True)
    layer = choice(LAYERS, "conv1")
    presets = traitlets.Dict(PRESETS).tag(sync=True)
    fixed = ("presets",)

    @property
    def layers(self):
        """A dict a layer, what the page shows in its row.

        "name", "kind" ("convolution", "pooling" or "dense"), "before" and "after" (shapes of one
        picture), "multiplications" and "bytes" a picture, "parameters", "intensity" in FLOP a byte,
        "milliseconds" a batch at best, and "limit": "computing" or "memory".
        """
        layers = network({name: getattr(self, name) for name in PRESETS["course"]})
        for layer in layers:
            values = math.prod(layer["before"]) + math.prod(layer["after"])
            layer["bytes"] = 4 * values + 4 * layer["parameters"] / self.batch  # float32
            layer["intensity"] = 2 * layer["multiplications"] / layer["bytes"]
            computing = 2 * layer["multiplications"] * self.batch / (self.peak * 1e6)
            memory = layer["bytes"] * self.batch / (self.bandwidth * 1e6)
            layer["milliseconds"] = max(computing, memory)
            layer["limit"] = "computing" if computing >= memory else "memory"
        return layers

    @property
    def multiplications(self):
        """Of one picture, in all layers."""
        return sum(layer["multiplications"] for layer in self.layers)

    @property
    def parameters(self):
        """Of all layers and their batch norms."""
        return sum(layer["parameters"] for layer in self.layers)

    @property
    def forward_milliseconds(self):
        """Lower bound of the forward pass of one batch, in ms."""
        return sum(layer["milliseconds"] for layer in self.layers)

    @property
    def epoch_seconds(self):
        """Lower bound of training on 60,000 pictures once, in s."""
        first = self.layers[0]["milliseconds"]
        return (3 * self.forward_milliseconds - first) * EPOCH / self.batch / 1000

    @traitlets.validate(*PRESETS["course"], "batch")
    def _check_number(self, proposal):
        value, name = proposal["value"], proposal["trait"].name
        _check_choice(name, value)
        return value

    @traitlets.validate("presets")
    def _check_presets(self, proposal):
        for label, numbers in proposal["value"].items():
            if not isinstance(numbers, dict) or set(numbers) != set(PRESETS["course"]):
                raise StateError(f"presets has {label}: {numbers!r}; see PRESETS")
            for name, value in numbers.items():
                _check_choice(name, value)
        return proposal["value"]

    @traitlets.validate("peak", "bandwidth")
    def _check_speed(self, proposal):
        value, name = proposal["value"], proposal["trait"].name
        if not 0 < value < math.inf:
            unit = {"peak": "GFLOP/s", "bandwidth": "GB/s"}[name]
            raise StateError(f"{name} is {value}; it must be the machine's {unit}, more than 0")
        return value

    def alternative_text(self):
        """Counts only, no times: those depend on the machine."""
        layers = [layer for layer in self.layers if layer["kind"] != "pooling"]
        each = "; ".join(f"{layer['name']} {layer['multiplications']:,}" for layer in layers)
        totals = {"multiplications": self.multiplications, "parameters": self.parameters}
        totals = {name: f"{value:,}" for name, value in totals.items()}
        return self.text("alternative", layers=each, **totals)

    def still(self):
        plot = blank(7.2, 3.2)
        axes = plot.subplots()
        layers = self.layers[::-1]  # the first on top
        millions = [layer["multiplications"] / 1e6 for layer in layers]
        labels = [f"{layer['name']}  {' × '.join(map(str, layer['after']))}" for layer in layers]
        bars = axes.barh(labels, millions, color=[COLOURS[layer["kind"]] for layer in layers])
        notes = [f"{layer['multiplications']:,} · {self.text(layer['limit'])}" for layer in layers]
        axes.bar_label(bars, notes, padding=4, fontsize=10)
        axes.set(xlim=(0, 1.45 * max(millions)), xlabel=self.text("millions"))
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_title(self.text("still", multiplications=f"{self.multiplications:,}"), loc="left")
        times = {"forward": self.forward_milliseconds, "epoch": self.epoch_seconds}
        times = {name: f"{value:.3g}" for name, value in times.items()}
        plot.supxlabel(self.text("bound", batch=self.batch, **times), fontsize=10)
        return plot


def _check_choice(name, value):
    allowed = ALLOWED.get(name.rstrip("12"), (False, True))
    if value not in allowed:
        right = ", ".join(map(str, allowed))
        if len(allowed) > 20:
            right = f"{min(allowed)} to {max(allowed)}"
        raise StateError(f"{name} is {value}; this figure shows {right}")


def network(numbers):
    """The layers that the numbers of a preset make: shapes, multiplications, parameters."""
    layers, shape = [], [1, 28, 28]
    for place in "12":
        filters, kernel = numbers[f"filters{place}"], numbers[f"kernel{place}"]
        stride, padding = numbers[f"stride{place}"], kernel // 2
        rows, columns = (output_size(size, kernel, stride, padding) for size in shape[1:])
        weights = filters * shape[0] * kernel * kernel
        counts = (weights * rows * columns, weights + 2 * filters)
        after = [filters, rows, columns]
        layers.append(_layer(f"conv{place}", "convolution", shape, after, *counts))
        shape = after
        if numbers[f"pool{place}"]:
            halved = [filters, rows // 2, columns // 2]
            layers.append(_layer(f"pool{place}", "pooling", shape, halved, 0, 0))
            shape = halved
    units, hidden = math.prod(shape), numbers["hidden"]
    if hidden:
        counts = (units * hidden, units * hidden + 2 * hidden)
        layers.append(_layer("fc1", "dense", [units], [hidden], *counts))
        units = hidden
    layers.append(_layer("fc2", "dense", [units], [10], units * 10, units * 10 + 10))
    return layers


def _layer(name, kind, before, after, multiplications, parameters):
    shapes = {"name": name, "kind": kind, "before": before, "after": after}
    return shapes | {"multiplications": multiplications, "parameters": parameters}
