"""Fashion-MNIST: the set that ships with the book, the full set, and two ways to feed a network.

    clothes = fashion_mnist()                       # the mini set: no network needed
    for images, labels in batches(clothes.train, batch_size=100, shuffle=True):
        ...                                         # float32 (100, 1, 28, 28), int64 (100,)

A `Part` is also a torch dataset: ``torch.utils.data.DataLoader(clothes.train, batch_size=100)``
gives the very same pictures, only more slowly.

Data: Xiao, Rasul, Vollgraf, "Fashion-MNIST", arXiv:1708.07747 (2017); MIT licence.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from cnnbook import files
from cnnbook.arrays import whole_number
from cnnbook.files import DataError
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
# SHA-256 of the same files as the authors packed and published them, NAME.gz at this address.
ARCHIVES = {
    "train-images-idx3-ubyte": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
ADDRESS = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"


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

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4:
            found = f"{self.images.dtype} {tuple(self.images.shape)}"
            raise ValueError(f"images are {found}; they must be uint8 (N, C, H, W)")
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            found = f"{self.labels.dtype} {tuple(self.labels.shape)}"
            raise ValueError(f"labels are {found}; they must be int64 ({len(self.images)},)")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Any) -> Any:
        """One number gives one normalised picture and its label, as a DataLoader wants it.

        ``part[3]`` → float32 (C, H, W), int. A slice, a list or a tensor of places, or a mask
        (bool, one a picture) gives a smaller `Part`: ``part[:100]``, ``part[part.labels == 7]``.
        Anything else: ValueError.
        """
        if isinstance(index, slice):
            return Part(self.images[index], self.labels[index])
        places = _places(index)
        if places.ndim == 0:
            return normalise(self.images[int(places)]), int(self.labels[int(places)])
        return Part(self.images[places], self.labels[places])

    def __repr__(self) -> str:
        return f"Part(images: uint8 {tuple(self.images.shape)}, labels: int64 ({len(self)},))"

    def split(self, count: int, generator: torch.Generator | None = None) -> "tuple[Part, Part]":
        """Set `count` pictures aside, for validation: returns ``(rest, aside)``, both `Part`.

        Drawn at random but stratified: each class gives its share, rounded up or down. Both
        parts keep the original order. `generator` (a ``torch.Generator``) fixes the draw;
        without one, torch's global generator is used.
        """
        count = whole_number("count", count)
        if not 0 < count < len(self):
            raise ValueError(f"count is {count}; it must lie between 1 and {len(self) - 1}")
        labels = self.labels.cpu()
        shuffled = _random_order(len(self), generator)
        by_class = shuffled[labels[shuffled].argsort(stable=True)]
        evenly_spaced = torch.arange(count, device="cpu") * len(self) // count
        aside = torch.zeros(len(self), dtype=torch.bool, device="cpu")
        aside[by_class[evenly_spaced]] = True
        return self[~aside], self[aside]

    def per_class(self, count: int, generator: torch.Generator | None = None) -> "Part":
        """A random `Part` with `count` pictures of every class that occurs, in original order.

        Raises ValueError if a class has fewer than `count`.
        """
        count = whole_number("count", count)
        labels = self.labels.cpu()
        shuffled = _random_order(len(self), generator)
        chosen = []
        for label in labels.unique():
            places = shuffled[labels[shuffled] == label]
            if not 0 < count <= len(places):
                raise ValueError(
                    f"count is {count}; class {int(label)} has {len(places)} pictures"
                    f" to choose from, so it must lie between 1 and {len(places)}"
                )
            chosen.append(places[:count])
        return self[torch.cat(chosen).sort().values]


def _places(index: Any) -> torch.Tensor:
    """An index that is no slice as int64 or bool; one number has no dimension."""
    try:
        places = torch.as_tensor(index, device="cpu")
        if places.numel() == 0:
            return places.long()  # torch takes an empty list for floats
        if places.ndim == 0:
            return torch.tensor(whole_number("index", index), device="cpu")
        if places.dtype != torch.bool and (places.is_floating_point() or places.is_complex()):
            raise TypeError("only whole numbers tell a place")
    except (TypeError, ValueError, RuntimeError):
        rule = "it must be whole numbers, a slice or a mask"
        raise ValueError(f"index is {index!r}; {rule}") from None
    return places if places.dtype == torch.bool else places.long()


def _random_order(count: int, generator: torch.Generator | None) -> torch.Tensor:
    device = "cpu" if generator is None else generator.device
    return torch.randperm(count, generator=generator, device=device).cpu()


@dataclass(repr=False, eq=False)
class FashionMNIST:
    """What `fashion_mnist` returns: two parts, the ten class names, and where it came from."""

    train: Part
    test: Part
    classes: tuple[str, ...]
    source: str

    def __repr__(self) -> str:
        return f"FashionMNIST(train: {len(self.train)} pictures, test: {len(self.test)} pictures)"


def fashion_mnist(size: str = "mini", download: bool = True) -> FashionMNIST:
    """Load Fashion-MNIST and print in one line what was loaded, and from where.

    Parameters
    ----------
    size : str
        ``"mini"``: ships with the book; the first 1,000 pictures of each class of the official
        training set, in their order, and the whole official test set of 10,000.
        ``"full"``: all 60,000 + 10,000. Looked for in the folder ``$CNNBOOK_DATA``, in the book's
        cache folder, in the folder of Debian's package ``dataset-fashion-mnist``; what is
        missing is then downloaded (31 MB) into the cache folder.
    download : bool
        May *full* be downloaded?

    Returns ``.train`` and ``.test`` (`Part`: ``images`` uint8 (N, 1, 28, 28), ``labels`` int64
    (N,)), ``.classes`` (ten names in the language in use), ``.source``. Raises ValueError if `size`
    is neither, DataError if files are missing or damaged or cannot be downloaded. *mini* never
    stands in for *full*.
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


def normalise(images: torch.Tensor) -> torch.Tensor:
    """uint8 pictures 0 … 255 → float32 of mean 0 and standard deviation 1; any shape."""
    pixels = images.to(torch.float32, copy=True)
    return pixels.div_(255).sub_(MEAN).div_(STD)


def square(picture: Image.Image, size: int) -> torch.Tensor:
    """The largest square in the middle of a Pillow picture, as uint8 (3, size, size)."""
    picture = ImageOps.fit(picture.convert("RGB"), (size, size), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def batches(
    part: Part,
    batch_size: int,
    shuffle: bool = False,
    generator: torch.Generator | None = None,
    drop_last: bool = False,
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Go once through `part`, `batch_size` pictures at a time, the whole set being in memory.

    Yields ``(images, labels)``: float32 (B, C, H, W), normalised, and int64 (B,). The last batch
    may be smaller, or is left out with `drop_last`. `shuffle` draws a new order every time from
    `generator`, or from torch's global generator. A `batch_size` that is no whole number of at
    least 1: ValueError.
    """
    batch_size = whole_number("batch_size", batch_size)
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    if shuffle:
        order = _random_order(len(part), generator)
    else:
        order = torch.arange(len(part), device="cpu")
    places = [chosen for chosen in order.split(batch_size) if len(chosen)]
    if drop_last and places and len(places[-1]) < batch_size:
        places.pop()
    return ((normalise(part.images[chosen]), part.labels[chosen]) for chosen in places)


def read_idx(path: str | Path, sha256: str) -> np.ndarray:
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
        raise files.damaged(path, error) from None
    if files.digest(content) != sha256:
        raise files.damaged(path, text("files.wrong_hash"))
    dimensions = content[3]
    sizes = np.frombuffer(content, ">u4", count=dimensions, offset=4).tolist()
    elements = np.frombuffer(bytearray(content), np.uint8, offset=4 + 4 * dimensions)
    return elements.reshape(sizes)


def _part(images: np.ndarray, labels: np.ndarray) -> Part:
    return Part(torch.from_numpy(images).unsqueeze(1), torch.from_numpy(labels).long())


def _mini() -> tuple[Part, Part, str]:
    with np.load(io.BytesIO(files.asset("fashion_mnist_mini.npz"))) as arrays:
        train = _part(arrays["train_images"], arrays["train_labels"])
        test = _part(arrays["test_images"], arrays["test_labels"])
    return train, test, text("data.from_book")


def _full(download: bool) -> tuple[Part, Part, str]:
    for folder in files.folders():
        source, found = files.source_of(folder), _official_files(folder)
        # A cache with some of the files is a download that was interrupted: it is completed.
        if len(found) == len(FILES) or (found and source != "cache"):
            return _load(folder, found)
        if source == "environment":
            print(text("data.nothing_there", folder=files.short(folder)))
    if not download:
        raise DataError(text("data.missing", names=", ".join(FILES)))
    found = _official_files(files.CACHE)
    for name in FILES:
        if name not in found:
            packed = f"FashionMNIST/raw/{name}.gz"
            found[name] = files.fetch(f"{ADDRESS}{name}.gz", ARCHIVES[name], packed)
    return _load(files.CACHE, found)


def _official_files(folder: Path) -> dict[str, Path]:
    """{name: path} of the official files in `folder`, or where torchvision puts them below it."""
    found = {}
    for name in FILES:
        for place in (folder, folder / "FashionMNIST" / "raw"):
            for path in (place / f"{name}.gz", place / name):
                if path.is_file():
                    found[name] = path  # the last one wins: unpacked is faster
    return found


def _load(folder: Path, found: dict[str, Path]) -> tuple[Part, Part, str]:
    for name in FILES:
        if name not in found:
            fix = text(f"files.fix_{files.source_of(folder)}")
            raise DataError(text("data.incomplete", folder=folder, name=name, fix=fix))
    arrays = [read_idx(found[name], sha256) for name, sha256 in FILES.items()]
    return _part(*arrays[:2]), _part(*arrays[2:]), files.described(folder)
