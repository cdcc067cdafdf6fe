"""tools/start.py as a newcomer runs it, in a copy of the book, with stand-ins for pip and venv."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import start

ROOT = Path(__file__).resolve().parents[2]
SOURCE = (ROOT / "tools" / "start.py").read_text(encoding="utf-8")
NO_SERVER = "http://127.0.0.1:9"
posix = pytest.mark.skipif(os.name != "posix", reason="the stand-ins are scripts")
no_card = pytest.mark.skipif(
    not start.LINUX or Path("/proc/driver/nvidia").exists(), reason="for Linux without NVIDIA card"
)

# The environment's Python: notes its arguments; as pip it says and does what the test asks for.
PYTHON = f"""#!{sys.executable} -IS
import os, signal, sys
words = " ".join(sys.argv[1:])
with open(os.environ["CALLS"], "a") as file:
    file.write(words + "\\n")
if " config list" in words:
    print(os.environ.get("SETTINGS", ""))
if "install" in sys.argv:
    with open(sys.argv[sys.argv.index("--log") + 1], "a") as log:
        log.write(os.environ.get("SAYS", ""))
    if os.environ.get("KILL") == "pip":
        os.kill(os.getppid(), signal.SIGKILL)
sys.exit(int(os.environ.get("FAILS", "none") in words))
"""
# The module venv: makes such an environment, or is cut off half-way.
VENV = f"""
import os, pathlib, signal, sys
folder = pathlib.Path(sys.argv[1])
(folder / "bin").mkdir(parents=True)
(folder / "pyvenv.cfg").write_text("home = somewhere")
with open(os.environ["CALLS"], "a") as file:
    file.write("venv\\n")
if os.environ.get("KILL") == "venv":
    os.kill(os.getppid(), signal.SIGKILL)
(folder / "bin" / "python").write_text({PYTHON!r})
(folder / "bin" / "python").chmod(0o755)
"""


def write_script(path, text):
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def book(tmp_path):
    """A copy of what start.py reads, and `run`: its output, its error, its code and its calls."""
    folder, stand_ins, programs = (tmp_path / name for name in ("the book", "modules", "bin"))
    for name in ("tools/start.py", "cnnbook/words/start.json", "pyproject.toml", "constraints.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    stand_ins.mkdir()
    programs.mkdir()
    (stand_ins / "venv.py").write_text(VENV, encoding="utf-8")
    calls = tmp_path / "calls"

    def run(*arguments, folder=folder, **settings):
        environment = {
            "PATH": str(programs),  # no nvidia-smi, no uv, no npm
            "PYTHONPATH": str(stand_ins),
            "PYTHONIOENCODING": "utf-8",
            "LANG": "en_GB.UTF-8",
            "TORCH_INDEX": NO_SERVER,
            "CALLS": str(calls),
            **settings,
        }
        calls.write_text("")
        command = [sys.executable, "-S", str(folder / "tools" / "start.py"), *arguments]
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", env=environment, timeout=60
        )
        done.calls = [line for line in calls.read_text().splitlines() if line != "-c import pip"]
        done.installed = [line for line in done.calls if " install " in line]
        return done

    return SimpleNamespace(folder=folder, programs=programs, venv=folder / ".venv", run=run)


def test_an_old_python_can_read_the_program_and_needs_nothing_else():
    tree = ast.parse(SOURCE, feature_version=(3, 8))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {node.module for node in imports if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in imports for alias in getattr(node, "names", [])} - {"Path"}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_every_sentence_is_there_and_used():
    entries = json.loads((ROOT / "cnnbook/words/start.json").read_text(encoding="utf-8"))
    names = {node.value for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.Constant)}
    assert set(entries) <= names
    assert set(re.findall(r'\b(?:say|stop)\("(\w+)"', SOURCE)) <= set(entries)


@posix
@pytest.mark.parametrize(
    "action, version, taken",
    [("lab", "3.9", False), ("lab", "3.10", True), ("lab", "3.14", True), ("lab", "3.15", False)]
    + [("test", "3.13", True), ("test", "3.14", False), ("book", "2.7", False)],
)
def test_only_pythons_that_the_packages_have_builds_for(
    action, version, taken, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LANG_BOOK", "en")
    if taken:
        return start.check_python(action, version)
    with pytest.raises(SystemExit):
        start.check_python(action, version)
    assert re.match(rf"This Python is {version}, .*python\.org", capsys.readouterr().err)
    write_script(tmp_path / "python3.11", "#!/bin/sh\nexit 1")  # one of pyenv's signposts
    write_script(tmp_path / "python3.10", "#!/bin/sh\nexit 0")
    with pytest.raises(SystemExit):
        start.check_python(action, version)
    assert f"make {action} PYTHON=python3.10" in capsys.readouterr().err


def test_a_python_or_a_disk_that_cannot_hold_an_environment(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LANG_BOOK", "en")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=2.5e9))
    with pytest.raises(SystemExit):
        start.install(tmp_path / "new", None, False, ["lab"], "cpu")
    assert "needs 3 GB" in capsys.readouterr().err
    monkeypatch.setattr(start.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        start.check_folder(tmp_path / "new")
    assert re.search(r"sudo apt install python3\.\d+-venv", capsys.readouterr().err)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"PORT": "80"}, "from 1024 to 65535"),
        ({"PORT": "²"}, "from 1024 to 65535"),
        ({"LANG_BOOK": "fr"}, "There is no LANG_BOOK=fr; choose from: ko, en"),
        ({"LANG": "ko_KR.EUC-KR", "PORT": "80"}, "1024에서 65535"),
        ({"LC_ALL": "ko_KR.UTF-8", "LANG_BOOK": "en", "PORT": "80"}, "from 1024 to 65535"),
        ({"LANG_BOOK": "ko", "PORT": "80", "PYTHONIOENCODING": "ascii"}, "1024?? 65535"),
        ({"CNNBOOK_VENV": str(ROOT / "README.md" / "x"), "TORCH": "cpu"}, "can't be written"),
        ({"CNNBOOK_VENV": str(ROOT / "tests"), "TORCH": "cpu"}, "isn't a Python environment"),
    ],
)
def test_what_goes_wrong_is_one_line_and_exit_code_1(book, settings, sentence):
    before = sorted(path.name for path in (ROOT / "tests").iterdir())
    done = book.run("lab", **settings)
    assert done.returncode == 1 and sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1 and not done.calls
    assert sorted(path.name for path in (ROOT / "tests").iterdir()) == before


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make on this system")
def test_make_without_a_python_says_so():
    done = subprocess.run(["make", "lab", "PYTHON=no-such-python"], cwd=ROOT, capture_output=True)
    assert done.returncode != 0 and b"There is no 'no-such-python' here" in done.stderr


@posix
def test_a_first_run_installs_and_a_second_one_does_not(book):
    first = book.run("test", "-k", "two words")
    assert [call.split()[:3] for call in first.calls[:2]] == [["venv"], ["-m", "pip", "install"]]
    assert first.calls[-1].startswith("-m pytest") and first.calls[-1].endswith("-k two words")
    for action in ("test", "lab", "book"):
        again = book.run(action, FAILS={"lab": "jupyterlab", "book": "book.py"}.get(action, "none"))
        assert len(again.calls) == 1 and "Everything is in place" in again.stdout
        assert again.returncode == (action != "test")  # the program's own code
    assert not (book.venv / "tmp").exists()


@posix
def test_what_has_changed_is_installed_into_the_same_environment(book):
    assert "[lab]" in book.run("lab").installed[-1]
    assert "[book,lab,test]" in book.run("test").installed[-1]
    (book.folder / "constraints.txt").open("a").write("# one byte more\n")
    assert book.run("lab", FAILS=" install ").returncode == 1
    shutil.copy(ROOT / "constraints.txt", book.folder)  # nothing new is asked for, nothing is lost
    assert book.run("test").installed == []
    moved = shutil.copytree(book.folder, book.folder.parent / "moved")
    for damaged in ("", "[]", "null", "{"):
        (moved / ".venv" / start.STAMP).write_text(damaged)
        done = book.run("lab", folder=moved)
        assert len(done.installed) == 1 and "venv" not in done.calls


@posix
@pytest.mark.parametrize("place", ["venv", "pip"])
@pytest.mark.parametrize("earlier", [False, True])
def test_the_next_run_finishes_what_was_cut_off(book, place, earlier):
    if earlier:
        book.run("lab")
        if place == "venv":
            (book.venv / "bin" / "python").unlink()
    assert book.run("test", KILL=place).returncode < 0
    done = book.run("test")
    assert done.calls[0] == "venv" and len(done.installed) == 1 and done.returncode == 0
    assert book.run("test").installed == []


@posix
def test_the_readers_own_environment_is_never_emptied(book):
    book.run("lab")
    (book.venv / start.STAMP).unlink()
    (book.venv / "thesis.txt").write_text("years of work")
    for settings in ({"KILL": "pip"}, {"FAILS": " install "}, {"FAILS": "import "}, {}):
        done = book.run("lab", **settings)  # "import ": has no pip, as uv makes them
        assert "venv" not in done.calls and len(done.installed) == 1
        (book.venv / start.STAMP).unlink(missing_ok=True)
    assert (book.venv / "thesis.txt").exists() and done.returncode == 0


@posix
@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"FAILS": " install ", "SAYS": "OSError: [Errno 28] No space left"}, "disk ran full"),
        ({"FAILS": " install ", "SAYS": "Read timed out."}, "needs the network"),
        ({"FAILS": " install ", "SAYS": "exited with error"}, "last lines above say why"),
        ({"FAILS": "import numpy"}, "Redistributable"),
    ],
)
def test_a_failed_installation_is_said_and_tried_again(book, settings, sentence):
    done = book.run("lab", **settings)
    assert done.returncode == 1 and sentence in done.stderr and "Traceback" not in done.stderr
    assert len(book.run("lab").installed) == 1


@pytest.fixture
def index():
    """A stand-in for PyTorch's index that answers with `index.page`; None: with nothing at all."""
    over = threading.Event()

    class Answer(SimpleHTTPRequestHandler):
        def do_GET(self):
            if server.page is None:
                return over.wait(20)
            self.send_response(200 if self.path == "/torch/" else 404)
            self.end_headers()
            self.wfile.write(server.page.encode())

    pin = re.search(r"^torch==(.+)$", (ROOT / "constraints.txt").read_text(), flags=re.M).group(1)
    python = f"cp3{sys.version_info.minor}"
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.wheel = f'<a href="torch-{pin}%2Bcpu-{python}-{python}-linux_x86_64.whl">torch</a>'
        server.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        over.set()
        server.shutdown()


@posix
@no_card
@pytest.mark.parametrize(
    "page, settings, small, sentence",
    [
        ("{wheel}", {}, True, "small CPU build; for the big one give TORCH=cuda"),
        ("{wheel}", {"TORCH": "cuda"}, False, ""),
        ("{wheel}", {"PIP_NO_INDEX": "1"}, False, "installs the usual one"),
        ("<a>torch-1.0%2Bcpu-cp310-cp310.whl</a>", {}, False, "installs the usual one"),
        ("Welcome to the Wi-Fi of our school!", {}, False, "installs the usual one"),
        ("", {"TORCH": "cpu"}, True, ""),
        ("", {"TORCH_INDEX": NO_SERVER}, False, "installs the usual one"),
        (None, {}, False, "installs the usual one"),
    ],
)
def test_without_a_card_the_small_torch_is_taken_where_it_is_offered(
    book, index, page, settings, small, sentence
):
    index.page = page and page.format(wheel=index.wheel)
    done = book.run("lab", **{"TORCH_INDEX": index.address, **settings})
    assert done.returncode == 0 and sentence in done.stdout
    assert ("NVIDIA" in done.stdout) == bool(sentence)
    from_index = [" --no-deps " in call and " --index-url " in call for call in done.installed]
    assert from_index == ([True, False] if small else [False])


@posix
@no_card
@pytest.mark.parametrize("build, other", [("2.14.1+cpu", "cuda"), ("2.14.1+cu130", "cpu")])
def test_the_torch_that_is_installed_stays(book, index, build, other):
    index.page = index.wheel
    book.run("lab", TORCH_INDEX=index.address)
    torch = book.venv / "lib" / "python3.11" / "site-packages" / "torch"
    torch.mkdir(parents=True)
    (torch / "version.py").write_text(f"__version__ = '{build}'\n")
    refused = book.run("lab", TORCH=other)
    assert refused.returncode == 1 and f"for TORCH={other} remove that folder" in refused.stderr
    done = book.run("test", TORCH_INDEX=index.address)
    assert len(done.installed) == (2 if other == "cuda" else 1) and "NVIDIA" not in done.stdout


@posix
@pytest.mark.parametrize(
    "settings, used",
    [({}, True), ({"CNNBOOK_UV": "no"}, False)]
    + [({"PIP_FIND_LINKS": "wheels"}, False), ({"SETTINGS": "global.index-url='mirror'"}, False)],
)
def test_uv_installs_unless_it_is_unwanted_or_pip_has_settings(book, settings, used):
    write_script(book.programs / "uv", f'#!{sys.executable} -IS\nprint("uv at work")\n')
    done = book.run("lab", TORCH="cuda", **settings)
    assert ("uv at work" in done.stdout) == used and bool(done.installed) != used
    assert done.returncode == 0


@posix
@pytest.mark.parametrize("language", ["ko", "en"])
def test_lab_opens_the_first_page_of_the_edition(book, language):
    (call,) = book.run("lab", LANG_BOOK=language, BROWSER_OPEN="no", PORT="18888").calls[-1:]
    page = re.search(r"default_url=/lab/tree/(\S+)", call).group(1)
    assert (ROOT / page).is_file() and f"/{language}/" in page
    assert f"root_dir={book.folder} " in call and "--no-browser" in call and "port=18888" in call
    assert "--no-browser" not in book.run("lab", LANG_BOOK=language).calls[-1]


@posix
def test_lint_tells_everything_at_once(book):
    done = book.run("lint", FAILS="ruff format")
    assert done.returncode == 1 and "no npm" in done.stderr
    assert [call.split()[1] for call in done.calls[-2:]] == ["ruff", "ruff"]
    npm = f'#!{sys.executable} -IS\nimport sys\nprint("npm", sys.argv[1])\n'
    write_script(book.programs / "npm", npm)
    (book.folder / "package-lock.json").write_text("{}")
    done = book.run("lint", FAILS="ruff check")
    assert done.returncode == 1 and re.findall(r"npm (\w+)", done.stdout) == ["ci", "run"]
    (book.folder / "node_modules").mkdir()
    (book.folder / "node_modules" / ".package-lock.json").write_text("{}")
    done = book.run("lint")
    assert done.returncode == 0 and re.findall(r"npm (\w+)", done.stdout) == ["run"]
