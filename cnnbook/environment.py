"""The first cell of every chapter, and the check-up of the start page."""

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version

from cnnbook.language import set_language, text

PACKAGES = ("torch", "torchvision", "numpy", "matplotlib", "anywidget", "ipywidgets", "jupyterlab")


def setup(language="ko", *, seed=0, threads=None):
    """Make a notebook ready, and print what it runs on.

    Sets the language of figures, plots and checks, the font, the seeds of Python, NumPy and torch,
    and the number of threads.

    Parameters
    ----------
    language : "ko" or "en"
    seed : int, 0 or more
    threads : int, optional
        Threads for torch. Without it the environment variable ``CNNBOOK_THREADS`` counts, and
        without that two, the number the committed outputs were made with (one on a one-core
        machine).

    Raises
    ------
    ValueError
        If the language is unknown, or seed or threads is not such a number.
    """
    set_language(language)
    if not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed is {seed!r}; it must be a whole number, 0 or more")
    threads = _threads(threads)
    # A thread of torch that waits for another keeps its core busy. With other programs running
    # (another kernel, a browser, thirty students on one server) that costs more than it gains:
    # one epoch of `SpeedrunCNN` took 22–31 s on a busy 2-core machine, and 6–7 s with sleeping
    # threads. OpenMP reads this once, when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    import torch

    from cnnbook import plots, training

    torch.set_num_threads(threads)
    training.seed_everything(seed)
    family = plots.use_book_style()
    from cnnbook import __version__

    print(
        f"cnnbook {__version__} · Python {platform.python_version()} · torch {torch.__version__} · "
        f"torchvision {version('torchvision')}"
    )
    print(text("environment.setup", device=device_name(), threads=threads, font=family, seed=seed))


def device_name():
    """What torch can compute on here, best first: "cuda (its name)", "mps" or "cpu"."""
    import torch

    if torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name()})"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def check_up():
    """Look at everything a chapter needs and print a line each: ✓, or ✗ with what to do.

    Returns
    -------
    list of str
        The names of what needs mending; empty when all is well.
    """
    findings = [
        _python(),
        *map(_package, PACKAGES),
        _torch_pair(),
        _cores(),
        _memory(),
        _disk(),
        _font(),
        _device(),
        _data(),
    ]
    wrong = []
    for name, found, mend in findings:
        print(f"{'✓' if mend is None else '✗'} {text('environment.' + name)}: {found}")
        if mend is not None:
            print(f"    → {mend}")
            wrong.append(name)
    print(text("environment.summary", count=len(wrong)))
    return wrong


def _threads(threads):
    cores = os.cpu_count() or 1
    if threads is None:
        threads = os.environ.get("CNNBOOK_THREADS") or min(2, cores)
    if not str(threads).isdigit() or int(threads) < 1:
        raise ValueError(f"threads is {threads!r}; it must be a whole number, 1 or more")
    return int(threads)


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


def _cores():
    return "cores", str(os.cpu_count()), None


def _memory():
    import psutil

    free = psutil.virtual_memory().available / 2**30
    mend = None if free >= 1 else text("environment.mend_memory")
    return "memory", f"{free:.1f} GiB", mend


def _disk():
    free = shutil.disk_usage(os.getcwd()).free / 2**30
    mend = None if free >= 0.5 else text("environment.mend_disk")
    return "disk", f"{free:.1f} GiB", mend


def _font():
    import matplotlib
    from matplotlib import font_manager

    family = matplotlib.rcParams["font.family"][0]
    path = font_manager.findfont(family, fallback_to_default=True)
    characters = font_manager.get_font(path).get_charmap()
    mend = None if ord("합") in characters else text("environment.mend_font")
    return "font", f"{family} (합성곱)", mend


def _device():
    return "device", device_name(), None


def _data():
    from cnnbook import data

    try:
        mini = data.fashion_mnist("mini")
        return "data", f"{len(mini.train):,} + {len(mini.test):,}", None
    except Exception as error:
        return "data", str(error), text("environment.mend_data")
