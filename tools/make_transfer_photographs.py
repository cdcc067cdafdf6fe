"""Shrink four free photographs for chapter 5.3: cnnbook/assets/photo_*.jpg.

    python tools/make_transfer_photographs.py FOLDER

FOLDER holds ``chelsea.png``, ``coffee.png``, ``camera.png`` and ``rocket.jpg`` as scikit-image
ships them in its folder ``skimage/data`` (version 0.26). Of each the largest square in the middle
is brought to 224 × 224 pixels. Another version of Pillow may write other bytes for the same.
"""

import io
from pathlib import Path

from assets import only_argument, report
from PIL import Image

from cnnbook.data import square
from cnnbook.files import ASSETS, write_atomically

SIZE = 224
SOURCES = {"cat": "chelsea.png", "coffee": "coffee.png"}
SOURCES |= {"camera": "camera.png", "rocket": "rocket.jpg"}


def make(folder, target=ASSETS):
    """Write the four files into `target`; returns their paths."""
    paths = []
    for name, source in SOURCES.items():
        picture = Image.open(Path(folder) / source)
        small = Image.fromarray(square(picture, SIZE).permute(1, 2, 0).numpy())
        buffer = io.BytesIO()
        small.save(buffer, "jpeg", quality=82, optimize=True)
        paths.append(Path(target) / f"photo_{name}.jpg")
        write_atomically(paths[-1], buffer.getvalue())
    return paths


if __name__ == "__main__":
    report(*make(only_argument(__doc__)))
