"""Fashion-MNIST: the set that ships with the book, the full set, and two ways to feed a network.

    clothes = fashion_mnist()                       # the mini set: no network needed
    for images, labels in batches(clothes.train, batch_size=100, shuffle=True):
        ...                                         # float32 (100, 1, 28, 28), int64 (100,)

A `Part` is also a torch dataset: ``torch.utils.data.DataLoader(clothes.train, batch_size=100)``
gives the very same pictures, only more slowly.

Data: Xiao, Rasul, Vollgraf, "Fashion-MNIST", arXiv:1708.07747 (2017); MIT licence.
"""

import errno
import gzip
import hashlib
import io
import os
import shutil
import socket
import tempfile
import zlib
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import filelock
import numpy as np
import platformdirs
import torch

from cnnbook.language import text

# Mean and standard deviation of all 47,040,000 pixels of the official 60,000 training pictures,
# with pixels from 0 to 1.
MEAN = 0.2860
STD = 0.3530

# SHA-256 of the four official files, unpacked: the same whoever packed them.
FILES = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
ASSETS = Path(__file__).parent / "assets"
CACHE = platformdirs.user_cache_path("cnnbook", appauthor=False)
DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # Debian package dataset-fashion-mnist
NO_ANSWER = 30  # seconds of silence after which a download gives up


class DataError(RuntimeError):
    """The data cannot be had; the message says in one sentence what to do."""


@dataclass(repr=False, eq=False)
class Part:
    """Pictures with their labels.

    Attributes
    ----------
    images : torch.Tensor
        uint8 (N, C, H, W), 0 = black … 255 = white; Fashion-MNIST: (N, 1, 28, 28).
    labels : torch.Tensor
        int64 (N,), the class numbers.
    """

    images: torch.Tensor
    labels: torch.Tensor

    def __post_init__(self):
        if self.images.dtype != torch.uint8 or self.images.ndim != 4:
            found = f"{self.images.dtype} {tuple(self.images.shape)}"
            raise ValueError(f"images are {found}; they must be uint8 (N, C, H, W)")
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            found = f"{self.labels.dtype} {tuple(self.labels.shape)}"
            raise ValueError(f"labels are {found}; they must be int64 ({len(self.images)},)")

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        """One number gives one normalised picture and its label, as a DataLoader wants it.

        ``part[3]`` → float32 (C, H, W), int. A slice, a list or a tensor of places, or a mask
        (bool, one a picture) gives a smaller `Part`: ``part[:100]``, ``part[part.labels == 7]``.
        """
        if isinstance(index, slice):
            return Part(self.images[index], self.labels[index])
        index = torch.as_tensor(index)
        if index.ndim == 0:
            return normalise(self.images[int(index)]), int(self.labels[int(index)])
        if index.dtype != torch.bool:
            index = index.long()
        return Part(self.images[index], self.labels[index])

    def __repr__(self):
        return f"Part(images: uint8 {tuple(self.images.shape)}, labels: int64 ({len(self)},))"

    def split(self, count, generator=None):
        """Set `count` pictures aside, for validation: returns ``(rest, aside)``, both `Part`.

        Drawn at random but stratified: each class gives its share, rounded up or down. Both
        parts keep the original order. `generator` (a ``torch.Generator``) fixes the draw;
        without one, torch's global generator is used.
        """
        if not 0 < count < len(self):
            raise ValueError(f"count is {count}; it must lie between 1 and {len(self) - 1}")
        shuffled = torch.randperm(len(self), generator=generator)
        by_class = shuffled[self.labels[shuffled].argsort(stable=True)]
        evenly_spaced = torch.arange(count) * len(self) // count
        aside = torch.zeros(len(self), dtype=torch.bool)
        aside[by_class[evenly_spaced]] = True
        return self[~aside], self[aside]

    def per_class(self, count, generator=None):
        """A random `Part` with `count` pictures of every class that occurs, in original order.

        Raises ValueError if a class has fewer than `count`.
        """
        shuffled = torch.randperm(len(self), generator=generator)
        chosen = []
        for label in self.labels.unique():
            places = shuffled[self.labels[shuffled] == label]
            if not 0 < count <= len(places):
                raise ValueError(
                    f"count is {count}; class {int(label)} has {len(places)} pictures"
                    f" to choose from, so it must lie between 1 and {len(places)}"
                )
            chosen.append(places[:count])
        return self[torch.cat(chosen).sort().values]


@dataclass(repr=False, eq=False)
class FashionMNIST:
    """What `fashion_mnist` returns: two parts, the ten class names, and where it came from."""

    train: Part
    test: Part
    classes: tuple
    source: str

    def __repr__(self):
        return f"FashionMNIST(train: {len(self.train)} pictures, test: {len(self.test)} pictures)"


def fashion_mnist(size="mini", download=True):
    """Load Fashion-MNIST and print in one line what was loaded, and from where.

    Parameters
    ----------
    size : str
        ``"mini"``: ships with the book; the first 1,000 pictures of each class of the official
        training set, in their order, and the whole official test set of 10,000.
        ``"full"``: all 60,000 + 10,000. Looked for in the folder ``$CNNBOOK_DATA``, in the book's
        cache folder, in the folder of Debian's package ``dataset-fashion-mnist``; then
        downloaded (31 MB) into the cache folder.
    download : bool
        May *full* be downloaded?

    Returns
    -------
    FashionMNIST
        ``.train`` and ``.test`` (`Part`: ``images`` uint8 (N, 1, 28, 28), ``labels`` int64 (N,)),
        ``.classes`` (ten names in the language in use), ``.source``.

    Raises
    ------
    ValueError
        If `size` is neither.
    DataError
        If files are missing or damaged or cannot be downloaded. *mini* never stands in for *full*.
    """
    if size == "mini":
        train, test, source = _mini()
    elif size == "full":
        train, test, source = _full(download)
    else:
        raise ValueError(f'size is {size!r}; it must be "mini" or "full"')
    classes = tuple(text(f"data.class_{number}") for number in range(10))
    print(text("data.loaded", size=size, train=len(train), test=len(test), source=source))
    return FashionMNIST(train, test, classes, source)


def normalise(images):
    """uint8 pictures 0 … 255 → float32 of mean 0 and standard deviation 1; any shape."""
    pixels = images.float()
    return pixels.div_(255).sub_(MEAN).div_(STD)


def batches(part, batch_size, shuffle=False, generator=None, drop_last=False):
    """Go once through `part`, `batch_size` pictures at a time, the whole set being in memory.

    Yields ``(images, labels)``: float32 (B, C, H, W), normalised, and int64 (B,). The last batch
    may be smaller, or is left out with `drop_last`. `shuffle` draws a new order every time from
    `generator`, or from torch's global generator. `batch_size` below 1: ValueError.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    order = torch.randperm(len(part), generator=generator) if shuffle else torch.arange(len(part))
    places = [chosen for chosen in order.split(batch_size) if len(chosen)]
    if drop_last and places and len(places[-1]) < batch_size:
        places.pop()
    return ((normalise(part.images[chosen]), part.labels[chosen]) for chosen in places)


def read_idx(path, sha256):
    """Read an IDX file, packed (``.gz``) or not: a uint8 array of the shape its header gives.

    An IDX file is two zeros, the element type (8 = uint8), the number of dimensions, one
    big-endian 32-bit size for each, then the elements. Raises DataError if the file cannot be
    unpacked or if its unpacked bytes do not have the hash `sha256`.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(text("data.unreadable", error=error)) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(text("data.wrong_hash"))
    dimensions = content[3]
    sizes = np.frombuffer(content, ">u4", count=dimensions, offset=4).tolist()
    elements = np.frombuffer(bytearray(content), np.uint8, offset=4 + 4 * dimensions)
    return elements.reshape(sizes)


def _part(images, labels):
    return Part(torch.from_numpy(images).unsqueeze(1), torch.from_numpy(labels).long())


def ships(packed, name):
    """Whether the bytes `packed` are those of the file `name` that ships with the book."""
    listed = (ASSETS / "SHA256SUMS").read_text(encoding="utf-8")
    return f"{hashlib.sha256(packed).hexdigest()}  {name}\n" in listed


def _mini():
    path = ASSETS / "fashion_mnist_mini.npz"
    try:
        packed = path.read_bytes()
        if not ships(packed, path.name):
            raise OSError(text("data.wrong_hash"))
    except OSError as error:
        raise DataError(text("data.mini_damaged", file=path, error=error)) from None
    with np.load(io.BytesIO(packed)) as arrays:
        train = _part(arrays["train_images"], arrays["train_labels"])
        test = _part(arrays["test_images"], arrays["test_labels"])
    return train, test, text("data.from_book")


def _full(download):
    roads = [("cache", CACHE), ("debian", DEBIAN)]
    if os.environ.get("CNNBOOK_DATA"):
        roads.insert(0, ("environment", Path(os.environ["CNNBOOK_DATA"]).expanduser()))
    for road, folder in roads:
        if road == "environment" and not folder.is_dir():
            raise DataError(text("data.no_folder", folder=folder))
        if _files(folder):
            return _load(road, folder)
        if road == "environment":
            print(text("data.nothing_there", folder=short(folder)))
    if not download:
        raise DataError(text("data.missing", names=", ".join(FILES)))
    _download()
    return _load("cache", CACHE)


def _files(folder):
    """{name: path} of the official files in `folder`, or where torchvision puts them below it."""
    found = {}
    for name in FILES:
        for place in (folder, folder / "FashionMNIST" / "raw"):
            for path in (place / f"{name}.gz", place / name):
                if path.is_file():
                    found[name] = path  # the last one wins: unpacked is faster
    return found


def _load(road, folder):
    files = _files(folder)
    fix = text(f"data.fix_{road}", folder=folder)
    arrays = []
    for name, sha256 in FILES.items():
        if name not in files:
            raise DataError(text("data.incomplete", folder=folder, name=name, fix=fix))
        try:
            arrays.append(read_idx(files[name], sha256))
        except DataError as error:
            message = text("data.damaged", file=files[name], error=error, fix=fix)
            raise DataError(message) from None
    source = text(f"data.from_{road}", folder=short(folder))
    return _part(*arrays[:2]), _part(*arrays[2:]), source


def short(folder):
    """The folder as text, with ~ for the home folder: outputs are shown to others."""
    home = Path.home()
    return f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) else str(folder)


def _download():
    """Fill the cache folder; one process at a time, all four files or none."""
    lock = filelock.FileLock(CACHE / "download.lock")
    silence = socket.getdefaulttimeout()
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            print(text("data.waiting"), flush=True)
            lock.acquire()
        if _files(CACHE):
            return  # another process was first
        for left_over in CACHE.glob("*.part"):  # of a process that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        print(text("data.downloading", folder=short(CACHE)), flush=True)
        socket.setdefaulttimeout(NO_ANSWER)
        with tempfile.TemporaryDirectory(suffix=".part", dir=CACHE) as temporary:
            _download_into(Path(temporary))
            shutil.rmtree(CACHE / "FashionMNIST", ignore_errors=True)
            os.replace(Path(temporary, "FashionMNIST"), CACHE / "FashionMNIST")
    except (RuntimeError, HTTPException, ConnectionError, TimeoutError) as error:
        problem = "not_the_data" if "corrupted" in str(error) else "no_network"
        reason = " ".join(str(error).split())  # torchvision's message has several lines
        names = ", ".join(FILES)
        raise DataError(text(f"data.{problem}", error=reason, names=names)) from None
    except OSError as error:
        full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None))
        problem = "disk_full" if full else "read_only"
        raise DataError(text(f"data.{problem}", error=error, folder=CACHE)) from None
    finally:
        socket.setdefaulttimeout(silence)
        lock.release()


def _download_into(folder):
    """torchvision downloads with a progress bar, checks the MD5 of each file and unpacks it."""
    from torchvision import datasets

    datasets.FashionMNIST(folder, download=True)
    for packed in (folder / "FashionMNIST" / "raw").glob("*.gz"):
        packed.unlink()
