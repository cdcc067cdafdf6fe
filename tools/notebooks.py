"""Run the notebooks again, in place, and write them in one normal form.

    python tools/notebooks.py                      all notebooks, both editions
    python tools/notebooks.py 5_0_start_here       one notebook, both editions
    python tools/notebooks.py --lang ko            one edition
    python tools/notebooks.py --check-normal       run nothing; say which files are not normal

In normal form two runs give the same file, but for the measured cells: fixed metadata, no
timestamps, no widgets (the picture and its words stay), small pictures, sorted keys. A notebook
in which a cell raises is not written.
"""

import ast
import base64
import os
import re
from pathlib import Path

import nbformat

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
LANGUAGES = ("ko", "en")

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
FIGURE = "application/vnd.cnnbook.figure+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURE = "image/png"
PROGRESS_BAR = re.compile(r"^.*\d+(?:%\||it \[|/\d+ \[)[^\n]*(?:it/s|s/it|\?)[^\n]*\]?[^\n]*$")


def code_key(source):
    """What `source` does, without its comments and layout: its syntax tree, or else its text."""
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return source


def normal(notebook):
    """A copy of `notebook` (nbformat 4) in the normal form; outputs are cleaned, not run.

    Raises nbformat's ValidationError when the result is no valid notebook.
    """
    result = nbformat.v4.new_notebook(metadata=METADATA)
    result.nbformat_minor = 5
    for cell in notebook.cells:
        tags = list(cell.metadata.get("tags", []))
        new = nbformat.from_dict(
            {
                "cell_type": cell.cell_type,
                "id": cell.id,
                "metadata": {"tags": tags} if tags else {},
                "source": cell.source,
            }
        )
        if cell.cell_type == "code":
            new.execution_count = cell.execution_count
            new.outputs = normal_outputs(cell.outputs)
        result.cells.append(new)
    nbformat.validate(result)
    return result


def normal_outputs(outputs):
    """The `outputs` of a code cell without what changes on every run or needs a kernel."""
    result = []
    for output in joined_streams(outputs):
        output = nbformat.from_dict(output)
        if output.output_type == "stream":
            output.text = without_progress_bars(output.text)
            if output.text:
                result.append(output)
        elif output.output_type == "error":
            result.append(output)
        elif not is_progress_widget(output.data):
            output.data.pop(WIDGET, None)
            output.metadata = {}
            if PICTURE in output.data:
                output.data[PICTURE] = small_png(output.data[PICTURE])
            if output.output_type == "execute_result":
                output.execution_count = output.get("execution_count")
            if output.data:
                result.append(output)
    return result


def joined_streams(outputs):
    """The `outputs` with all text to stdout in one piece, and all text to stderr in another."""
    result, streams = [], {}
    for output in outputs:
        if output["output_type"] != "stream":
            result.append(output)
        elif output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
        else:
            streams[output["name"]] = dict(output)
            result.append(streams[output["name"]])
    return result


def without_progress_bars(text):
    r"""Text printed by a cell, as a terminal shows it: ``\r`` applied, progress bars taken out."""
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    return "\n".join(line for line in lines if not PROGRESS_BAR.match(line))


def is_progress_widget(data):
    """Whether the mime bundle `data` is a tqdm bar drawn as a widget: noise once it is done."""
    return WIDGET in data and bool(PROGRESS_BAR.match(data.get("text/plain", "")))


def small_png(picture):
    """The base64 `picture` losslessly made smaller; the same bytes when already small."""
    import oxipng

    raw = base64.b64decode(picture)
    small = oxipng.optimize_from_memory(raw, level=4, strip=oxipng.StripChunks.safe())
    return base64.b64encode(small if len(small) < len(raw) else raw).decode() + "\n"


def to_text(notebook):
    """The text of the file for `notebook`: sorted keys, indent 1, Hangul as Hangul."""
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"


def write_atomically(path, text):
    """Write `text` (UTF-8, ``\\n``) to `path` so that a reader sees the old file or the new one."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
