"""Lets every pytest run, also ``pytest notebooks/ko/5_0_start_here.ipynb``, check notebooks."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests")]

pytest_plugins = ["notebook_plugin"]
