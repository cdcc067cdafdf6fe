"""What the figures of the book's small network share: its pictures and its weights."""

import base64
import io
from functools import cache, lru_cache

import numpy as np
import traitlets

from cnnbook import files, language
from cnnbook.arrays import numbers_of, shortened
from cnnbook.figures.figure import StateError

SHAPES = {  # channels, rows, columns of each layer
    "input": (1, 28, 28),
    "conv1": (8, 28, 28),
    "pool1": (8, 14, 14),
    "conv2": (16, 14, 14),
    "pool2": (16, 7, 7),
    "logits": (10, 1, 1),
}


def to_base64(array, figure=None):
    """Pixels, uint8 (28, 28), as letters."""
    return base64.b64encode(np.asarray(array, np.uint8).tobytes()).decode("ascii")


def from_base64(letters, figure=None):
    """The pixels, uint8 (28, 28), of such letters."""
    try:
        return np.frombuffer(base64.b64decode(letters), np.uint8).reshape(-1, 28)
    except (TypeError, ValueError):
        raise StateError(f"{shortened(letters)} is no picture in base64") from None


@cache
def examples():
    """The first test picture of each class, uint8 (10, 28, 28); they ship with the weights."""
    with np.load(io.BytesIO(files.asset("small_cnn.npz"))) as arrays:
        return arrays["pictures"]


class _Pixels(traitlets.Any):
    def validate(self, obj, value):
        return pixels_of(value)


def picture_trait():
    """A trait that holds pixels, uint8 (28, 28), and travels to the page in base64."""
    return _Pixels().tag(sync=True, to_json=to_base64, from_json=from_base64)


def class_names():
    """The names of the ten classes, in the reader's language."""
    return [language.text(f"data.class_{number}") for number in range(10)]


def rounded(model):
    """The weights of `model`, rounded to float16, in base64; see `network_of`."""
    import torch

    from cnnbook import models

    model = models.small_cnn(quiet=True) if model is None else model
    if not isinstance(model, models.SmallCNN):
        raise ValueError(f"model is a {type(model).__name__}; this figure shows a SmallCNN")
    halves = {name: v.detach().cpu().half() for name, v in model.state_dict().items()}
    for name, values in halves.items():
        if not values.isfinite().all():
            raise ValueError(f"model.{name} holds values that are not finite in float16")
    joined = torch.cat([values.flatten() for values in halves.values()]).numpy()
    return base64.b64encode(joined.astype("<f2").tobytes()).decode("ascii")


@lru_cache(maxsize=4)
def network_of(weights):
    """The `SmallCNN` with the weights that `rounded` wrote."""
    import torch

    from cnnbook import models

    numbers = np.frombuffer(base64.b64decode(weights), "<f2").astype(np.float32)
    with torch.inference_mode(False):  # kept for others, who may want gradients
        model = models.SmallCNN().eval()
        parts = torch.from_numpy(numbers).split([values.numel() for values in model.parameters()])
        for values, part in zip(model.parameters(), parts, strict=True):
            values.data = part.reshape(values.shape).clone()
    return model


def pixels_of(value):
    """`value` as read-only pixels, uint8 (28, 28); StateError says what is wrong."""
    try:
        array = numbers_of(value, "picture")
    except ValueError:
        raise StateError(f"picture is {shortened(value)}; it must be a table of numbers") from None
    if array.shape[:-2] not in ((), (1,)) or array.shape[-2:] != (28, 28):
        raise StateError(f"picture has shape {array.shape}; this figure shows 28 × 28")
    if not (np.isin(array, np.arange(256))).all():
        raise StateError("picture must hold whole numbers from 0 (black) to 255 (white)")
    pixels = array.astype(np.uint8).reshape(28, 28)  # a copy
    pixels.setflags(write=False)  # a change in place would not reach the page
    return pixels


def class_of(label):
    """`label` as an int from 0 to 9; StateError if it is no class."""
    try:
        number = numbers_of(label, "label")
        whole = number.shape == () and number.dtype.kind in "iu" and not isinstance(label, bool)
    except ValueError:
        whole = False
    if not whole or not 0 <= int(number) <= 9:
        raise StateError(f"label is {shortened(label)}; it must be a class, 0 to 9, or None")
    return int(number)
