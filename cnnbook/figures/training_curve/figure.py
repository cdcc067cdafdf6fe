"""Training curves that fill while a network learns, and can be read point by point afterwards."""

import math

import traitlets

from cnnbook.figures.figure import Figure, StateError, blank
from cnnbook.figures.palette import BLUE, ORANGE, QUIET


class TrainingCurve(Figure):
    """Loss and accuracy over the epochs, of training and validation.

    history : cnnbook.history.History, optional. What to draw; `fit` makes the figure and calls
        :meth:`follow` while it trains.

    Attributes
    ----------
    points : list of [epoch, loss, accuracy, learning rate], from the batches in between
    validation : list of [epoch, loss, accuracy], one an epoch that was validated
    total : epochs there are to be
    kept : the epoch whose weights the model holds; 0 before the first one ends
    position : which point is read out; -1 is the newest
    running : True while it trains
    """

    points = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    validation = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    total = traitlets.Float(1.0).tag(sync=True)
    kept = traitlets.Float(0.0).tag(sync=True)
    position = traitlets.Int(-1).tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)

    def __init__(self, history=None, **state):
        super().__init__(**state)
        if history is not None:
            if not hasattr(history, "points"):
                raise StateError(f"history is {history!r}; it must be a History, as `fit` returns")
            self.follow(history)

    def follow(self, history, running=False):
        """Take over what `history` holds by now; the page follows."""
        names = ("epoch", "loss", "accuracy", "learning_rate")
        validated = [row for row in history.rows if row["validation_accuracy"] is not None]
        with self.hold_sync():
            self.total = _short(history.total / history.steps_per_epoch)
            self.points = [[_short(point[name]) for name in names] for point in history.points()]
            self.validation = [
                [_short(row[name]) for name in ("epoch", "validation_loss", "validation_accuracy")]
                for row in validated
            ]
            self.kept = _short(history.best["epoch"]) if history.best else 0.0
            self.running = running

    @traitlets.validate("points", "validation")
    def _check_rows(self, proposal):
        value, name = proposal["value"], proposal["trait"].name
        width = {"points": 4, "validation": 3}[name]
        for row in value:
            if len(row) != width or not all(map(math.isfinite, row)):
                raise StateError(f"{name} holds {row}; each must be {width} finite numbers")
        return value

    @traitlets.validate("total", "kept")
    def _check_epochs(self, proposal):
        value, name = proposal["value"], proposal["trait"].name
        if not 0 <= value < math.inf:
            raise StateError(f"{name} is {value}; it must be a number of epochs, 0 or more")
        return value

    @traitlets.observe("points")
    def _stay_inside(self, change):
        self.position = min(self.position, max(0, len(self.points) - 1))

    @traitlets.validate("position")
    def _check_position(self, proposal):
        value, count = proposal["value"], len(self.points)
        if not -1 <= value < max(1, count):
            raise StateError(f"position is {value}; it must be -1 or one of the {count} points")
        return value

    def alternative_text(self):
        if not self.points:
            return self.text("alternative_empty")
        (_, first_loss, first, _), (epoch, last_loss, last, _) = self.points[0], self.points[-1]
        values = {"first_loss": first_loss, "last_loss": last_loss}
        values |= {"first_accuracy": first, "last_accuracy": last}
        values = {name: f"{value:.3f}" for name, value in values.items()}
        sentences = [self.text("alternative", epochs=f"{epoch:.3g}", **values)]
        for epoch, loss, accuracy in self.validation:
            if epoch == self.kept:
                values = {"loss": f"{loss:.3f}", "accuracy": f"{accuracy:.3f}"}
                sentences.append(self.text("alternative_validation", epoch=f"{epoch:g}", **values))
        return " ".join(sentences)

    def still(self):
        plot = blank(7.2, 3.0)
        left, right = plot.subplots(1, 2)
        training, validation = ("training", "-", BLUE), ("validation", "o--", ORANGE)
        for axes, name, column in ((left, "loss", 1), (right, "accuracy", 2)):
            for rows, look in ((self.points, training), (self.validation, validation)):
                label, style, colour = look
                if rows:
                    epochs, values = [row[0] for row in rows], [row[column] for row in rows]
                    look = {"color": colour, "label": self.text(label), "markersize": 4}
                    axes.plot(epochs, values, style, **look)
            if self.kept and self.validation:
                axes.axvline(self.kept, color=QUIET, lw=1, ls=":", label=self.text("kept"))
            axes.set(xlabel=self.text("epoch"), xlim=(0, self.total))
            axes.set_title(self.text(name), loc="left")
            axes.grid(alpha=0.25)
        if self.points:
            right.legend(frameon=False, loc="lower right")
        return plot


def _short(number):
    """Four decimals and no more: the numbers are stored in the notebook's file."""
    return round(float(number), 4)
