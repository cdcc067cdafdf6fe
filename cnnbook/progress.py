"""What a reader sees while a network trains: a line, a bar, and a curve that fills."""

import sys
import time

from cnnbook.history import History
from cnnbook.language import say


class Screen:
    """What the reader sees while `fit` runs: a line, a progress bar and a curve that fills.

    Nothing in here touches the training: without it, the numbers are the same.
    """

    def __init__(self, history: History, progress: bool, curve: bool):
        self.history, self.bar, self.curve, self.next_look = history, None, None, 0.0
        notebook = _in_notebook()
        self.display = notebook.display if notebook else None
        if progress:
            say(history.source)
            self.bar = self._open_bar()
        if curve and self.display:
            from cnnbook.figures import TrainingCurve

            self.curve = TrainingCurve(history)
            self.curve_place = self.display(self.curve, display_id=True)

    def update(self) -> None:
        """Called after each step. Looks up rarely enough to take at most 2% of the time."""
        before = time.perf_counter()
        if before >= self.next_look:
            self._draw(running=True)
            after = time.perf_counter()
            self.next_look = after + max(0.25, 50 * (after - before))

    def close(self) -> None:
        """Leave the last state on the page, in a form that a saved notebook can hold."""
        self._draw(running=False)
        if self.curve:
            self.curve_place.update(self.curve)
        if self.bar:
            if self.display:  # a bar that is a widget would be gone when the notebook is reopened
                self.bar_place.update({"text/plain": str(self.bar)}, raw=True)
            self.bar.close()
            say("\n".join(self.history.notes()))

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
