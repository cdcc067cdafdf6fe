"""Start here: set the book up and open it, or check it, with nothing but a Python.

    python tools/start.py lab        open JupyterLab on the first page
    python tools/start.py test       check the whole book (all arguments go to pytest)

`make lab`, `make test`, … call this file; ACTIONS has all of them. It makes an environment in
`.venv`, installs the versions of constraints.txt into it, leaves a stamp there, and does the work.
While the stamp holds, nothing is installed and no network is needed. What goes wrong is said in
one sentence. Standard library only, and no syntax newer than Python 3.8's: an old Python must
still be able to say that it is too old.
"""

import argparse
import hashlib
import importlib.util
import json
import locale
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMP = "cnnbook-stamp.json"
TORCH_CPU = os.environ.get("TORCH_INDEX") or "https://download.pytorch.org/whl/cpu"
VERSION = "{}.{}".format(*sys.version_info)
LINUX = sys.platform.startswith("linux")
DISK = {"cuda": 13, "cpu": 3}  # GB: environment, downloads, pip's copy; measured 12.2 and 1.9
PYTEST = "-m pytest -n auto --dist loadfile"
ACTIONS = {  # what an action needs of pyproject.toml, and the program that gets its arguments
    "lab": ("lab", "-m jupyterlab"),
    "test": ("book,lab,test", PYTEST),
    "test-fast": ("book,lab,test", PYTEST + " --ignore=notebooks -m not(browser)"),
    "lint": ("lab,test", "-m ruff check"),
    "notebooks": ("lab,test", "tools/notebooks.py"),
    "images": ("lab,test", "tools/make_images.py"),
    "bench": ("book,lab,test", "bench/bench.py"),
    "book": ("book,lab", "tools/book.py"),
}


def say(name, file=None, **values):
    """Print a sentence of words/start.json in the language of the edition, else the system's."""
    system = os.environ.get("LC_ALL") or os.environ.get("LANG") or locale.getlocale()[0] or ""
    language = "ko" if system.lower().startswith("ko") else "en"
    sentences = json.loads((ROOT / "cnnbook/words/start.json").read_text(encoding="utf-8"))[name]
    sentence = sentences.get(os.environ.get("LANG_BOOK"), sentences[language])
    print(sentence.format(**values), file=file, flush=True)


def stop(name, **values):
    say(name, file=sys.stderr, **values)
    raise SystemExit(1)


def run(*command, **options):
    """Run a command in the book's folder; return its exit code."""
    return subprocess.call([str(word) for word in command], cwd=str(ROOT), **options)


def works(*command):
    """Whether a command ends well; some Pythons are only signposts (pyenv, Windows)."""
    try:
        return run(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def check_python(action, version=VERSION):
    """Refuse a Python for which the pinned packages have no builds; name one that fits."""
    newest = 13 if "test" in ACTIONS[action][0] else 14  # pyoxipng has no build for 3.14
    fitting = [f"3.{minor}" for minor in range(newest, 9, -1)]
    if version not in fitting:
        works_here = (name for name in fitting if works("python" + name, "-c", "import ensurepip"))
        here = next(works_here, None)
        name = "use_another_python" if here else "get_another_python"
        stop(name, found=version, newest=fitting[0], action=action, python=here)


def cpu_build_is_offered(seconds=6):
    """Whether PyTorch's index answers soon, and with the pinned torch for this Python."""
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    version = re.search(r"^torch==([\w.]+)", pins, flags=re.M).group(1)
    wheel = f"torch-{version}+cpu-cp{VERSION.replace('.', '')}-"
    ask = "import sys, urllib.request as u; sys.stdout.buffer.write(u.urlopen(sys.argv[1]).read())"
    # A program of its own: a name server that is silent, or a page that trickles, takes minutes.
    command = [sys.executable, "-c", ask, TORCH_CPU + "/torch/"]
    try:
        page = subprocess.run(command, timeout=seconds, capture_output=True).stdout
    except subprocess.TimeoutExpired:
        return False
    return wheel in page.decode("utf-8", "replace").replace("%2B", "+")


def choose_torch(folder, asked):
    """The build of torch: what is installed, what was asked for, or what suits the machine."""
    if not LINUX:
        return "cpu"  # the usual build is the small one
    there = None
    for path in folder.glob("lib/python3*/site-packages/torch/version.py"):
        there = "cpu" if "+cpu" in path.read_text(encoding="utf-8") else "cuda"
    if there and asked and there != asked:
        stop("other_torch", folder=folder, asked=asked)
    if there or asked:
        return there or asked
    if shutil.which("nvidia-smi") or Path("/proc/driver/nvidia").exists():
        return "cuda"
    offered = not os.environ.get("PIP_NO_INDEX") and cpu_build_is_offered()
    say("cpu_build" if offered else "no_cpu_build")
    return "cpu" if offered else "cuda"


def fingerprint():
    """Changes when another set of packages would be installed, or the book was moved."""
    files = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"\0".join([str(ROOT).encode("utf-8"), *files])).hexdigest()


def read_stamp(folder):
    """{"made_here", "fingerprint", "extras"}; an installation that was cut off has the first."""
    try:
        return dict(json.loads((folder / STAMP).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def write_stamp(folder, **stamp):
    (folder / STAMP).write_text(json.dumps(stamp), encoding="utf-8")


def check_folder(folder):
    """Refuse a folder with other things in it, and a Python that cannot make environments."""
    if importlib.util.find_spec("ensurepip") is None:  # Debian and Ubuntu split it off
        stop("no_venv", package=f"python{VERSION}-venv")
    ours = (folder / "pyvenv.cfg").exists() or (folder / STAMP).exists()
    if folder.exists() and not ours and any(folder.iterdir()):
        stop("not_an_environment", folder=folder)


def run_installer(folder, python, extras, torch):
    """Install the book with `extras`; torch's small build before it, from its own index."""
    log = folder / "pip.log"
    command = [python, "-m", "pip", "install", "--no-input", "--log", log]
    # uv is faster, but reads none of pip's settings (another index, wheels on a disk).
    uv = os.environ.get("CNNBOOK_UV") != "no" and shutil.which("uv")
    if uv and not any(name.startswith("PIP_") for name in os.environ):
        settings = [str(python), "-m", "pip", "config", "list"]
        if not subprocess.run(settings, stdout=subprocess.PIPE).stdout.strip():
            command = [uv, "pip", "install", "--python", python]
    command += ["-c", "constraints.txt"]
    commands = [command + ["-e", ".[" + ",".join(extras) + "]"]]
    if torch == "cpu" and LINUX:  # torch==2.14.1 allows 2.14.1+cpu
        small = ["--no-deps", "--index-url", TORCH_CPU, "torch", "torchvision"]
        commands.insert(0, command + small)
    log.write_text("", encoding="utf-8")
    temporary = folder / "tmp"  # the system's own may be a small memory disk
    temporary.mkdir(exist_ok=True)
    environment = dict(os.environ, TMPDIR=str(temporary), PYTHONUTF8="1")
    failed = any(run(*command, env=environment) != 0 for command in commands)
    shutil.rmtree(str(temporary), ignore_errors=True)
    if failed:
        said = log.read_text(encoding="utf-8", errors="replace")
        offline = re.search("connection broken|timed out", said, flags=re.I)
        full = "[Errno 28]" in said
        stop("disk_full" if full else "no_network" if offline else "not_installed")


def install(folder, python, usable, extras, torch):
    """Bring the environment to what pyproject.toml and constraints.txt ask for; stamp it last."""
    stamp = read_stamp(folder)
    place = next(place for place in [folder, *folder.parents] if place.exists())
    free = shutil.disk_usage(str(place)).free / 1e9
    if "fingerprint" not in stamp and free < DISK[torch]:
        stop("no_disk", needed=DISK[torch], free=f"{free:.1f}", folder=folder)
    if not usable:
        say("making", folder=folder)
        shutil.rmtree(str(folder), ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        stamp = {"made_here": True}
    if stamp.get("made_here"):  # until the end it counts as cut off, and would be made anew
        write_stamp(folder, made_here=True)
    if not usable and run(sys.executable, "-m", "venv", folder) != 0:
        stop("no_environment", folder=folder)
    extras = sorted({*extras, *stamp.get("extras", [])})
    say("installing", extras=", ".join(extras))
    try:
        run_installer(folder, python, extras, torch)
    except SystemExit:
        write_stamp(folder, **stamp)  # pip undoes what it cannot finish: what was there works
        raise
    if run(python, "-c", "import numpy, torch, matplotlib, cnnbook") != 0:
        stop("does_not_import", folder=folder)
    write_stamp(folder, **{**stamp, "fingerprint": fingerprint(), "extras": extras})


def action_commands(action, python, more):
    """The commands of an action, one by one; `lab` has more to say."""
    yield [python, *ACTIONS[action][1].split(), *more]
    if action == "lint":
        yield [python, "-m", "ruff", "format", "--check"]
        lock, done = ROOT / "package-lock.json", ROOT / "node_modules" / ".package-lock.json"
        npm = shutil.which("npm") or stop("no_npm")
        if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
            yield [npm, "ci", "--no-audit", "--no-fund"]
        yield [npm, "run", "--silent", "lint"]


def open_lab(python, options, more):
    """JupyterLab on the first page of the edition, asking the network for nothing."""
    page = f"notebooks/{options.lang or 'ko'}/5_0_start_here.ipynb"
    choices = [f"--ServerApp.root_dir={ROOT}", f"--LabApp.default_url=/lab/tree/{page}"]
    # A taken port leads to the next free one; one Ctrl-C ends it.
    choices += [f"--ServerApp.port={options.port}", "--ServerApp.answer_yes=True"]
    choices += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    choices += ["--LabApp.news_url=None"] + (["--no-browser"] if options.no_browser else [])
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # a container's only user
        choices += ["--allow-root"]
    (command,) = action_commands("lab", str(python), choices + more)
    if os.name == "posix":
        os.chdir(str(ROOT))
        os.execv(command[0], command)  # Ctrl-C and kill reach JupyterLab itself
    return run(*command)


def start(options, more):
    """Do what was asked for; return the exit code."""
    began = time.monotonic()
    for setting, value, known in (
        ("LANG_BOOK", options.lang, ("ko", "en")),
        ("TORCH", options.torch, ("cpu", "cuda")),
    ):
        if value not in ("", *known):
            stop("bad_choice", setting=setting, value=value, known=", ".join(known))
    if not (options.port.isdecimal() and 1024 <= int(options.port) <= 65535):
        stop("bad_port", port=options.port)
    folder = os.path.expanduser(os.environ.get("CNNBOOK_VENV") or str(ROOT / ".venv"))
    folder = Path(folder).resolve()
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp, extras = read_stamp(folder), ACTIONS[options.action][0].split(",")
    has_pip = works(python, "-c", "import pip") or works(python, "-m", "ensurepip")
    usable = has_pip and stamp.keys() != {"made_here"}  # else it is made anew
    try:
        if not usable:
            check_python(options.action)
            check_folder(folder)
        torch = choose_torch(folder, options.torch)
        up_to_date = usable and stamp.get("fingerprint") == fingerprint()
        if up_to_date and set(extras) <= set(stamp.get("extras", [])):
            say("ready", folder=folder)
        else:
            install(folder, python, usable, extras, torch)
    except OSError as error:
        stop("not_writable", folder=folder, reason=error.strerror)
    # What runs below finds the environment's own programs first.
    os.environ["PATH"] = str(python.parent) + os.pathsep + os.environ.get("PATH", "")
    if options.action == "lab":
        say("opening", seconds=f"{time.monotonic() - began:.1f}")
        return open_lab(python, options, more)
    codes = [run(*command) for command in action_commands(options.action, python, more)]
    say("total", action=options.action, seconds=f"{time.monotonic() - began:.0f}")
    return next((code for code in codes if code != 0), 0)


def main(arguments, settings=os.environ):
    """Read the action and its options, which make hands over in the environment."""
    parser = argparse.ArgumentParser(prog="start.py", allow_abbrev=False)
    closed = settings.get("BROWSER_OPEN", "").lower() in ("no", "0", "false")
    parser.add_argument("action", choices=list(ACTIONS))
    parser.add_argument("--lang", default=settings.get("LANG_BOOK", ""), help="ko or en")
    parser.add_argument("--port", default=settings.get("PORT") or "8888", help="JupyterLab's port")
    parser.add_argument("--torch", default=settings.get("TORCH", ""), help="cpu or cuda")
    parser.add_argument("--no-browser", action="store_true", default=closed, help="open none")
    options, more = parser.parse_known_args(arguments)
    settings["LANG_BOOK"] = options.lang
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # without Hangul show ?, not a traceback
    try:
        return start(options, more)
    except KeyboardInterrupt:
        say("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
