"""Files: what ships, where files are kept, and everything that can go wrong with a download.

The downloads run the book's own engine against a web server on this machine.
"""

import errno
import http.server
import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pooch
import pytest

from cnnbook import files
from cnnbook.files import DataError, asset, digest, fetch, find, write_atomically
from cnnbook.language import set_language

ROOT = Path(__file__).resolve().parents[2]
CONTENT = b"what was published\n" * 10_000
SHA256 = digest(CONTENT)


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """No folder of this machine is looked into."""
    set_language("en")
    monkeypatch.delenv("CNNBOOK_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(files, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(files, "DEBIAN", tmp_path / "debian")


def fails_with(problem):
    """A function that takes anything and fails."""

    def fail(*_, **__):
        raise problem

    return fail


# ---- what ships; writing -------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["changed", "truncated", "missing", "no list"])
def test_a_damaged_asset_is_never_read(damage, tmp_path, monkeypatch):
    for name in ("SHA256SUMS", "photo_cat.jpg"):
        (tmp_path / name).write_bytes((files.ASSETS / name).read_bytes())
    monkeypatch.setattr(files, "ASSETS", tmp_path)
    whole = asset("photo_cat.jpg")
    assert whole[:2] == b"\xff\xd8"
    if damage in ("changed", "truncated"):
        (tmp_path / "photo_cat.jpg").write_bytes(whole[:-1] + b"!" * (damage == "changed"))
    else:
        (tmp_path / ("SHA256SUMS" if damage == "no list" else "photo_cat.jpg")).unlink()
    with pytest.raises(DataError, match=r"photo_cat\.jpg is missing or damaged .*git restore"):
        asset("photo_cat.jpg")


@pytest.mark.parametrize("name", ["photo_dog.jpg", "", "../models.py", "SHA256SUMS"])
def test_what_does_not_ship_is_no_asset(name):
    with pytest.raises(ValueError, match=f"name is {re.escape(repr(name))}; what ships is .*cora"):
        asset(name)


@pytest.mark.parametrize("content", ["한글\nß\r\n", b"\x00\r\n"])
def test_a_file_is_written_as_it_is(content, tmp_path):
    write_atomically(tmp_path / "x", content)
    found = (tmp_path / "x").read_bytes()
    assert (found if isinstance(content, bytes) else found.decode("utf-8")) == content


@pytest.mark.parametrize("content", ["\ud800 is no letter", None, "new"])
def test_a_file_is_never_half_written(content, tmp_path, monkeypatch):
    (tmp_path / "x").write_text("old")
    if content == "new":
        problem = OSError(errno.ENOSPC, "No space left on device")
        monkeypatch.setattr(files.os, "replace", fails_with(problem))
    with pytest.raises((ValueError, TypeError, OSError)):
        write_atomically(tmp_path / "x", content)
    assert (tmp_path / "x").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


# ---- where files are kept -------------------------------------------------------------------


@pytest.mark.parametrize("tilde", [True, False])
def test_the_readers_folder_comes_first_then_the_cache(tilde, tmp_path, monkeypatch):
    for folder in ("own", "cache", "debian"):
        (tmp_path / folder / "deep").mkdir(parents=True)
        (tmp_path / folder / "deep" / "file").write_bytes(CONTENT)
    for variable in ("HOME", "USERPROFILE"):  # the second is Windows'
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setenv("CNNBOOK_DATA", "~/own" if tilde else str(tmp_path / "own"))
    words = []
    for folder in ("own", "cache", "debian"):
        found = fetch("http://nowhere.invalid", SHA256, "deep/file")
        assert found == find("deep/file") == tmp_path / folder / "deep" / "file"
        words.append(files.described(tmp_path / folder))
        found.unlink()
    assert find("deep/file") is None
    assert words == [
        f"the CNNBOOK_DATA folder {Path('~/own')}",
        f"the book's cache folder {Path('~/cache')}",
        f"the Debian package's folder {Path('~/debian')}",
    ]


@pytest.mark.parametrize("folder", ["usb-stick", "~nobody-of-this-name/x", "a file"])
def test_a_folder_that_is_not_there_is_said_and_not_passed_over(folder, tmp_path, monkeypatch):
    (tmp_path / "a file").write_text("")
    named = folder if folder.startswith("~") else str(tmp_path / folder)
    monkeypatch.setenv("CNNBOOK_DATA", named)
    for look in (find, lambda name: fetch("http://nowhere.invalid", SHA256, name)):
        with pytest.raises(DataError, match=f"{folder}, which does not exist: correct the path"):
            look("file")


FIXES = {
    "own": "put a sound copy there, or remove the variable CNNBOOK_DATA",
    "cache": "delete it and run this again to download it anew",
    "debian": "apt install --reinstall dataset-fashion-mnist",
}


@pytest.mark.parametrize("folder", FIXES)
@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT[:-1] + b"!", None])
def test_a_damaged_file_is_named_and_not_passed_over(
    folder, content, tmp_path, monkeypatch, server
):
    (tmp_path / folder).mkdir()
    if folder == "own":
        monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "own"))
    path = tmp_path / folder / "file"
    path.write_bytes(content or b"")
    if content is None:
        problem = OSError(errno.EIO, "Input/output error")
        monkeypatch.setattr(Path, "read_bytes", fails_with(problem))
    pattern = f"{re.escape(str(path))} is damaged and was not used .*{FIXES[folder]}"
    with pytest.raises(DataError, match=pattern):
        fetch(server.address, SHA256, "file")
    assert server.asked == []


# ---- downloading ----------------------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    """Sends `CONTENT`, unless `server.trouble(handler)` has answered."""

    server: Any

    def do_GET(self):
        self.server.asked.append(self.path)
        if not self.server.trouble(self):
            self.answer(200, len(CONTENT), CONTENT)

    def answer(self, status, length, content):
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)
        return True

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    running: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.asked, running.trouble = [], lambda handler: False
    running.address = f"http://127.0.0.1:{running.server_port}/file"
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def in_cache():
    paths = [path for path in files.CACHE.rglob("*") if path.is_file()]
    names = {path.relative_to(files.CACHE).as_posix() for path in paths}
    return sorted(names - {"download.lock"})


@pytest.mark.parametrize("known", [SHA256, SHA256[:8]])
def test_a_download_is_kept_and_not_repeated(known, server, capsys):
    under_way = []
    server.trouble = lambda _: under_way.append(in_cache())
    path = fetch(server.address, known, "deep/file")
    assert path.read_bytes() == CONTENT and path == files.CACHE / "deep" / "file"
    assert under_way == [["deep/file.part"]]  # moved into place when whole, on the same disk
    printed = capsys.readouterr()
    assert printed.out.startswith("Downloading file into ") and printed.out.count("\n") == 1
    assert "100%" in printed.err
    assert fetch(server.address, known, "deep/file") == path
    assert in_cache() == ["deep/file"] and len(server.asked) == 1
    assert capsys.readouterr() == ("", "")


def falls_silent(handler, content=b""):
    if content:
        handler.answer(200, len(CONTENT), content)
    return handler.server.released.wait(20)


def raw(content):
    return lambda handler: handler.wfile.write(content)


OK = b"HTTP/1.0 200 OK\r\n"
TROUBLES = {
    "broken": (lambda h: h.answer(500, 0, b""), "check the network.*500"),
    "silent": (falls_silent, "check the network.*timed out"),
    "half": (lambda h: h.answer(200, len(CONTENT), CONTENT[:-9]), "check the network|not file"),
    "log-in page": (lambda h: h.answer(200, 6, b"<html>"), "not file .*Wi-Fi login"),
    "silent half-way": (lambda h: falls_silent(h, CONTENT[:-9]), "check the network.*timed out"),
    "no HTTP": (raw(b"220 mail server ready\r\n"), "check the network"),
    "no length": (raw(OK + b"\r\n" + CONTENT[:-9]), "not file"),
    "length in words": (raw(OK + b"Content-Length: many\r\n\r\n" + CONTENT), "check the network"),
    "broken chunks": (raw(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "check the netw"),
    "packed": (raw(OK + b"Content-Encoding: gzip\r\n\r\n" + CONTENT), "check the network"),
    "in circles": (raw(b"HTTP/1.0 302 Found\r\nLocation: /file\r\n\r\n"), "check the network"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_failed_download_is_said_in_one_line_and_leaves_nothing(trouble, server, monkeypatch):
    server.trouble, message = TROUBLES[trouble]
    server.released = threading.Event()
    monkeypatch.setattr(files, "TIMEOUT", 0.3)
    with pytest.raises(DataError, match=message) as found:
        fetch(server.address, SHA256, "file")
    server.released.set()
    assert "\n" not in str(found.value)
    assert found.value.__suppress_context__ or found.value.__context__ is None
    assert server.address in str(found.value) and in_cache() == []
    server.trouble = lambda handler: False
    assert fetch(server.address, SHA256, "file").read_bytes() == CONTENT  # the next try works


@pytest.mark.parametrize("wrong", ["", "f37072f", SHA256.upper(), SHA256 + "0", "no number"])
def test_a_hash_that_would_check_nothing_is_refused(wrong, server):
    with pytest.raises(ValueError, match=f"sha256 is '{wrong}'"):
        fetch(server.address, wrong, "file")
    assert server.asked == []


@pytest.mark.parametrize(
    "problem, message",
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full: free at least 100 MB"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk is full: free at least 100 MB"),
        (OSError(errno.EROFS, "Read-only file system"), "cannot be written to: allow writing"),
        (KeyboardInterrupt(), None),
    ],
)
def test_the_disk_fills_up_or_the_reader_stops_it(problem, message, server, monkeypatch):
    """It breaks off while half of the file is on the disk."""

    def breaks_off(self, url, path, *_):
        Path(path).write_bytes(CONTENT[:1000])
        raise problem

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", breaks_off)
    with pytest.raises(DataError if message else KeyboardInterrupt, match=message):
        fetch(server.address, SHA256, "file")
    assert in_cache() == []


def test_a_cache_that_cannot_be_written_to(server, monkeypatch):
    """The administrator may write anywhere, so the refusal is played by the call that meets it."""
    files.CACHE.write_text("not a folder")
    for _ in range(2):
        with pytest.raises(DataError, match="cache cannot be written to: allow writing there, or"):
            fetch(server.address, SHA256, "file")
        refusal = PermissionError(errno.EACCES, "Permission denied")
        monkeypatch.setattr(Path, "mkdir", fails_with(refusal))
    assert server.asked == []


def test_the_rest_of_a_killed_download_is_no_obstacle(server):
    files.CACHE.mkdir()
    (files.CACHE / "file.part").write_bytes(b"x" * 2 * len(CONTENT))
    (files.CACHE / "download.lock").write_bytes(b"")
    assert fetch(server.address, SHA256, "file").read_bytes() == CONTENT
    assert in_cache() == ["file"]


ONE_OF_TWO = """
import json, sys
from pathlib import Path
from typing import Any
from cnnbook import files
from cnnbook.language import set_language

cache, address, sha256 = json.loads(sys.argv[1])
set_language("en")
files.CACHE = Path(cache)
print(files.digest(files.fetch(address, sha256, "file").read_bytes()))
"""


@pytest.mark.parametrize("killed", [False, True])
def test_two_processes_at_once_download_once(killed, server):
    """The server answers only when one process is downloading and the other one says it waits.
    When the first one is killed then, the other one goes on."""
    someone_waits = threading.Event()
    server.trouble = lambda _: not someone_waits.wait(60)
    facts = json.dumps([str(files.CACHE), server.address, SHA256])
    command = [sys.executable, "-c", ONE_OF_TWO, facts]
    ways = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "encoding": "utf-8"}
    processes, printed = [], []
    for _ in range(2):
        processes.append(subprocess.Popen(command, cwd=ROOT, **ways))
        printed.append([processes[-1].stdout.readline()])  # before the second one starts
    assert printed[0][0].startswith("Downloading file")
    assert printed[1][0].startswith("Another program is downloading")
    if killed:
        processes[0].kill()
        processes[0].wait(60)
    someone_waits.set()
    for process, lines in zip(processes, printed, strict=True):
        lines += process.communicate(timeout=60)[0].splitlines()
    assert printed[1][-1] == SHA256
    assert killed or (printed[0][-1] == SHA256 and len(server.asked) == 1)
    assert in_cache() == ["file"]
