"""What the figures of the book's small network share: its pictures and its weights."""

import base64
import io
from functools import cache

import numpy as np
import traitlets

from cnnbook import files
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
    return np.frombuffer(base64.b64decode(letters), np.uint8).reshape(-1, 28)


@cache
def examples():
    """The first test picture of each class, uint8 (10, 28, 28); they ship with the weights."""
    with np.load(io.BytesIO(files.asset("small_cnn.npz"))) as arrays:
        return arrays["pictures"]


def picture_trait():
    """A trait that holds pixels, uint8 (28, 28), and travels to the page in base64."""
    return traitlets.Any().tag(sync=True, to_json=to_base64, from_json=from_base64)


def rounded(model):
    """A copy of `model` with its weights rounded to float16, and these in base64."""
    import torch

    from cnnbook import models

    model = models.small_cnn(quiet=True) if model is None else model
    if not isinstance(model, models.SmallCNN):
        raise ValueError(f"model is a {type(model).__name__}; this figure shows a SmallCNN")
    halves = {name: v.detach().cpu().half() for name, v in model.state_dict().items()}
    for name, values in halves.items():
        if not values.isfinite().all():
            raise ValueError(f"model.{name} holds values that are not finite in float16")
    copy = models.SmallCNN().eval()
    copy.load_state_dict({name: values.float() for name, values in halves.items()})
    joined = torch.cat([values.flatten() for values in halves.values()]).numpy()
    return copy, base64.b64encode(joined.astype("<f2").tobytes()).decode("ascii")


def pixels_of(value):
    """`value` as read-only pixels, uint8 (28, 28); StateError says what is wrong."""
    try:
        array = np.asarray(value)
        pixels = np.array(array, dtype=np.uint8)  # a copy; torch tensors too
    except (TypeError, ValueError):
        raise StateError(f"picture is {value!r}; it must be a table of numbers") from None
    if array.shape[:-2] not in ((), (1,)) or array.shape[-2:] != (28, 28):
        raise StateError(f"picture has shape {array.shape}; this figure shows 28 × 28")
    if not np.array_equal(array, pixels):
        raise StateError("picture must hold whole numbers from 0 (black) to 255 (white)")
    pixels = pixels.reshape(28, 28)
    pixels.setflags(write=False)  # a change in place would not reach the page
    return pixels
