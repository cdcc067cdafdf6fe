"""The machine that measures: what it is, what it has, and how it is set up."""

import contextlib
import io
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn")
sys.path[1:1] = [str(ROOT), str(ROOT / "tools")]


def prepare():
    """English, and threads as in the book. Call it before anything imports torch."""
    import cnnbook

    with contextlib.redirect_stdout(io.StringIO()):
        cnnbook.setup("en")


def machine():
    """What the numbers depend on; nothing that tells whose machine it is."""
    import torch

    return {
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def processor_name():
    """The maker's name of the processor, where the system tells it."""
    listed = Path("/proc/cpuinfo")
    if listed.exists():
        for line in listed.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def versions():
    """{"python": …, "torch": …, …}; None where a package is not installed."""
    found = {"python": platform.python_version(), **dict.fromkeys(PACKAGES)}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def now():
    """The time in UTC, as 2026-11-24T10:50:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@contextlib.contextmanager
def chromium(*flags):
    """The browser that the tests open, with more `flags`; RuntimeError where there is none."""
    from book import FLAGS, find_chromium
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None:
        raise RuntimeError("no Chromium found; CNNBOOK_CHROMIUM can name one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
        yield browser
        browser.close()
