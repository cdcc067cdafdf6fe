"""Shrink four free photographs for chapter 5.3: cnnbook/assets/photo_*.jpg.

    python tools/make_transfer_photographs.py FOLDER

FOLDER holds ``chelsea.png``, ``coffee.png``, ``camera.png`` and ``rocket.jpg`` as scikit-image
ships them in its folder ``skimage/data`` (version 0.26). Of each the largest square in the middle
is brought to 224 × 224 pixels. Another version of Pillow may write other bytes for the same.
"""

import argparse
import hashlib
import io
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cnnbook.data import square  # noqa: E402
from cnnbook.files import ASSETS, write_atomically  # noqa: E402

SIZE = 224
SOURCES = {
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "camera": "camera.png",
    "rocket": "rocket.jpg",
}


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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="scikit-image's folder skimage/data")
    for path in make(parser.parse_args().folder):
        made = path.read_bytes()
        print(f"{hashlib.sha256(made).hexdigest()}  {path.name}   ({len(made):,} bytes)")
