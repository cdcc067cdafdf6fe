"""The record of a training run, which reads as a table."""

import html
import time
import unicodedata
from typing import Any

from cnnbook.language import printable, text

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
    """What happened while a network was trained: reads as a table.

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

    def __init__(self, source: str, total: int, steps_per_epoch: int, validated: bool):
        self.source, self.total, self.steps_per_epoch = source, total, steps_per_epoch
        self.validated = validated
        self.rows: list[dict[str, Any]] = []
        self.steps: list[tuple[float, int, int, float]] = []
        self.best: dict[str, Any] | None = None
        self.interrupted = False
        self.started, self.seconds = time.perf_counter(), 0.0
        self._closed = 0  # how many steps belong to the rows

    def add_step(self, loss: float, correct: int, pictures: int, learning_rate: float) -> None:
        """Note one batch: its mean cross-entropy, how many pictures were answered right."""
        self.steps.append((loss, correct, pictures, learning_rate))

    def add_epoch(self, validation=None) -> None:
        """Close an epoch, with the `Evaluation` of the validation part if there is one."""
        row = dict.fromkeys(COLUMNS) | self._average(self._closed, len(self.steps))
        self._closed = len(self.steps)
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

    def interrupt(self) -> bool:
        """Close the epoch that the reader stopped in its middle; it has no validation.

        Returns whether the weights that the model holds now are those to be kept.
        """
        self.interrupted = True
        if len(self.steps) == self._closed:
            return False
        self.add_epoch()
        return self.best is self.rows[-1]

    def points(self, count: int = 60) -> list[dict[str, Any]]:
        """The run in at most `count` equal pieces: the averages of each, as in `rows`."""
        count = min(count, self.total)
        cuts = [round(place * self.total / count) for place in range(count + 1)]
        cuts = [cut for cut in cuts if cut <= len(self.steps)]
        if self.interrupted and cuts[-1] < len(self.steps):
            cuts.append(len(self.steps))
        return [self._average(*pair) for pair in zip(cuts, cuts[1:], strict=False)]

    def column(self, name: str) -> list:
        """One column of the table as a list: ``history.column("accuracy")``."""
        if name not in COLUMNS:
            raise ValueError(f"column is {name!r}; the table has {', '.join(COLUMNS)}")
        return [row[name] for row in self.rows]

    def notes(self) -> list[str]:
        """What to know about the outcome, as sentences."""
        notes = []
        if self.best:
            how = "kept_last" if self.best["validation_accuracy"] is None else "kept_best"
            notes.append(text(f"training.{how}", epoch=self.best["epoch"]))
        if self.interrupted:
            notes.append(text("training.interrupted", done=len(self.steps), total=self.total))
        return notes

    def __repr__(self) -> str:
        lines = self._lines()
        widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
        aligned = []
        for line in lines:
            cells = zip(line, widths, strict=True)
            aligned.append("  ".join(" " * (width - _width(cell)) + cell for cell, width in cells))
        return printable("\n".join([*aligned, self.source, *self.notes()]))

    def _repr_html_(self) -> str:
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


def _width(words):
    """Columns that `words` take on a terminal: Hangul takes two each."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in words)
