"""Pretrained backbones, the features that were recorded with one, and folders of photographs.

The weights do not ship with the book: `backbone` finds the file in ``$CNNBOOK_DATA`` or in the
book's cache folder, or downloads it. How to use them is the subject of chapter 5.3, which defines
what it needs. What ships is recorded: the features of some pictures (`recorded_features`), and
what was measured with the whole backbone (``files.asset("transfer_results.json")``).

MobileNetV2: Sandler and others 2018, arXiv:1801.04381. Weights: torchvision's ``IMAGENET1K_V1``,
learned from ImageNet (Russakovsky and others 2015), whose terms allow research and teaching.
"""

import io
import os
import unicodedata
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from cnnbook import files
from cnnbook.arrays import whole_number
from cnnbook.data import Part, square
from cnnbook.language import text

ADDRESS = "https://download.pytorch.org/models/"  # torchvision's; the files are NAME-HASH.pth
SHA256 = {  # of the file, or as much of it as torchvision publishes
    "mobilenet_v2": "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
    "resnet18": "f37072fd",
}
# What systems and programs put into folders besides the photographs; names in lower case.
NOT_PHOTOGRAPHS = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin"}
NOT_PHOTOGRAPHS |= {"@eadir", "system volume information", "__pycache__"}
ORIENTATION = 0x0112  # the EXIF tag that says how a camera was held, and how to put that right
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def backbone(name: str = "mobilenet_v2", download: bool = True) -> nn.Module | None:
    """A network of torchvision that was trained on ImageNet: frozen, in `eval()` mode, or None.

    Looked for in the folder ``$CNNBOOK_DATA`` and in the book's cache folder; then downloaded
    (14 MB; ResNet18: 45 MB) from torchvision's address. Prints where it came from.

    Parameters
    ----------
    name : "mobilenet_v2" or "resnet18"
    download : may the file be downloaded?

    Returns None, after a printed sentence, when the file is nowhere and cannot be had. Raises
    ValueError if `name` is neither; files.DataError if a file that was found is not torchvision's:
    it is never loaded.
    """
    if name not in SHA256:
        raise ValueError(f"name is {name!r}; it must be one of {', '.join(SHA256)}")
    file = f"{name}-{SHA256[name][:8]}.pth"
    path = files.find(file)
    if path is None and download:
        try:
            path = files.fetch(ADDRESS + file, SHA256[name], file)
        except files.DataError as error:
            print(error)
    if path is None:
        print(text("transfer.nowhere", name=name))
        return None
    content = files.read(path, SHA256[name])
    source = files.described(path.parent)
    print(text("transfer.loaded", name=name, source=source, digest=files.digest(content)[:8]))
    from torchvision import models

    network = models.get_model(name)
    network.load_state_dict(torch.load(io.BytesIO(content), weights_only=True))
    return network.requires_grad_(False).eval()


def recorded_features() -> dict[str, dict]:
    """MobileNetV2's features of 2,000 training and 1,500 test pictures of Fashion-MNIST *mini*.

    Returns ``["train"]`` and ``["test"]``, each with "places" (int64 (N,): which pictures of that
    part), "middle" (float32 (N, 256): ``backbone.features[:11]`` at 64 px, averaged over 2 × 2
    parts of the map) and "last" (float32 (N, 1280): all layers, averaged over the map); and
    ``["step"]``: how finely "middle" and "last" are recorded, float32 (D,). A recorded number lies
    within half a step of the exact one.
    """
    arrays = np.load(io.BytesIO(files.asset("transfer_features.npz")))
    found = {part: {"places": arrays[f"{part}_places"].astype(int)} for part in ("train", "test")}
    found["step"] = {}
    for name in ("middle", "last"):
        low, step = arrays[f"{name}_low"], arrays[f"{name}_step"]
        found["step"][name] = torch.from_numpy(step)
        for part in ("train", "test"):
            found[part][name] = torch.from_numpy(low + step * arrays[f"{part}_{name}"])
    return found


def photo_folder(
    path: str | Path, size: int = 128, classes: Sequence[str] | None = None
) -> tuple[Part, list[str]]:
    """Read photographs from folders that are named after their classes: ``path/Cat``, ``path/Dog``.

    Of each photograph the largest square in its middle is taken and brought to `size`. Grey ones
    get three equal channels; of several frames the first one counts. What is no picture, is
    damaged, is too big to unpack safely or lies in no class folder is left out; each such file is
    printed with the reason. Hidden files and folders, and those that systems put there by
    themselves (Thumbs.db, __MACOSX), are passed over.

    Parameters
    ----------
    path : the folder; ``~`` is the home folder
    size : pixels a side, 1 or more
    classes : the classes of the training folder, for a test folder: the same names, so that a
        label means the same in both

    Returns a `Part` (``images`` uint8 (N, 3, size, size), ``labels`` int64 (N,)) and the class
    names: `classes`, or sorted.

    Raises ValueError if the folder does not exist or has not two class folders, if one of these has
    no picture that can be read, or if they are not those of `classes`.
    """
    size = whole_number("size", size)
    if size < 1:
        raise ValueError(f"size is {size}; it must be at least 1")
    path = Path(os.path.expanduser(path))
    if not path.is_dir():
        raise ValueError(text("transfer.no_folder", path=path))
    photographs, names = _by_class(path)
    if len(names) < 2:
        raise ValueError(text("transfer.no_classes", path=path, found=len(names)))
    if classes is not None:
        names = _same_classes(path, names, classes)
    images, labels = [], []
    for file, name in photographs:
        try:
            images.append(_photograph(file, size))
            labels.append(names.index(name))
        except Exception as error:  # Pillow raises many kinds for files that are no sound picture
            _say_left_out(file, path, error)
    for label, name in enumerate(names):
        if label not in labels:
            raise ValueError(text("transfer.empty_class", folder=path / name))
    return Part(torch.stack(images), torch.tensor(labels, device="cpu")), names


def _by_class(path: Path) -> tuple[list[tuple[Path, str]], list[str]]:
    """([(file, class), …], [class, …]), both sorted. macOS takes the letters of a name apart
    ("ㄱㅗ" for "고"), so names are brought to the form in which they are typed (NFC)."""
    photographs, names = [], set()
    for entry in _visible(path):
        if not entry.is_dir():
            _say_left_out(entry, path, text("transfer.no_class_folder"))
            continue
        name = unicodedata.normalize("NFC", entry.name)
        names.add(name)
        photographs += [(file, name) for file in _visible(entry)]
    return photographs, sorted(names)


def _visible(folder: Path) -> list[Path]:
    entries = (entry for entry in folder.iterdir() if not entry.name.startswith("."))
    return sorted(entry for entry in entries if entry.name.lower() not in NOT_PHOTOGRAPHS)


def _say_left_out(file: Path, folder: Path, error: object) -> None:
    name = file.relative_to(folder).as_posix()
    reason = str(error).replace(str(file), file.name) or type(error).__name__
    print(text("transfer.left_out", file=name, error=reason))


def _same_classes(path: Path, found: list[str], classes: Sequence[str]) -> list[str]:
    """`classes` as a list; ValueError that names the difference if the folder has others."""
    wanted = [unicodedata.normalize("NFC", str(name)) for name in classes]
    if isinstance(classes, str) or len(set(wanted)) < len(wanted):
        raise ValueError(f"classes is {classes!r}; it must be a list of different names")
    missing, other = set(wanted) - set(found), set(found) - set(wanted)
    if missing or other:
        names = {"missing": ", ".join(sorted(missing)), "other": ", ".join(sorted(other))}
        names = {key: value or "–" for key, value in names.items()}
        raise ValueError(text("transfer.other_classes", path=path, **names))
    return wanted


def _photograph(file: Path, size: int) -> torch.Tensor:
    """One file, upright, as uint8 (3, size, size)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a strange tag is no reason to leave a picture out
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(file) as picture:
            picture.load()
            turn = UPRIGHT.get(_orientation(picture))
            picture = _in_256_levels(picture)
            return square(picture if turn is None else picture.transpose(turn), size)


def _orientation(picture: Image.Image) -> int:
    try:
        return picture.getexif().get(ORIENTATION, 1)
    except Exception:  # damaged tags: the picture itself is sound
        return 1


def _in_256_levels(picture: Image.Image) -> Image.Image:
    """Pictures with more grey levels than 256 are scaled; ValueError where the scale is unknown."""
    if picture.mode == "P":
        return picture.convert("RGBA")  # a palette may say what is transparent
    if picture.mode != "F" and not picture.mode.startswith("I"):
        return picture
    levels = np.array(picture)
    if picture.mode != "F":  # whole numbers of 16 bits, kept in 16 or in 32
        levels = levels >> 8
    elif levels.max() <= 1:  # fractions from 0 to 1, not to 255
        levels = levels * 255
    if not (levels.min() >= 0 and levels.max() <= 255):  # "not a number" lies nowhere
        raise ValueError(text("transfer.unknown_levels"))
    return Image.fromarray(levels.round().astype(np.uint8))
