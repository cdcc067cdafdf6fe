"""Writing files so that nobody ever sees half of one."""

import os
from pathlib import Path


def write_atomically(path, text):
    """Write `text` (UTF-8, ``\\n``) to `path` so that a reader sees the old file or the new one."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
