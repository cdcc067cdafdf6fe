"""The first cell and the check-up: they print what is there, and name what is wrong with a cure."""

import numpy as np
import pytest

import cnnbook
from cnnbook import environment, language


@pytest.fixture(autouse=True)
def threads_and_language():
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
    language.set_language("ko")


def test_setup_prints_what_it_found(capsys, monkeypatch):
    monkeypatch.setenv("CNNBOOK_THREADS", "1")
    cnnbook.setup("en", seed=3)
    import torch

    said = capsys.readouterr().out
    assert torch.__version__ in said and "threads: 1" in said and "seed 3" in said
    assert "cnnbook Gothic" in said and environment.device_name() in said
    assert language.language() == "en" and torch.get_num_threads() == 1
    first = torch.rand(1)
    cnnbook.setup("en", seed=np.int64(3), threads=np.int64(1))
    assert torch.equal(first, torch.rand(1))


@pytest.mark.parametrize(
    "arguments, words",
    [
        (dict(language="de"), "'de'"),
        (dict(seed=-1), "-1"),
        (dict(seed="0"), "'0'"),
        (dict(threads=0), "0"),
        (dict(threads="two"), "'two'"),
        (dict(threads=True), "True"),
        (dict(seed=True), "True"),
        (dict(seed=2**32), "4294967296"),
    ],
)
def test_setup_names_what_it_refuses(arguments, words):
    with pytest.raises(ValueError, match=words):
        cnnbook.setup(**arguments)


def test_the_check_up_finds_nothing_to_mend(capsys):
    language.set_language("ko")
    from cnnbook import plots

    plots.use_book_style()
    assert environment.check_up() == []
    checked = len(environment.PACKAGES) + 6  # Python, pair, memory, disk, font, data
    said = capsys.readouterr().out
    assert "✗" not in said
    assert said.endswith(f"✓ {checked}가지를 살펴보았고, 모자란 것은 0가지입니다.\n")


def test_the_check_up_says_how_to_mend(capsys, monkeypatch):
    import psutil

    from cnnbook import data

    def missing(name):
        raise environment.PackageNotFoundError(name)

    class Little:
        available = 2**28

    def damaged(size):
        raise data.DataError("torn")

    language.set_language("en")
    monkeypatch.setattr(environment, "PACKAGES", ("torch", "no_such_package"))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Little)
    monkeypatch.setattr(data, "fashion_mnist", damaged)
    monkeypatch.setattr(environment.sys, "version_info", (3, 9))
    assert environment.check_up() == ["python", "package", "memory", "data"]
    said = capsys.readouterr().out
    assert said.count("✗") == 5 and said.count("→") == 4
    assert "no_such_package" in said and "torn" in said and "8 things; missing: 4." in said
