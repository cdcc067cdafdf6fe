"""The record of a training run: as a table, as curves, and on the screen while it runs."""

import html
import sys
import time
import unicodedata

from cnnbook.language import text

COLUMNS = {  # of the table, with the format of their numbers
    "epoch": ".3g",
    "loss": ".4f",
    "accuracy": ".4f",
    "validation_loss": ".4f",
    "validation_accuracy": ".4f",
    "learning_rate": ".4f",
    "seconds": ".1f",
}


class History:
    """What happened while a network was trained: reads as a table, and plots itself.

    Attributes
    ----------
    rows : list of dict, one an epoch, with the keys of `COLUMNS`
        `loss` and `accuracy` are of the training pictures, each taken just before the network
        learned from it: they lag behind. `validation_…` is measured after the epoch (None where
        it was not). `learning_rate` is that of the last step, `seconds` the time of this epoch.
    best : the row whose weights the model holds; None before the first epoch ends
    steps : list of (loss, correct, pictures, learning rate), one a batch
    interrupted : True if the reader stopped the run
    seconds : how long all epochs took, validation included
    source : what was trained, on what and how, in one line
    """

    def __init__(self, source, total, steps_per_epoch, validated):
        self.source, self.total, self.steps_per_epoch = source, total, steps_per_epoch
        self.validated = validated
        self.rows, self.steps, self.best, self.interrupted = [], [], None, False
        self.started, self.seconds = time.perf_counter(), 0.0

    def add_step(self, loss, correct, pictures, learning_rate):
        """Note one batch: its mean cross-entropy, how many pictures were answered right."""
        self.steps.append((loss, correct, pictures, learning_rate))

    def add_epoch(self, validation=None):
        """Close an epoch, with the `Evaluation` of the validation part if there is one."""
        first = round(self.rows[-1]["epoch"] * self.steps_per_epoch) if self.rows else 0
        row = dict.fromkeys(COLUMNS) | self._average(first, len(self.steps))
        before, self.seconds = self.seconds, time.perf_counter() - self.started
        row["seconds"] = self.seconds - before
        if validation is not None:
            row["validation_loss"] = validation.loss
            row["validation_accuracy"] = validation.accuracy
        self.rows.append(row)
        score = row["validation_accuracy"]
        better = score is not None and self.best and score > self.best["validation_accuracy"]
        if better or self.best is None or not self.validated:
            self.best = row

    def interrupt(self):
        """Close the epoch that the reader stopped in its middle; it has no validation."""
        self.interrupted = True
        if len(self.steps) > len(self.rows) * self.steps_per_epoch:
            self.add_epoch()

    def points(self, count=60):
        """The run in at most `count` equal pieces: the averages of each, as in `rows`."""
        count = min(count, self.total)
        cuts = [round(place * self.total / count) for place in range(count + 1)]
        cuts = [cut for cut in cuts if cut <= len(self.steps)]
        if self.interrupted and cuts[-1] < len(self.steps):
            cuts.append(len(self.steps))
        return [self._average(*pair) for pair in zip(cuts, cuts[1:], strict=False)]

    def column(self, name):
        """One column of the table as a list: ``history.column("accuracy")``."""
        if name not in COLUMNS:
            raise ValueError(f"column is {name!r}; the table has {', '.join(COLUMNS)}")
        return [row[name] for row in self.rows]

    def plot(self):
        """The curves as a live figure, for the last line of a cell."""
        # Figures live on the floor above; this room goes up there only when a reader asks.
        from cnnbook.figures.training_curve.figure import TrainingCurve

        return TrainingCurve(self)

    def notes(self):
        """What to know about the outcome, as sentences."""
        notes = []
        if self.best:
            how = "kept_last" if self.best["validation_accuracy"] is None else "kept_best"
            notes.append(text(f"training.{how}", epoch=self.best["epoch"]))
        if self.interrupted:
            notes.append(text("training.interrupted", done=len(self.steps), total=self.total))
        return notes

    def __repr__(self):
        lines = self._lines()
        widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
        aligned = []
        for line in lines:
            cells = zip(line, widths, strict=True)
            aligned.append("  ".join(" " * (width - _width(cell)) + cell for cell, width in cells))
        return "\n".join([*aligned, self.source, *self.notes()])

    def _repr_html_(self):
        rows = []
        for line in self._lines():
            tag = "td" if rows else "th"
            cells = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in line)
            rows.append(f"<tr>{cells}</tr>")
        notes = "<br>".join(html.escape(note) for note in [self.source, *self.notes()])
        return f"<table>{''.join(rows)}</table><p>{notes}</p>"

    def _lines(self):
        shown = [name for name in COLUMNS if self.validated or "validation" not in name]
        lines = [[text("training." + name) for name in shown]]
        for row in self.rows:
            cells = ["–" if row[name] is None else f"{row[name]:{COLUMNS[name]}}" for name in shown]
            cells[0] = ("→ " if row is self.best else "") + cells[0]
            lines.append(cells)
        return lines

    def _average(self, start, stop):
        losses, correct, pictures, rates = zip(*self.steps[start:stop], strict=True)
        total_loss = sum(loss * count for loss, count in zip(losses, pictures, strict=True))
        return {
            "epoch": stop / self.steps_per_epoch,
            "loss": total_loss / sum(pictures),
            "accuracy": sum(correct) / sum(pictures),
            "learning_rate": rates[-1],
        }


class Screen:
    """What the reader sees while `fit` runs: a line, a progress bar and a curve that fills.

    Nothing in here touches the training: without it, the numbers are the same.
    """

    def __init__(self, history, progress, curve):
        self.history, self.bar, self.curve, self.next_look = history, None, None, 0.0
        notebook = _in_notebook()
        self.display = notebook.display if notebook else None
        if progress:
            print(history.source)
            self.bar = self._open_bar()
        if curve and self.display:
            self.curve = history.plot()
            self.curve_place = self.display(self.curve, display_id=True)

    def update(self):
        """Called after each step. Looks up rarely enough to take at most 2 % of the time."""
        before = time.perf_counter()
        if before >= self.next_look:
            self._draw(running=True)
            after = time.perf_counter()
            self.next_look = after + max(0.25, 50 * (after - before))

    def close(self):
        """Leave the last state on the page, in a form that a saved notebook can hold."""
        self._draw(running=False)
        if self.curve:
            self.curve_place.update(self.curve)
        if self.bar:
            if self.display:  # a bar that is a widget would be gone when the notebook is reopened
                self.bar_place.update({"text/plain": str(self.bar)}, raw=True)
            self.bar.close()
            print(*self.history.notes(), sep="\n")

    def _draw(self, running):
        if self.bar:
            self.bar.update(len(self.history.steps) - self.bar.n)
        if self.curve:
            self.curve.follow(self.history, running)

    def _open_bar(self):
        if not self.display:
            from tqdm import tqdm

            return tqdm(total=self.history.total)
        from tqdm.notebook import tqdm

        bar = tqdm(total=self.history.total, display=False)
        self.bar_place = self.display(bar.container, display_id=True)
        return bar


def _in_notebook():
    """IPython's display module inside a notebook's kernel, else None."""
    if "ipykernel" not in sys.modules:
        return None
    import IPython

    return IPython.display if hasattr(IPython.get_ipython(), "kernel") else None


def _width(words):
    """Columns that `words` take on a terminal: Hangul takes two each."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in words)
