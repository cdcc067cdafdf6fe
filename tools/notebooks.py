"""Run the notebooks again, in place, and write them in one normal form.

    python tools/notebooks.py                      all notebooks, both editions
    python tools/notebooks.py 5_0_start_here       one notebook, both editions
    python tools/notebooks.py --lang ko            one edition

In normal form two runs give the same file, but for the measured cells: fixed metadata, no
timestamps, no widgets (the picture and its words stay), small pictures, sorted keys. A notebook
in which a cell raises is not written.
"""

import argparse
import ast
import base64
import io
import re
import subprocess
import sys
import time
from pathlib import Path

import ipykernel.kernelspec
import nbformat
import oxipng
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from PIL import Image

from cnnbook.files import write_atomically

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
LANGUAGES = ("ko", "en")

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
FIGURE = "application/vnd.cnnbook.figure+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURE = "image/png"
# What differs from run to run in printed text, and what stands for it in the file.
VARIES = [
    (re.compile(r"\S*[/\\]ipykernel_\d+[/\\]\d+\.py"), "<cell>"),  # warnings: a process id
    (re.compile(r"\b0x[0-9a-fA-F]{6,}"), "0x…"),  # the address of an object
]
# What every tqdm bar ends in: "[00:03<00:01, 9.7it/s]", "[00:00, ?it/s]".
PROGRESS_BAR = re.compile(r".*\[(?:\d+:)?\d\d:\d\d[<,].*")


class ThisPython(AsyncKernelManager):
    """Starts kernels with the Python that runs this program, whatever else is installed."""

    @property
    def kernel_spec(self):
        return KernelSpec(
            resource_dir=ipykernel.kernelspec.RESOURCES, **ipykernel.kernelspec.get_kernel_dict()
        )


def code_key(source):
    """What `source` does, without its comments and layout: its syntax tree, or else its text."""
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return source


def normal(notebook):
    """A copy of `notebook` (nbformat 4) in the normal form; pictures are left as they are.

    Raises nbformat's ValidationError when the result is no valid notebook.
    """
    result = nbformat.v4.new_notebook(metadata=METADATA)
    result.nbformat_minor = 5
    for cell in notebook.cells:
        tags = list(cell.metadata.get("tags", []))
        new = {
            "cell_type": cell.cell_type,
            "id": cell.id,
            "metadata": {"tags": tags} if tags else {},
            "source": cell.source,
        }
        if cell.cell_type == "code":
            new["execution_count"] = cell.execution_count
            new["outputs"] = normal_outputs(cell.outputs)
        result.cells.append(nbformat.from_dict(new))
    nbformat.validate(result)
    return result


def normal_outputs(outputs):
    """The `outputs` of a code cell without what changes on every run or needs a kernel."""
    result = []
    for output in joined_streams(outputs):
        output = nbformat.from_dict(output)
        if output.output_type == "stream":
            output.text = settled_text(output.text, bars=output.name != "stderr")
            if output.text:
                result.append(output)
        elif output.output_type == "error":
            result.append(output)
        elif not needs_a_kernel(output.data):
            output.metadata = {}
            output.data.pop(WIDGET, None)
            if "text/plain" in output.data:
                output.data["text/plain"] = settled_text(output.data["text/plain"])
            if output.data:
                result.append(output)
    return result


def joined_streams(outputs):
    """The `outputs` with the text printed between two pictures in one piece for each stream."""
    result, open_streams = [], {}
    for output in outputs:
        if output["output_type"] != "stream":
            result.append(output)
            open_streams = {}
        elif output["name"] in open_streams:
            open_streams[output["name"]]["text"] += output["text"]
        else:
            open_streams[output["name"]] = dict(output)
            result.append(open_streams[output["name"]])
    return result


def settled_text(text, bars=True):
    r"""`text` as a terminal shows it in the end (``\r`` applied), the same on every run.

    With ``bars=False`` progress bars are taken out.
    """
    lines = [
        line.rstrip("\r\n").rpartition("\r")[2] + "\n" * line.endswith("\n")
        for line in re.findall(r"[^\n]*\n|[^\n]+", text)
    ]
    text = "".join(line for line in lines if bars or not PROGRESS_BAR.match(line))
    for pattern, replacement in VARIES:
        text = pattern.sub(replacement, text)
    return text


def needs_a_kernel(data):
    """Whether `data` shows only a tqdm bar or the sliders of ``interact``: dead once it is run."""
    words = data.get("text/plain", "")
    noise = PROGRESS_BAR.match(words) or words.startswith("interactive(children=")
    return data.keys() <= {WIDGET, "text/plain"} and bool(noise)


def shrink_pictures(notebook):
    """Make the PNG pictures of `notebook` small, in place: 256 colours, then oxipng."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if PICTURE in output.get("data", {}):
                raw = base64.b64decode(output.data[PICTURE])
                output.data[PICTURE] = base64.b64encode(small_png(raw)).decode() + "\n"


def small_png(raw):
    """The PNG bytes `raw` made small: 256 colours if it is opaque and has more, then oxipng."""
    picture = Image.open(io.BytesIO(raw))
    opaque = picture.convert("RGBA").getchannel("A").getextrema()[0] == 255
    if opaque and picture.mode in ("RGB", "RGBA"):
        buffer = io.BytesIO()
        picture.convert("RGB").quantize(256).save(buffer, "PNG")
        raw = min(raw, buffer.getvalue(), key=len)
    return oxipng.optimize_from_memory(raw, level=4, strip=oxipng.StripChunks.safe())


def to_text(notebook):
    """The text of the file for `notebook`: sorted keys, indent 1, Hangul as Hangul."""
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"


def execute(notebook, folder):
    """Run all cells of `notebook` in a new kernel in `folder`; a new notebook with the outputs.

    Raises ValueError naming the cell that raised, with its traceback.
    """
    notebook = nbformat.from_dict(notebook)
    client = NotebookClient(
        notebook,
        kernel_manager_class=ThisPython,
        resources={"metadata": {"path": str(folder)}},
        timeout=None,
        startup_timeout=300,
        record_timing=False,
        store_widget_state=True,  # `interact` needs it; the normal form leaves it out
    )
    try:
        client.execute(stderr=subprocess.DEVNULL)  # the kernel's own log, not the cells'
    except (CellExecutionError, DeadKernelError) as error:
        where = "the kernel died"
        for cell in notebook.cells:
            if any(output.output_type == "error" for output in cell.get("outputs", [])):
                where = f"the cell {cell.id} raised"
        colours = r"\x1b\[[0-9;]*m"
        raise ValueError(re.sub(colours, "", f"{where}\n{error}")) from None
    return notebook


def run(path):
    """Execute the notebook at `path` in place and write it in normal form.

    Raises ValueError, and leaves the file as it was, when a cell raises.
    """
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook = normal(execute(notebook, path.parent))
    shrink_pictures(notebook)
    write_atomically(path, to_text(notebook))


def is_normal(path):
    """Whether the file at `path` is exactly what its normal form would be written as."""
    text = path.read_text(encoding="utf-8")
    return text == to_text(normal(nbformat.reads(text, as_version=4)))


def find(names=(), languages=LANGUAGES, folder=FOLDER):
    """The paths of the notebooks called `names` (all, when there are none) in `languages`.

    A name may carry ``.ipynb`` or a folder; only its stem counts. Raises ValueError for a name
    that no notebook has.
    """
    paths = [path for name in languages for path in sorted((Path(folder) / name).glob("*.ipynb"))]
    stems = {Path(name).name.removesuffix(".ipynb") for name in names}
    unknown = stems - {path.stem for path in paths}
    if unknown:
        known = ", ".join(sorted({path.stem for path in paths})) or "none"
        raise ValueError(f"no notebook is called {', '.join(sorted(unknown))}; there are: {known}")
    return [path for path in paths if not stems or path.stem in stems]


def main(arguments=None):
    parser = argparse.ArgumentParser(description="run the notebooks in place, in normal form")
    parser.add_argument("names", nargs="*", help="such as 5_0_start_here (default: all)")
    parser.add_argument("--lang", choices=LANGUAGES, help="only this edition")
    chosen = parser.parse_args(arguments)
    try:
        paths = find(chosen.names, [chosen.lang] if chosen.lang else LANGUAGES)
    except ValueError as error:
        sys.exit(str(error))
    failed = 0
    for path in paths:
        label = f"{path.parent.name}/{path.name}"
        print(f"{label} …", end=" ", flush=True)
        start = time.perf_counter()
        try:
            run(path)
        except ValueError as error:
            failed += 1
            print(f"not written: {error}")
        else:
            print(f"{time.perf_counter() - start:.1f} s")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
