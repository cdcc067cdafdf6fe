"""Message passing: who speaks to a node and with what weight, and what the network makes of it."""

import math
from typing import Any

import torch
import traitlets

from cnnbook.figures.figure import Figure, StateError, blank
from cnnbook.figures.palette import BLUE, LINE, ORANGE, QUIET
from cnnbook.figures.traits import number
from cnnbook.graphs import GCN, Graph, normalised_adjacency

SHAPES = "os"  # a circle for party 0, a square for party 1


class MessagePassing(Figure):
    """A small graph: choose a node and see who speaks to it; connect nodes, step through epochs.

    Raises ValueError if a value cannot be shown; it names the value.

    graph : cnnbook.graphs.Graph. At most 40 nodes in two classes, with ``places`` for the drawing;
        edges of weight 1.
    snapshots : {epoch: state_dict of a cnnbook.graphs.GCN}, optional. Copies of the weights of one
        training run; kept with four decimals. The features must be the identity matrix, as those of
        `karate_club`.

    Attributes
    ----------
    node : whose messages are shown
    layers : through how many layers a message has gone, 0 … 2
    edges : list of [i, j], each edge once; the reader changes it
    snapshot : which of `epochs` is shown
    """

    places = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    labels = traitlets.List(traitlets.Int()).tag(sync=True)
    known = traitlets.List(traitlets.Int()).tag(sync=True)
    original = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)
    edges = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)
    epochs = traitlets.List(traitlets.Int()).tag(sync=True)
    weights = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    snapshot = traitlets.Int(0).tag(sync=True)
    node = traitlets.Int(0).tag(sync=True)
    layers = number(1, 0, 2)
    fixed = ("places", "labels", "known", "original", "epochs", "weights")

    def __init__(self, graph, snapshots=None, **state):
        if not isinstance(graph, Graph) or not isinstance(snapshots, dict | None):
            kinds = f"{type(graph).__name__}, snapshots a {type(snapshots).__name__}"
            raise StateError(f"graph is a {kinds}; it needs a Graph and {{epoch: state_dict}}")
        count, classes = len(graph.labels), sorted(set(graph.labels.tolist()))
        if graph.places is None or count > 40 or classes != [0, 1]:
            found = f"{count} nodes in {len(classes)} classes"
            raise StateError(f"graph has {found}; it needs places, at most 40 nodes, 2 classes")
        edges = [pair for pair in graph.adjacency.nonzero().tolist() if pair[0] < pair[1]]
        state = {"edges": edges, "snapshot": max(0, len(snapshots or {}) - 1)} | state
        weights = [_flat(epoch, saved) for epoch, saved in (snapshots or {}).items()]
        super().__init__(
            places=graph.places.tolist(),
            labels=graph.labels.tolist(),
            known=graph.train.tolist(),
            original=edges,
            epochs=list(snapshots or {}),
            weights=weights,
            **state,
        )

    @traitlets.validate("edges", "node", "snapshot", "weights")
    def _check(self, proposal):
        value, name, count = proposal["value"], proposal["trait"].name, len(self.labels)
        limits = {"node": count - 1, "snapshot": max(0, len(self.weights) - 1)}
        if name in limits and not 0 <= value <= limits[name]:
            raise StateError(f"{name} is {value}; it must lie between 0 and {limits[name]}")
        if name == "edges":
            for edge in value:
                if len(edge) != 2 or not 0 <= edge[0] < edge[1] < count or value.count(edge) > 1:
                    raise StateError(f"edges holds {edge}; each edge once, as [i, j] with i < j")
        if name == "weights":
            for flat in value:
                if (len(flat) - 2) % (count + 3) or not all(map(math.isfinite, flat)):
                    raise StateError(f"weights holds {len(flat)} numbers; see MessagePassing")
        return value

    def matrix(self):
        """The normalised adjacency matrix of the edges as they are now, (N, N)."""
        adjacency = torch.zeros(len(self.labels), len(self.labels))
        for i, j in self.edges:
            adjacency[i, j] = adjacency[j, i] = 1
        return normalised_adjacency(adjacency)

    def heard(self):
        """With what weight each node speaks to `node` through `layers` layers, (N,)."""
        return torch.linalg.matrix_power(self.matrix(), self.layers)[self.node]

    def logits(self) -> Any:
        """What the network of the snapshot says on these edges, (N, 2); None without snapshots."""
        if not self.weights:
            return None
        count = len(self.labels)
        flat = torch.tensor(self.weights[self.snapshot])
        hidden = (len(flat) - 2) // (count + 3)
        network = GCN(count, hidden, 2).eval()
        parts = flat.split([count * hidden, hidden, hidden * 2, 2])
        for values, part in zip(network.parameters(), parts, strict=True):
            values.data = part.reshape(values.shape)
        return network(torch.eye(count), self.matrix()).detach()

    def right(self):
        """How many of the nodes without a known label the network answers rightly."""
        others = [node for node in range(len(self.labels)) if node not in self.known]
        answers = self.logits().argmax(1).tolist()
        return sum(answers[node] == self.labels[node] for node in others), len(others)

    def alternative_text(self):
        heard = self.heard()
        loudest = [n for n in heard.argsort(descending=True, stable=True).tolist() if heard[n]][:4]
        said = ", ".join(f"{n} ({heard[n]:.3f})" for n in loudest)
        values = {"nodes": len(self.labels), "edges": len(self.edges), "node": self.node}
        sentence = self.text("alternative", layers=self.layers, said=said, **values)
        if not self.weights:
            return sentence
        right, count = self.right()
        values = {"epoch": self.epochs[self.snapshot], "right": right, "count": count}
        return f"{sentence} {self.text('alternative_trained', **values)}"

    def still(self):
        logits, heard = self.logits(), self.heard()
        plot = blank(7.2, 3.6)
        panels = plot.subplots(1, 1 if logits is None else 2, squeeze=False)[0]
        answers = self.labels if logits is None else logits.argmax(1).tolist()
        for i, j in self.edges:
            speaks = self.node in (i, j) and self.layers
            style = {"color": "black" if speaks else LINE, "lw": 2 if speaks else 1, "zorder": 0}
            panels[0].plot(*zip(self.places[i], self.places[j], strict=True), **style)
        drawn: Any = [self.places, logits]
        for axes, points in zip(panels, drawn, strict=False):
            for node, (x, y) in enumerate(points):
                colour = ORANGE if answers[node] else BLUE
                edge = "black" if node == self.node else "white"
                style = {"color": colour, "markeredgecolor": edge, "markersize": 13}
                axes.plot(x, y, SHAPES[self.labels[node]], **style)
                axes.text(x, y, node, ha="center", va="center", color="white", fontsize=7)
                if axes is panels[0] and heard[node]:
                    axes.text(x, y + 3.6, f"{heard[node]:.2f}", ha="center", fontsize=7)
        panels[0].set_axis_off()
        panels[0].set_title(self.text("hears", node=self.node, layers=self.layers), fontsize=11)
        if logits is not None:
            ends = [float(logits.min()), float(logits.max())]
            panels[1].plot(ends, ends, "--", color=QUIET, zorder=0)
            panels[1].set(xlabel=self.text("logit_0"), ylabel=self.text("logit_1"))
            title = self.text("decision", epoch=self.epochs[self.snapshot])
            panels[1].set_title(title, fontsize=11)
        return plot


def _flat(epoch, saved):
    """The weights of one snapshot in one list, with four decimals."""
    names = ("layer1.weight", "layer1.bias", "layer2.weight", "layer2.bias")
    try:
        return [round(number, 4) for name in names for number in saved[name].flatten().tolist()]
    except (AttributeError, KeyError, TypeError):
        raise StateError(
            f"snapshots[{epoch!r}] is no state_dict of a GCN with two layers"
        ) from None
