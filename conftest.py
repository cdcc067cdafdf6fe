"""Lets every pytest run, also ``pytest notebooks/ko/5_0_start_here.ipynb``, check notebooks."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "bench"), str(ROOT)]

# Side by side, each test process (and the kernels it starts) computes on one thread: two processes
# with two threads each on two cores wait for each other most of the time.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("CNNBOOK_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")

pytest_plugins = ["checks.plugin"]
