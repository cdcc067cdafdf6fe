"""The first cell of every chapter, and the check-up of the start page."""

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import SupportsIndex

from cnnbook.language import say, set_language, text

PACKAGES = ("torch", "torchvision", "numpy", "matplotlib", "anywidget", "ipywidgets", "jupyterlab")


def setup(
    language: str = "ko", *, seed: SupportsIndex = 0, threads: SupportsIndex | None = None
) -> None:
    """Make a notebook ready, and print what it runs on.

    Sets the language of figures, plots and checks, the font, the seeds of Python, NumPy and torch,
    and the number of threads.

    language : "ko" or "en"
    seed : whole number, 0 or more: see :func:`cnnbook.training.seed_everything`
    threads : for torch. Without it the environment variable ``CNNBOOK_THREADS`` counts, and without
        that two, the number the committed outputs were made with (one on a one-core machine).

    Raises ValueError if the language is unknown, or seed or threads is not such a number.
    """
    set_language(language)
    threads = use_threads(threads)
    import torch

    from cnnbook import plots, training

    training.seed_everything(seed)
    family = plots.use_book_style()
    book = sys.modules["cnnbook"].__version__  # no import: that would lead upwards
    say(
        f"cnnbook {book} · Python {platform.python_version()} · torch {torch.__version__} · "
        f"torchvision {version('torchvision')}"
    )
    say(text("environment.setup", device=device_name(), threads=threads, font=family, seed=seed))


def thread_count(threads: SupportsIndex | None = None) -> int:
    """`threads`, or else the variable ``CNNBOOK_THREADS``, or else two (one on a one-core machine).

    Raises ValueError if that is not a whole number, 1 or more.
    """
    given = os.environ.get("CNNBOOK_THREADS") if threads is None else threads
    if given in (None, ""):
        return min(2, os.cpu_count() or 1)
    if not str(given).isdecimal() or int(given) < 1:
        raise ValueError(f"threads is {given!r}; it must be a whole number, 1 or more")
    return int(given)


def use_threads(threads: SupportsIndex | None = None) -> int:
    """Let torch compute on `thread_count` threads; returns how many. Call it before using torch."""
    threads = thread_count(threads)
    share_cores()
    import torch

    torch.set_num_threads(threads)
    return threads


def share_cores(single_thread: bool = False) -> None:
    """Be a good neighbour to other programs; for this process and those that it starts.

    A thread of torch that waits for another keeps its core busy. With other programs running
    (another kernel, a browser, thirty students on one server) that costs more than it gains:
    one epoch of `SpeedrunCNN` took 22–31 s on a busy 2-core machine, and 6–7 s with sleeping
    threads. OpenMP reads this once, when torch is first imported. Use `single_thread` where
    several such processes run side by side: two with two threads each on two cores wait for each
    other most of the time.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if single_thread:
        os.environ.setdefault("CNNBOOK_THREADS", "1")
        os.environ.setdefault("OMP_NUM_THREADS", "1")


def device_name() -> str:
    """What torch computes on here, as `choose_device` finds it: "cuda (its name)", "mps", "cpu"."""
    import torch

    from cnnbook.training import choose_device

    name = choose_device().type
    return f"cuda ({torch.cuda.get_device_name()})" if name == "cuda" else name


def check_up() -> list[str]:
    """Look at everything a chapter needs; print what is missing, each with what to do, and a
    line that says how much was looked at.

    Returns the names of what is missing; empty when all is well.
    """
    findings = [
        _python(),
        *map(_package, PACKAGES),
        _torch_pair(),
        _memory(),
        _disk(),
        _font(),
        _data(),
    ]
    wrong = []
    for name, found, mend in findings:
        if mend is not None:
            say(f"✗ {text('environment.' + name)}: {found}\n    → {mend}")
            wrong.append(name)
    sign = "✗" if wrong else "✓"
    say(sign, text("environment.summary", total=len(findings), count=len(wrong)))
    return wrong


# Each looks at one thing: (name, what was found, what to do or None).


def _python():
    mend = None if sys.version_info >= (3, 10) else text("environment.mend_python")
    return "python", platform.python_version(), mend


def _package(name):
    try:
        return "package", f"{name} {version(name)}", None
    except PackageNotFoundError:
        return "package", name, text("environment.mend_package", name=name)


def _torch_pair():
    try:
        import torchvision  # a torchvision made for another torch fails right here

        return "pair", f"{version('torch')} + {torchvision.__version__}", None
    except Exception as error:
        return "pair", f"{type(error).__name__}: {error}", text("environment.mend_pair")


def _memory():
    import psutil

    return _enough("memory", psutil.virtual_memory().available, 1)


def _disk():
    return _enough("disk", shutil.disk_usage(os.getcwd()).free, 0.5)


def _enough(name, free, least):
    mend = None if free >= least * 2**30 else text(f"environment.mend_{name}")
    return name, f"{free / 2**30:.1f} GiB", mend


def _font():
    import matplotlib
    from matplotlib import font_manager

    family = matplotlib.rcParams["font.family"][0]
    path = font_manager.findfont(family, fallback_to_default=True)
    characters = font_manager.get_font(path).get_charmap()
    mend = None if ord("합") in characters else text("environment.mend_font")
    return "font", f"{family} (합성곱)", mend


def _data():
    from cnnbook import data

    try:
        mini = data.fashion_mnist("mini")
        return "data", f"{len(mini.train):,} + {len(mini.test):,}", None
    except Exception as error:
        return "data", str(error), text("environment.mend_data")
