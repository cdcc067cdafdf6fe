"""Start here: set the book up and open it, or check it, with nothing but a Python.

    python tools/start.py lab        open JupyterLab on the first page
    python tools/start.py test       check the whole book          (all arguments go to pytest)
    python tools/start.py notebooks  run the notebooks again       (… to tools/notebooks.py)
    python tools/start.py images     draw the pictures again       (… to tools/make_images.py)
    python tools/start.py bench      measure the speed             (… to tests/bench/bench.py)
    python tools/start.py book       build the web book            (… to tools/book.py)

`make lab`, `make test`, … call this file. It makes an environment in `.venv`, installs the
versions of constraints.txt into it, leaves a stamp there, and does the work. While the stamp
holds, nothing is installed and no network is needed. What goes wrong is said in one sentence.

Standard library only, and no syntax newer than Python 3.8's: an old Python must still be able
to say that it is too old.
"""

import argparse
import hashlib
import importlib.util
import json
import locale
import os
import platform
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORDS = ROOT / "cnnbook" / "words" / "start.json"
STAMP = "cnnbook-stamp.json"
TORCH_CPU = "https://download.pytorch.org/whl/cpu"

OLDEST_PYTHON = (3, 10)
# The newest Python for which every pinned package has a ready-made build.
NEWEST_PYTHON = {"lab": (3, 14), "test": (3, 13), "book": (3, 14)}

EXTRAS = {
    "lab": ["lab"],
    "test": ["book", "lab", "test"],
    "notebooks": ["lab", "test"],
    "images": ["lab", "test"],
    "bench": ["book", "lab", "test"],
    "book": ["book", "lab"],
}

# Free space an installation needs, in GB: the environment, the downloads and pip's own copy of
# them. With CUDA (Linux, Python 3.11) 6.2 + 3.0 + 3.0 were measured. Without, the parts sum up
# to 1.3 + 0.3 + 0.3, and `make test` adds 0.5.
DISK_CUDA = 13.0
DISK_CPU = 3.0
DISK_MORE = 1.0  # torch is there already


class Stop(Exception):
    """What went wrong, in one sentence for the reader."""


# ------------------------------------------------------------------------------- words


def message_language(asked, environment=os.environ):
    """The language of this program's messages: the edition asked for, else the system's."""
    if asked in ("ko", "en"):
        return asked
    name = environment.get("LC_ALL") or environment.get("LANG") or locale.getlocale()[0] or ""
    return "ko" if name.lower().startswith("ko") else "en"


class Speaker:
    """Says the sentences of cnnbook/words/start.json in one language."""

    def __init__(self, language):
        self.entries = json.loads(WORDS.read_text(encoding="utf-8"))
        self.language = language

    def words(self, name, **values):
        return self.entries[name][self.language].format(**values)

    def say(self, name, **values):
        print(self.words(name, **values), flush=True)

    def stop(self, name, **values):
        return Stop(self.words(name, **values))


# ------------------------------------------------------------------------------- checks


def runs(name):
    """Whether the command `name` starts a Python; some are only signposts (pyenv, Windows)."""
    return shutil.which(name) is not None and works(name, "-c", "import venv")


def check_python(speaker, action, version=sys.version_info, runs=runs):
    """Refuse a Python for which the pinned packages have no builds."""
    version = tuple(version[:2])
    newest = min(NEWEST_PYTHON[extra] for extra in EXTRAS[action])
    if OLDEST_PYTHON <= version <= newest:
        return
    fitting = [f"python3.{minor}" for minor in range(newest[1], OLDEST_PYTHON[1] - 1, -1)]
    found = [name for name in fitting if runs(name)]
    raise speaker.stop(
        "python_too_old" if version < OLDEST_PYTHON else "python_too_new",
        found=".".join(map(str, version)),
        oldest=".".join(map(str, OLDEST_PYTHON)),
        newest=".".join(map(str, newest)),
        remedy=speaker.words("use_this_python", action=action, python=found[0])
        if found
        else speaker.words("get_a_python"),
    )


def check_venv_module(speaker, find=importlib.util.find_spec):
    """Debian and Ubuntu split the part that makes environments off their Python."""
    if find("venv") is None or find("ensurepip") is None:
        raise speaker.stop("no_venv", package=f"python3.{sys.version_info[1]}-venv")


def needed_disk(build, torch, system=None):
    """How many GB must be free before an installation; `build` is the torch already there."""
    if build is not None:
        return DISK_MORE
    cuda = (system or platform.system()) == "Linux" and torch != "cpu"
    return DISK_CUDA if cuda else DISK_CPU


def check_disk(speaker, folder, needed, usage=shutil.disk_usage):
    """Refuse to begin an installation that cannot end well."""
    while not folder.exists():
        folder = folder.parent
    free = usage(str(folder)).free / 1e9
    if free < needed:
        raise speaker.stop("no_disk", needed=f"{needed:.1f}", free=f"{free:.1f}", folder=folder)


def port_is_free(port):
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as probe:
                if os.name == "posix":  # a port in its closing minute is free; Windows differs
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError as error:
            if family == socket.AF_INET or error.errno in (48, 98, 10048):  # address in use
                return False
    return True


def choose_port(speaker, asked, is_free=port_is_free):
    """The port for JupyterLab: the one asked for or none; else the first free one from 8888."""
    if asked and not (asked.isdigit() and 1024 <= int(asked) <= 65535):
        raise speaker.stop("bad_port", port=asked)
    if asked and is_free(int(asked)):
        return int(asked)
    free = next((port for port in range(8888, 8988) if is_free(port)), None)
    if free is None:
        raise speaker.stop("no_port")
    if asked:
        raise speaker.stop("port_taken", port=asked, other=free)
    if free != 8888:
        speaker.say("next_port", port=free)
    return free


# ------------------------------------------------------------------- the environment


def environment_folder(environment=os.environ):
    """`.venv` beside the book, or the folder that CNNBOOK_VENV names."""
    return Path(environment.get("CNNBOOK_VENV") or ROOT / ".venv").expanduser().resolve()


def find_interpreter(folder):
    """The environment's own Python, or None. On Windows venv and conda put it differently."""
    if os.name == "nt":
        candidates = [folder / "Scripts" / "python.exe", folder / "python.exe"]
    else:
        candidates = [folder / "bin" / "python"]
    for candidate in candidates:
        if candidate.exists():  # False for a link whose Python has been removed
            return candidate
    return None


def site_packages(folder):
    return list(folder.glob("lib/python3*/site-packages")) + list(folder.glob("Lib/site-packages"))


def torch_build(folder):
    """Which torch is in the environment: None, "cpu" or "usual" (on Linux: with CUDA)."""
    for place in site_packages(folder):
        version = place / "torch" / "version.py"
        if version.exists():
            return "cpu" if "+cpu" in version.read_text(encoding="utf-8") else "usual"
    return None


def fingerprint():
    """Changes when another set of packages would be installed, or the book was moved."""
    digest = hashlib.sha256(str(ROOT).encode("utf-8"))
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def read_stamp(folder):
    """What was installed, as {"fingerprint", "extras"}; {} if never or not to the end."""
    try:
        stamp = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        return stamp if isinstance(stamp, dict) else {}
    except (OSError, ValueError):
        return {}


def write_stamp(folder, stamp):
    """The last step of an installation: there is never half a stamp."""
    part = folder / (STAMP + ".part")
    part.write_text(json.dumps(stamp), encoding="utf-8")
    os.replace(str(part), str(folder / STAMP))


def is_ready(folder, extras):
    """Whether everything `extras` ask for was installed, from the files as they are today."""
    stamp = read_stamp(folder)
    return (
        find_interpreter(folder) is not None
        and stamp.get("fingerprint") == fingerprint()
        and set(extras) <= set(stamp.get("extras", []))
    )


def pip_commands(python, extras, torch, system=None):
    """The calls of pip that install the book with `extras` into the environment of `python`."""
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    pip += ["-c", "constraints.txt"]  # in ROOT, where these run
    commands = []
    if torch == "cpu" and (system or platform.system()) == "Linux":
        # Only torch itself comes from there, in the pinned version (2.14.1 allows 2.14.1+cpu).
        commands.append(pip + ["--no-deps", "--index-url", TORCH_CPU, "torch", "torchvision"])
    commands.append(pip + ["-e", ".[" + ",".join(sorted(extras)) + "]"])
    return commands


NO_NETWORK = (
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "Network is unreachable",
    "Temporary failure in name resolution",
    "Could not find a version that satisfies the requirement setuptools",
    "(from versions: none)",
)
NO_SPACE = ("No space left on device", "[Errno 28]", "WinError 112", "Disk quota exceeded")


def explain_pip_failure(speaker, errors):
    """One sentence for what pip printed."""
    if any(sign in errors for sign in NO_SPACE):
        return speaker.stop("disk_ran_full")
    if any(sign in errors for sign in NO_NETWORK):
        return speaker.stop("no_network")
    return speaker.stop("pip_failed")


def run_and_listen(command, environment):
    """Run `command` before the reader's eyes; return its exit code and what it said on stderr.

    Only stderr goes through our hands: pip draws its progress bar on a real stdout alone.
    """
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, cwd=str(ROOT))
    heard = []

    def listen():
        for line in process.stderr:
            line = line.decode("utf-8", "replace")
            heard.append(line)
            sys.stderr.write(line)

    listener = threading.Thread(target=listen)
    listener.start()
    code = process.wait()
    listener.join()
    return code, "".join(heard)


def run_pip(speaker, command, environment):
    code, errors = run_and_listen(command, environment)
    if code != 0:
        raise explain_pip_failure(speaker, errors)


# Run by the environment's own Python: names whose files are missing, one a line. An
# installation that was cut off can leave a package that pip takes for whole.
FIND_BROKEN = """
from importlib.metadata import distributions
for one in distributions():
    name = one.metadata["Name"]
    if name and (one.files is None or not all(
        file.locate().exists() for file in one.files if not str(file).endswith(".pyc")
    )):
        print(name + "==" + one.version)
"""
IMPORT_ALL = "import numpy, torch, torchvision, matplotlib, anywidget, ipykernel, cnnbook"


def create_environment(speaker, folder, run=subprocess.run):
    """Make the environment, or make it anew when it is broken. Never empties other folders."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").exists():
        raise speaker.stop("not_an_environment", folder=folder)
    began = time.monotonic()
    speaker.say("making", folder=folder)
    command = [sys.executable, "-m", "venv", "--clear", str(folder)]
    done = run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        print(done.stdout.decode("utf-8", "replace"))
        raise speaker.stop("venv_failed", folder=folder)
    speaker.say("took", seconds=f"{time.monotonic() - began:.1f}")


def works(python, *arguments):
    command = [str(python)] + list(arguments)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def check_torch(speaker, folder, torch, system=None):
    """The CPU build cannot be laid over the CUDA build: gigabytes would stay behind."""
    if torch == "cpu" and (system or platform.system()) == "Linux":
        if torch_build(folder) == "usual":
            raise speaker.stop("other_torch", folder=folder)


def install(speaker, folder, extras, torch):
    """Bring the environment to what pyproject.toml and constraints.txt ask for; stamp it last."""
    python = find_interpreter(folder)
    usable = python is not None and works(python, "-m", "pip", "--version")
    build = torch_build(folder) if usable else None
    torch = torch or ("cpu" if build == "cpu" else "")  # an update keeps the build it finds
    check_disk(speaker, folder, needed_disk(build, torch))
    if not usable:
        check_venv_module(speaker)
        create_environment(speaker, folder)
        python = find_interpreter(folder)

    extras = sorted(set(extras) | set(read_stamp(folder).get("extras", [])))
    if build is None and not torch and platform.system() == "Linux":
        if not shutil.which("nvidia-smi"):
            speaker.say("no_gpu")
    speaker.say("installing", extras=", ".join(extras))
    began = time.monotonic()
    if (folder / STAMP).exists():
        (folder / STAMP).unlink()  # until the new stamp the environment counts as unfinished
    temporary = folder / "tmp"  # the system's own may be a small memory disk
    shutil.rmtree(str(temporary), ignore_errors=True)
    temporary.mkdir()
    environment = dict(os.environ, TMPDIR=str(temporary), PYTHONUTF8="1")
    for command in pip_commands(python, extras, torch):
        run_pip(speaker, command, environment)
    if (folder / "pyvenv.cfg").exists():  # conda leaves files out of its packages on purpose
        repair(speaker, python, environment)
    shutil.rmtree(str(temporary), ignore_errors=True)
    tried = subprocess.run(
        [str(python), "-c", IMPORT_ALL], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if tried.returncode != 0:
        print(tried.stdout.decode("utf-8", "replace"))
        raise speaker.stop("does_not_import", folder=folder)
    write_stamp(folder, {"fingerprint": fingerprint(), "extras": extras})
    speaker.say("took", seconds=f"{time.monotonic() - began:.1f}")


def repair(speaker, python, environment):
    """Install again what an interrupted installation left half there."""
    found = subprocess.run([str(python), "-c", FIND_BROKEN], stdout=subprocess.PIPE)
    broken = found.stdout.decode("utf-8").split()
    if broken:
        speaker.say("repairing", packages=", ".join(broken))
        pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        run_pip(speaker, pip + ["--no-deps", "--ignore-installed"] + broken, environment)


# ------------------------------------------------------------------------------- actions


def lab_command(python, language, port, browser, more=()):
    """JupyterLab on the first page of the edition, asking the network for nothing."""
    page = f"notebooks/{language}/5_0_start_here.ipynb"
    command = [str(python), "-m", "jupyterlab", f"--ServerApp.root_dir={ROOT}"]
    command += [f"--LabApp.default_url=/lab/tree/{page}"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    command += ["--ServerApp.answer_yes=True"]  # one Ctrl-C ends it
    command += ["--LabApp.news_url=None"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    if not browser:
        command += ["--no-browser"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # a container's only user
        command += ["--allow-root"]
    return command + list(more)


def action_commands(speaker, action, python, more):
    """The commands of one action, in order; all but `lab`."""
    if action == "test":
        return [[python, "-m", "pytest", "-n", "auto", "--dist", "loadfile"] + more]
    if action == "book":
        needed = [ROOT / "tools" / "book.py", ROOT / "notebooks" / "conf.py"]
        commands = [[python, needed[0]] + more]
    else:
        program = {
            "notebooks": "tools/notebooks.py",
            "images": "tools/make_images.py",
            "bench": "tests/bench/bench.py",
        }[action]
        needed = [ROOT / program]
        commands = [[python, needed[0]] + more]
    if not all(path.exists() for path in needed):
        raise speaker.stop("not_yet", action=action)
    return commands


def run_all(commands):
    """Run the commands in the book's folder; the first exit code that is not 0, or 0."""
    for command in commands:
        code = subprocess.call([str(word) for word in command], cwd=str(ROOT))
        if code != 0:
            return code
    return 0


def parse(arguments, environment=os.environ):
    """The action, its options (also from the environment, for make) and all other arguments."""
    parser = argparse.ArgumentParser(
        prog="start.py", description="Set the book up and open it, or check it.", allow_abbrev=False
    )
    parser.add_argument("action", choices=sorted(EXTRAS))
    parser.add_argument("--lang", default=environment.get("LANG_BOOK", ""), help="ko or en")
    parser.add_argument("--port", default=environment.get("PORT", ""), help="JupyterLab's port")
    parser.add_argument("--torch", default=environment.get("TORCH", ""), help="cpu: small build")
    parser.add_argument(
        "--no-browser",
        action="store_true",
        default=environment.get("BROWSER_OPEN", "").lower() in ("no", "0", "false"),
        help="print the address and open no browser",
    )
    options, more = parser.parse_known_args(arguments)
    return options, more


def start(speaker, options, more):
    """Do what was asked for; return the exit code."""
    if options.lang not in ("", "ko", "en"):
        raise speaker.stop("bad_language", language=options.lang)
    if options.torch not in ("", "cpu"):
        raise speaker.stop("bad_torch", torch=options.torch)
    began = time.monotonic()
    folder = environment_folder()
    extras = EXTRAS[options.action]
    port = None
    if options.action == "lab":
        port = choose_port(speaker, options.port)
    else:
        action_commands(speaker, options.action, "python", more)  # what does not exist stops here
    check_torch(speaker, folder, options.torch)
    if is_ready(folder, extras):
        speaker.say("ready", folder=folder)
    else:
        if find_interpreter(folder) is None:
            check_python(speaker, options.action)
        install(speaker, folder, extras, options.torch)
    python = find_interpreter(folder)
    if options.action == "lab":
        speaker.say("opening", port=port, seconds=f"{time.monotonic() - began:.1f}")
        command = lab_command(python, options.lang or "ko", port, not options.no_browser, more)
        if os.name == "posix":
            os.chdir(str(ROOT))
            os.execv(command[0], command)  # so that Ctrl-C and kill reach JupyterLab itself
        return run_all([command])
    code = run_all(action_commands(speaker, options.action, python, more))
    speaker.say("total", action=options.action, seconds=f"{time.monotonic() - began:.0f}")
    return code


def main(arguments):
    options, more = parse(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # Python 3.7
            stream.reconfigure(errors="replace")  # without Hangul show ?, not a traceback
    speaker = Speaker(message_language(options.lang))
    try:
        return start(speaker, options, more)
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 1
    except PermissionError as error:
        print(speaker.words("read_only", folder=error.filename), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(speaker.words("interrupted"), file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
