"""Files: what ships with the book, where others are kept, and how one is downloaded.

    asset("cora.npz")                        # the bytes of a file that ships with the book
    fetch(url, sha256, "mobilenet_v2.pth")   # the path of one that is found, or downloaded once

No file is used whose SHA-256 is not the expected one, and none is ever seen half-written.
"""

import errno
import hashlib
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import platformdirs

from cnnbook.language import text

ASSETS = Path(__file__).parent / "assets"
CACHE = platformdirs.user_cache_path("cnnbook", appauthor=False)
DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # Debian package dataset-fashion-mnist
TIMEOUT = 30  # seconds of silence after which a download gives up


class DataError(RuntimeError):
    """A file cannot be had; the message says in one sentence what to do."""


def asset(name: str) -> bytes:
    """The content of a file that ships with the book, compared with ``assets/SHA256SUMS``.

    Raises ValueError if no file of this name ships, DataError if it is missing or was changed.
    """
    try:
        lines = (ASSETS / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
        listed = {line[66:]: line[:64] for line in lines}  # 64 digits, two spaces, the name
        if name not in listed:
            raise ValueError(f"name is {name!r}; what ships is {', '.join(listed)}")
        content = (ASSETS / name).read_bytes()
    except OSError as error:
        raise DataError(text("files.asset_damaged", name=name, error=error)) from None
    if digest(content) != listed[name]:
        reason = text("files.wrong_hash")
        raise DataError(text("files.asset_damaged", name=name, error=reason))
    return content


def digest(content: bytes) -> str:
    """The SHA-256 of `content`: 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def short(folder: Path) -> str:
    """The folder as text, with ~ for the home folder: outputs are shown to others."""
    home = Path(os.path.expanduser("~"))
    return str(Path("~") / folder.relative_to(home) if folder.is_relative_to(home) else folder)


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write text (UTF-8, ``\\n``) or bytes so that a reader sees the old file or the new one."""
    path = Path(path)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


# ---- where files are kept -----------------------------------------------------------------------


def folders() -> list[Path]:
    """Where files are looked for, in this order: ``$CNNBOOK_DATA`` if set, the cache, Debian's.

    Raises DataError if ``$CNNBOOK_DATA`` names no folder.
    """
    named = os.environ.get("CNNBOOK_DATA")
    if not named:
        return [CACHE, DEBIAN]
    folder = Path(os.path.expanduser(named))
    if not folder.is_dir():
        raise DataError(text("files.no_folder", folder=folder))
    return [folder, CACHE, DEBIAN]


def find(name: str) -> Path | None:
    """The first file `name` in one of the `folders`."""
    return next((f / name for f in folders() if (f / name).is_file()), None)


def source_of(path: Path) -> str:
    """Which of the `folders` is, or holds, `path`: "environment", "cache" or "debian"."""
    if path.is_relative_to(CACHE):
        return "cache"
    return "debian" if path.is_relative_to(DEBIAN) else "environment"


def described(folder: Path) -> str:
    """One of the `folders` for the reader: "the book's cache folder ~/.cache/cnnbook"."""
    return text(f"files.from_{source_of(folder)}", folder=short(folder))


def damaged(path: Path, reason: object) -> DataError:
    """The error that says that a file which was found is not used, and how to mend that."""
    fix = text(f"files.fix_{source_of(path)}")
    return DataError(text("files.damaged", file=path, error=reason, fix=fix))


def read(path: Path, sha256: str) -> bytes:
    """The content of a file that was found; DataError if its SHA-256 does not begin so."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise damaged(path, error) from None
    if not digest(content).startswith(sha256):
        raise damaged(path, text("files.wrong_hash"))
    return content


# ---- downloading --------------------------------------------------------------------------------


def fetch(url: str, sha256: str, name: str) -> Path:
    """The path of the file `name`: found in one of the `folders`, or downloaded into the cache.

    url : where the file is published
    sha256 : its SHA-256, or the first digits of it (8 or more) where no others are published
    name : the file, perhaps with folders, below the folder it is kept in: "FashionMNIST/raw/x.gz"

    Raises ValueError if `sha256` is no such number; DataError if the file that was found, or the
    one that was sent, is another one, or if it cannot be downloaded or kept. A download that
    failed leaves no file behind.
    """
    if not re.fullmatch("[0-9a-f]{8,64}", sha256):
        raise ValueError(f"sha256 is {sha256!r}; it must be 8 to 64 of the digits 0-9 and a-f")
    path = find(name)
    if path is None:
        path = CACHE / name
        _download(url, sha256, path)
    read(path, sha256)
    return path


def _download(url: str, sha256: str, path: Path) -> None:
    import requests  # only here: both take their time

    part = path.with_name(path.name + ".part")  # of a process that was killed: written over
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(CACHE / "download.lock"):
            if path.is_file():
                return  # another process was first
            print(text("files.downloading", name=path.name, folder=short(CACHE)), flush=True)
            try:
                _receive(url, part)
                if not digest(part.read_bytes()).startswith(sha256):
                    raise DataError(text("files.not_the_file", name=path.name, url=url))
                os.replace(part, path)
            finally:
                part.unlink(missing_ok=True)
    except (requests.RequestException, ValueError) as error:  # ValueError: a length in words
        reason = " ".join(str(error).split())  # in one line
        raise DataError(text("files.no_network", name=path.name, url=url, error=reason)) from None
    except OSError as error:
        full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None))
        problem = "files.disk_full" if full else "files.read_only"
        raise DataError(text(problem, error=error, folder=CACHE, name=path.name)) from None


def _receive(url: str, part: Path) -> None:
    """Write what is sent from `url` to the file `part`, with a progress bar."""
    import pooch

    download = pooch.HTTPDownloader(
        progressbar=True,
        chunk_size=2**16,
        timeout=TIMEOUT,
        headers={"Accept-Encoding": "identity"},  # the bytes as they lie on the server
    )
    download(url, str(part), None)


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Let one process at a time go on. The system opens the lock of a process that dies."""
    with path.open("ab") as file:
        if not _locked(file):
            print(text("files.waiting"), flush=True)
            while not _locked(file):
                time.sleep(0.1)
        yield


def _locked(file: BinaryIO) -> bool:
    """Try to lock the file for this process; False if another one has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
