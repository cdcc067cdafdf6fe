"""Checks a notebook in one run: the output of every code cell, the numbers in its text, and what
the chapter claims (``notebooks/claims.yml``).

Each edition is executed once, in one kernel, through nbval. Its code cells are compared with
the committed outputs; after the last cell the kernel is asked for the value of every number in
the text that carries its source (``89%<!-- 100 * accuracy ± 1.0 -->``).

What nbval compares is extended: both sides are first brought into the normal form of
``tools/notebooks.py``, a picture or figure that is missing counts, and of a measured cell
(``nbval-ignore-output``) the words on its pictures are still compared, numbers left out. When
even the words depend on the run (the class that a network sees), the tag ``words-vary`` says so.
"""

import contextlib
import json
import os
import queue
import re

import nbformat
import pytest
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError

from checks.claims import claims_beside, problem_of
from checks.marks import checked_numbers, disagreement
from notebooks import FIGURE, LANGUAGES, PICTURE, normal_outputs

NUMBER = re.compile(r"[-+−]?\d[\d.,]*(?:e[-+]?\d+)?")
DIFFER = "Cell outputs differ"
SECONDS_FOR_OUTPUT = 120
OUTPUTS = ("stream", "display_data", "execute_result", "error")


def pytest_configure(config):
    config.option.nbval = config.option.nbval_lax = False  # our collector does this and more
    config.option.nbval_kernel_name = None
    config.option.nbval_current_env = True
    config.option.nbval_kernel_startup_timeout = 300
    if "CNNBOOK_THREADS" in os.environ:
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[name] = os.environ["CNNBOOK_THREADS"]


def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".ipynb" and file_path.parent.name in LANGUAGES:
        return Notebook.from_parent(parent, path=file_path)
    return None


class Notebook(IPyNbFile):
    """One notebook, one kernel: its code cells first, then the checked numbers of its text."""

    def collect(self):
        self.not_run, self.running, self.broken = [], None, None
        self.displays, self.clear_next = {}, False
        for item in super().collect():
            same = {"cell_num": item.cell_num, "cell": item.cell, "options": item.options}
            cell = CodeCell.from_parent(self, name=f"cell[{item.cell.id}]", **same)
            self.not_run.append(cell)
            yield cell
        for cell in self.nb.cells:
            if cell.cell_type == "markdown":
                for number in checked_numbers(cell.source):
                    name = f"prose[{cell.id}: {number.expression}]"
                    yield Prose.from_parent(self, name=name, number=number)
        for claim in claims_beside(self.path).get(self.path.stem) or []:
            yield Claim.from_parent(self, name=f"claim[{claim['id']}]", claim=claim)

    def get_kernel_message(self, timeout=None, stream="iopub"):
        """The kernel's next message; what it does to an output shown before is done here.

        nbval knows neither ``update_display`` nor ``clear_output``; the committed notebook shows
        what is left after them.
        """
        message = super().get_kernel_message(timeout, stream)
        kind, content = message["msg_type"], message["content"]
        if kind == "clear_output":
            self.clear_next = True
        if self.clear_next and (kind in OUTPUTS or not content.get("wait", True)):
            self.running.test_outputs.clear()
            self.clear_next = False
        if kind in ("display_data", "update_display_data"):
            shown = self.displays.setdefault(content.get("transient", {}).get("display_id"), [])
            content["data"] = nbformat.from_dict(content["data"])  # so nbval keeps this very one
            if kind == "display_data":
                shown.append(content["data"])
            else:
                for data in shown:
                    data.clear()
                    data.update(content["data"])
        return message

    def run_before(self, item):
        """Execute the code cells that come before `item` and were not asked for by name."""
        while self.not_run and self.not_run[0] is not item and not self.broken:
            self.not_run.pop(0).only_run()
        if self.not_run and self.not_run[0] is item:
            self.not_run.pop(0)
        if self.broken:
            pytest.skip(self.broken)


class CodeCell(IPyNbCell):
    """One code cell: it must not raise, and its output must be the committed one."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.output_timeout = SECONDS_FOR_OUTPUT

    def reportinfo(self):
        return self.path, 0, f"{self.path.name}::{self.name}"

    def runtest(self):
        self.parent.run_before(self)
        self.execute()
        if not self.options["check"] and "words-vary" not in self.cell.metadata.get("tags", []):
            self.compare_labels()

    def only_run(self):
        """Run this cell because a later one needs it; its output is not compared."""
        self.options["check"] = False
        with contextlib.suppress(NbCellError):  # Notebook.broken says so
            self.execute()

    def execute(self):
        """nbval's run of the cell; after an error the rest of the notebook is not run."""
        self.parent.running = self
        try:
            super().runtest()
        except NbCellError as error:
            if str(error) != DIFFER:
                self.parent.broken = f"not run: the cell {self.cell.id} failed before it"
            raise

    def compare_outputs(self, test, ref, skip_compare=None):
        test, ref = (with_presence(normal_outputs(outputs)) for outputs in (test, ref))
        return super().compare_outputs(test, ref, skip_compare)

    def compare_labels(self):
        """Of a measured cell, the words on its pictures: they do not depend on the numbers."""
        committed, new = (labels(outputs) for outputs in (self.cell.outputs, self.test_outputs))
        if committed != new:
            self.comparison_traceback = []
            self.format_output_compare("words on the pictures", committed, new)
            self.raise_cell_error(DIFFER, "\n".join(self.comparison_traceback))


def with_presence(outputs):
    """The `outputs` with figures as lines of text, and the fact that there is a picture."""
    for output in outputs:
        data = output.get("data", {})
        if PICTURE in data:
            data["picture"] = "there is a picture"
        if FIGURE in data:
            data[FIGURE] = "\n".join(lines_of(data[FIGURE]))
    return outputs


def lines_of(value, name=""):
    """The JSON `value` as lines ``state.words.title: "…"``, in order, so that a diff is short."""
    if not isinstance(value, dict):
        return [f"{name}: {json.dumps(value, ensure_ascii=False, sort_keys=True)}"]
    return [
        line for key in sorted(value) for line in lines_of(value[key], f"{name}.{key}".lstrip("."))
    ]


def labels(outputs):
    """The words of the pictures and figures in `outputs`: alternative texts and figure states."""
    return [
        masked([output["data"].get("text/plain"), output["data"].get(FIGURE)])
        for output in normal_outputs(outputs)
        if PICTURE in output.get("data", {}) or FIGURE in output.get("data", {})
    ]


def masked(value):
    """The JSON `value` with ``#`` for every number, every list of numbers and encoded array."""
    if isinstance(value, dict):
        return {key: masked(entry) for key, entry in value.items()}
    if isinstance(value, list):
        entries = [masked(entry) for entry in value]
        return "#" if all(entry == "#" for entry in entries) else entries
    if isinstance(value, str):
        return "#" if re.fullmatch(r"[A-Za-z0-9+/]{64,}=*", value) else NUMBER.sub("#", value)
    return "#" if isinstance(value, (int, float)) and not isinstance(value, bool) else value


class Question(pytest.Item):
    """Something that the whole run of the notebook must bear out."""

    def reportinfo(self):
        return self.path, 0, f"{self.path.name}::{self.name}"

    def runtest(self):
        self.parent.run_before(self)
        sentence = self.problem()
        if sentence:
            raise ProseError(f"{sentence}\nin: {self.context}")

    def evaluate(self, expression):
        """The value of `expression` as a float, in the kernel, after the whole notebook."""
        client = self.parent.kernel.kc
        asked = {"value": f"float(({expression}))"}
        request = client.execute("", silent=True, user_expressions=asked)
        while True:
            try:
                reply = client.get_shell_msg(timeout=SECONDS_FOR_OUTPUT)
            except queue.Empty:
                raise ProseError(f"the kernel does not answer to {expression!r}") from None
            if reply["parent_header"].get("msg_id") == request:
                break
        value = reply["content"]["user_expressions"]["value"]
        if value["status"] != "ok":
            raise ProseError(f"{expression!r} raised {value['ename']}: {value['evalue']}")
        return float(value["data"]["text/plain"])

    def repr_failure(self, excinfo):
        if isinstance(excinfo.value, ProseError):
            return f"{self.name} in {self.path.name}\n{excinfo.value}"
        return super().repr_failure(excinfo)


class Prose(Question):
    """One number in the text: the run of the notebook must give it."""

    def __init__(self, number, **arguments):
        super().__init__(**arguments)
        self.number, self.context = number, number.context

    def problem(self):
        return disagreement(self.number, self.evaluate(self.number.expression))


class Claim(Question):
    """One claim of the ledger: its effect must be the recorded one, and hold."""

    def __init__(self, claim, **arguments):
        super().__init__(**arguments)
        self.claim = claim
        self.context = f"claims.yml, cell {claim['cell']}: {claim['claim']['en']}"

    def problem(self):
        effect, error = (self.evaluate(self.claim[name]) for name in ("effect", "error"))
        return problem_of(self.claim, effect, error)


class ProseError(Exception):
    """What the book says does not agree with the run."""
