"""JupyterLab as the reader has it: run a chapter, move its figure, find the change in Python."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from jupyter_client import BlockingKernelClient

ROOT = Path(__file__).parents[2]
CHAPTER = ROOT / "notebooks" / "ko" / "5_1_2_1_convolution_layer.ipynb"
PATIENCE = 120  # seconds, of a busy machine

# What the reader would print to see the state of the figure in front of them.
ASK = """
from ipywidgets.widgets.widget import _instances
from cnnbook.figures import ConvolutionExplorer
found = [w for w in _instances.values() if isinstance(w, ConvolutionExplorer)]
"""


@pytest.fixture
def lab(tmp_path, chromium):
    """A JupyterLab of its own: own folders, a free port; yields its address and its folder."""
    folder = tmp_path / "books"
    folder.mkdir()
    shutil.copy(CHAPTER, folder / "chapter.ipynb")
    quiet = tmp_path / "settings" / "@jupyterlab" / "apputils-extension"
    quiet.mkdir(parents=True)  # no question about news over the page, no look for a newer version
    (quiet / "notification.jupyterlab-settings").write_text(
        '{"fetchNews": "false", "checkForUpdates": false}'
    )
    places = ("JUPYTER_CONFIG", "JUPYTER_RUNTIME", "JUPYTERLAB_SETTINGS", "JUPYTERLAB_WORKSPACES")
    own = {f"{name}_DIR": str(tmp_path / name.split("_")[1].lower()) for name in places}
    own |= {"IPYTHONDIR": str(tmp_path / "ipython"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--ip=127.0.0.1"]
    command += ["--ServerApp.port=0", "--IdentityProvider.token=", "--allow-root"]
    command += ["--LabApp.expose_app_in_browser=True"]
    log = tmp_path / "lab.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **own}, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + PATIENCE
        address = None
        while address is None:
            assert server.poll() is None, f"JupyterLab ended:\n{log.read_text()}"
            assert time.monotonic() < deadline, f"JupyterLab did not start:\n{log.read_text()}"
            found = re.search(r"http://127\.0\.0\.1:\d+/", log.read_text())
            address = found and found.group()
            time.sleep(0.2)
        yield address, tmp_path
    finally:
        server.terminate()
        server.wait(timeout=30)


def ask_python(address, folder, expression):
    """The value of `expression` in the kernel of the open notebook; `found` are its explorers."""
    with urllib.request.urlopen(f"{address}api/sessions", timeout=10) as answer:
        (session,) = json.load(answer)
    client = BlockingKernelClient()
    client.load_connection_file(str(folder / "runtime" / f"kernel-{session['kernel']['id']}.json"))
    client.start_channels()
    try:
        expressions = {"value": f"__import__('json').dumps({expression})"}
        reply = client.execute(
            ASK, silent=True, user_expressions=expressions, reply=True, timeout=PATIENCE
        )
    finally:
        client.stop_channels()
    answer = reply["content"]["user_expressions"]["value"]
    assert answer["status"] == "ok", answer
    return json.loads(answer["data"]["text/plain"].strip("'"))


def test_the_reader_and_python_move_the_same_figure(lab, chromium):
    address, folder = lab
    page = chromium.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(PATIENCE * 1000)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{address}lab/tree/chapter.ipynb?reset")
    page.wait_for_function(KERNEL_IS_READY)
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")

    figure = page.locator('.cnnbook-figure[data-figure="convolution_explorer"]').first
    figure.wait_for()
    page.wait_for_function(KERNEL_IS_IDLE)
    figure.scroll_into_view_if_needed()
    # the first explorer of the chapter is the first that Python made
    stride_before = ask_python(address, folder, "found[0].stride")
    stride = figure.locator('input[type="range"]').nth(1)
    stride.focus()
    page.keyboard.press("ArrowRight")
    wait_for_value(page, address, folder, "found[0].stride", stride_before + 1)
    page.keyboard.press("ArrowLeft")
    wait_for_value(page, address, folder, "found[0].stride", stride_before)

    # the arrow key steps the window and stays with the figure
    active = "jupyterapp.shell.currentWidget.content.activeCellIndex"
    figure.locator(".output .board").focus()
    page.keyboard.press("Home")
    wait_for_value(page, address, folder, "found[0].position", [0, 0])
    cell_before = page.evaluate(active)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    wait_for_value(page, address, folder, "found[0].position", [2, 0])
    assert page.evaluate(active) == cell_before
    output = ask_python(address, folder, "found[0].output.tolist()")
    shown = figure.locator(".total").inner_text().removeprefix("= ").replace("−", "-")
    assert float(shown) == output[2][0]

    # and back: what Python sets, the page shows
    ask_python(address, folder, "setattr(found[0], 'kernel', 'identity')")
    ask_python(address, folder, "setattr(found[0], 'position', [0, 1])")
    middle = ask_python(address, folder, "found[0].image[1, 2]")
    page.wait_for_function(
        "([figure, text]) => figure.querySelector('.total').textContent === text",
        arg=[figure.element_handle(), f"= {middle:.0f}"],
    )
    assert errors == []
    page.close()


def wait_for_value(page, address, folder, expression, expected):
    deadline = time.monotonic() + PATIENCE
    while (value := ask_python(address, folder, expression)) != expected:
        assert time.monotonic() < deadline, f"{expression} is {value}, not {expected}"
        page.wait_for_timeout(200)


KERNEL_IS_READY = """() => {
  const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
  return session?.session?.kernel?.connectionStatus === 'connected';
}"""
KERNEL_IS_IDLE = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const code = panel.content.widgets.filter((cell) => cell.model.type === 'code');
  return panel.sessionContext.session.kernel.status === 'idle'
    && code.every((cell) => cell.model.executionCount || !cell.model.sharedModel.source.trim());
}"""
