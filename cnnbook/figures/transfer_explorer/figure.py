"""Transfer: how much a borrowed backbone helps with few pictures, and what it finds similar."""

import base64
import json

import numpy as np
import traitlets

from cnnbook import files, transfer
from cnnbook.figures.figure import Figure, StateError, blank
from cnnbook.figures.palette import BLUE, GREEN, ORANGE, PURPLE, QUIET

METHODS = ("middle", "scratch", "last", "pixels", "untrained")
COLOURS = (GREEN, ORANGE, PURPLE, BLUE, QUIET)
STYLES = ("o-", "s--", "^-.", "D:", "v--")
NEIGHBOURS = 5


class TransferExplorer(Figure):
    """Accuracies with few labels, and the nearest neighbours of ten test pictures.

    Everything comes from what ships with the book: the accuracies from
    ``assets/transfer_results.json``, the features from ``assets/transfer_features.npz``, and
    `fashion`, which is ``fashion_mnist("mini")``. The pictures asked about are the first of each
    class among the test pictures: none was chosen.

    Attributes
    ----------
    counts : pictures a class, ascending
    curves : {method: [[mean, standard deviation], …]} in percent, one pair a count
    place : which of `counts` is looked at
    pictures : uint8 pictures (M, 28, 28) in base64; labels : their classes (M,)
    queries : one row a test picture: its place in `pictures`, then the places of its five nearest
        training pictures by pixels, then those by features
    query : which of `queries` is looked at
    same : {"pixels" | "middle": percent of all test pictures whose nearest one has their class}
    """

    counts = traitlets.List(traitlets.Int()).tag(sync=True)
    curves = traitlets.Dict().tag(sync=True)
    place = traitlets.Int(0).tag(sync=True)
    pictures = traitlets.Unicode().tag(sync=True)
    labels = traitlets.List(traitlets.Int()).tag(sync=True)
    classes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    queries = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)
    query = traitlets.Int(0).tag(sync=True)
    same = traitlets.Dict().tag(sync=True)
    fixed = ("counts", "curves", "pictures", "labels", "classes", "queries", "same")

    def __init__(self, fashion, **state):
        results = json.loads(files.asset("transfer_results.json"))
        curves = {
            name: [
                [round(float(np.mean(row)), 1), round(float(np.std(row, ddof=1)), 1)]
                for row in results["few labels"][name]
            ]
            for name in METHODS
        }
        counts = [5, 10, 20, 50]
        super().__init__(counts=counts, curves=curves, **_similar(fashion), **state)

    @traitlets.validate("place", "query")
    def _check_place(self, proposal):
        value, name = proposal["value"], proposal["trait"].name
        count = len(self.counts if name == "place" else self.queries)
        if not 0 <= value < max(1, count):
            raise StateError(f"{name} is {value}; it must lie between 0 and {count - 1}")
        return value

    def right(self):
        """How many of the neighbours have the class of the picture: by pixels, by features."""
        asked, *near = (self.labels[place] for place in self.queries[self.query])
        return [sum(label == asked for label in near[k : k + NEIGHBOURS]) for k in (0, NEIGHBOURS)]

    def alternative_text(self):
        values = {name: f"{self.curves[name][self.place][0]:.1f}" for name in METHODS}
        by_pixels, by_features = self.right()
        name = self.classes[self.labels[self.queries[self.query][0]]]
        values |= {"by_pixels": by_pixels, "by_features": by_features, "name": name}
        return self.text("alternative", count=self.counts[self.place], **values)

    def still(self):
        plot = blank(9.4, 3.7)
        grid = plot.add_gridspec(2, 11)
        axes = plot.add_subplot(grid[:, :5])
        for name, colour, style in zip(METHODS, COLOURS, STYLES, strict=True):
            mean, deviation = np.transpose(self.curves[name])
            axes.errorbar(self.counts, mean, deviation, fmt=style, color=colour, capsize=3,
                          label=self.text(name), markersize=5)  # fmt: skip
        axes.axvline(self.counts[self.place], color=QUIET, linewidth=1, linestyle=":")
        axes.set_xscale("log")
        axes.set_xticks(self.counts, [str(count) for count in self.counts])
        axes.minorticks_off()
        axes.set(xlabel=self.text("count"))
        axes.set_title(self.text("accuracy"), loc="left")
        axes.legend(frameon=False, fontsize=8)
        sheet = np.frombuffer(base64.b64decode(self.pictures), np.uint8).reshape(-1, 28, 28)
        asked, *near = self.queries[self.query]
        for row, kind in enumerate(("by_pixels", "by_features")):
            places = [asked, *near[row * NEIGHBOURS : (row + 1) * NEIGHBOURS]]
            for column, place in enumerate(places):
                axes = plot.add_subplot(grid[row, 5 + column])
                axes.imshow(sheet[place], cmap="gray", vmin=0, vmax=255)
                axes.set(xticks=[], yticks=[])
                if column == 0:
                    axes.set_title(self.text(kind), fontsize=9, loc="left")
                mark = "✓" if self.labels[place] == self.labels[asked] else "✗"
                axes.set_xlabel(mark if column else self.classes[self.labels[asked]], fontsize=9)
        return plot


def _similar(fashion):
    """The traits about similar pictures: the nearest training pictures of each test picture."""
    if not hasattr(fashion, "train"):
        raise StateError(f'fashion is {fashion!r}; it must be fashion_mnist("mini")')
    record = transfer.recorded_features()
    train, test = (
        part[record[name]["places"]]
        for name, part in (("train", fashion.train), ("test", fashion.test))
    )
    spread = record["train"]["middle"].std(0)  # every feature has its say
    spaces = {
        "pixels": [part.images.flatten(1).double() for part in (train, test)],
        "middle": [record[name]["middle"].double() / spread for name in ("train", "test")],
    }
    asked = [int((test.labels == label).nonzero()[0]) for label in range(10)]
    near, same = [], {}
    for name, (known, new) in spaces.items():
        squared = (known**2).sum(1) - 2 * new @ known.T  # (1500, 2000), but for a constant a row
        places = squared.topk(NEIGHBOURS, largest=False).indices
        hits = train.labels[places[:, 0]] == test.labels
        same[name] = round(100 * hits.double().mean().item(), 1)
        near.append(places[asked])
    near = np.concatenate(near, axis=1)  # (10, 10): by pixels, by features
    shown = np.unique(near)
    images = np.concatenate([test.images[asked, 0], train.images[shown, 0]])
    rows = [[k, *(10 + np.searchsorted(shown, near[k])).tolist()] for k in range(10)]
    return {
        "pictures": base64.b64encode(images.tobytes()).decode("ascii"),
        "labels": [*test.labels[asked].tolist(), *train.labels[shown].tolist()],
        "classes": list(fashion.classes),
        "queries": rows,
        "same": same,
    }
