"""Lets every pytest run, also ``pytest notebooks/ko/5_0_start_here.ipynb``, check notebooks."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "bench"), str(ROOT)]

from cnnbook.environment import share_cores  # noqa: E402

share_cores(single_thread="PYTEST_XDIST_WORKER" in os.environ)

pytest_plugins = ["checks.plugin"]
