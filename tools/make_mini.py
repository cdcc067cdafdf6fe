"""Make cnnbook/assets/fashion_mnist_mini.npz from the official Fashion-MNIST files.

    python tools/make_mini.py /usr/share/datasets/fashion-mnist

The folder holds the four official .gz files, from the authors or from Debian's package
dataset-fashion-mnist, whose headers lack the name and the date of packing. Both are put back
here, so that the official MD5 of each archive can be checked whichever it is.

The result is the same to the bit every time with the same zlib.
"""

import hashlib
import struct
from pathlib import Path

import numpy as np
from assets import only_argument, report, write_npz

from cnnbook import data
from cnnbook.files import ASSETS

PER_CLASS = 1000

# name: (when the authors packed it, in seconds since 1970; MD5 of the archive they published)
OFFICIAL = {
    "train-images-idx3-ubyte": (1504176606, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
    "train-labels-idx1-ubyte": (1504176606, "25c81989df183df01b3e8a0aad5dffbe"),
    "t10k-images-idx3-ubyte": (1504176627, "bef4ecab320f06d8554ea6380940ec79"),
    "t10k-labels-idx1-ubyte": (1504176627, "bb300cfdad3c16e7a12a480ee83cd310"),
}


def official_archive(folder, name):
    """The bytes of the archive `name` as the authors published it; ValueError if it is not."""
    packed = (Path(folder) / f"{name}.gz").read_bytes()
    has_name = packed[3] & 8  # the flag for "a file name, ended by a zero, follows"
    stream = packed[packed.index(b"\0", 10) + 1 :] if has_name else packed[10:]
    date, md5 = OFFICIAL[name]
    header = b"\x1f\x8b\x08\x08" + struct.pack("<I", date) + b"\x00\x03" + name.encode() + b"\0"
    archive = header + stream
    found = hashlib.md5(archive, usedforsecurity=False).hexdigest()
    if found != md5:
        raise ValueError(f"{name}.gz in {folder} has the MD5 {found}; the official one is {md5}")
    return archive


def make(folder, target=ASSETS / "fashion_mnist_mini.npz"):
    """Write the mini set: the first 1,000 training pictures of each class, and the test set."""
    folder = Path(folder)
    for name in OFFICIAL:
        official_archive(folder, name)
    arrays = [data.read_idx(folder / f"{name}.gz", sha256) for name, sha256 in data.FILES.items()]
    train_images, train_labels, test_images, test_labels = arrays
    first = [np.flatnonzero(train_labels == label)[:PER_CLASS] for label in range(10)]
    chosen = np.sort(np.concatenate(first))  # the official order, classes mixed
    mini = {
        "train_images": train_images[chosen],
        "train_labels": train_labels[chosen],
        "test_images": test_images,
        "test_labels": test_labels,
    }
    write_npz(target, mini, level=6)
    return target


if __name__ == "__main__":
    report(make(only_argument(__doc__)))
