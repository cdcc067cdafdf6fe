"""What the makers of cnnbook/assets share: archives without dates, lines for SHA256SUMS."""

import io
import sys
import zipfile
from pathlib import Path

import numpy as np

from cnnbook.files import digest, write_atomically


def write_npz(target: str | Path, arrays: dict[str, np.ndarray], level: int = 0) -> None:
    """Write {name: array} to the file `target`, in this order, with fixed dates: the same arrays
    are the same bytes whenever and wherever they are written.

    `level` : how hard to pack, 0 (not at all) to 9. Packed bytes are the same with the same zlib
    only (made with zlib 1.2.13; zlib-ng, for one, packs the same numbers into other bytes).
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # "Unix", on Windows too
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED if level else zipfile.ZIP_STORED
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, version=(1, 0))
            archive.writestr(entry, buffer.getvalue(), compresslevel=level or None)
    write_atomically(target, content.getvalue())


def report(*paths: Path) -> None:
    """Print the lines of `paths` for SHA256SUMS."""
    for path in paths:
        made = path.read_bytes()
        print(f"{digest(made)}  {path.name}   ({len(made):,} bytes; for SHA256SUMS)")


def only_argument(usage: str | None) -> str:
    """The one argument of the command line; without it the program ends with `usage`."""
    if len(sys.argv) != 2:
        sys.exit(usage)
    return sys.argv[1]
