"""What a reader waits for before the first line runs, each in a fresh Python process.

"setup" is ``import cnnbook; cnnbook.setup("en")``, which imports torch and matplotlib. The median
of three processes; starting Python itself is not in it.
"""

import statistics
import subprocess
import sys

from machine import ROOT

LINES = {
    "torch": "import torch",
    "cnnbook": "import cnnbook",
    "setup": "import cnnbook; cnnbook.setup('en')",
}


def measure(seeds, quick):
    """{"torch": seconds, "cnnbook": seconds, "setup": seconds}"""
    times = 1 if quick else 3
    return {name: median_of_processes(line, times) for name, line in LINES.items()}


def median_of_processes(line, times):
    """Median time of `line` in `times` fresh processes, in seconds."""
    script = f"import time; began = time.perf_counter(); {line}; print(time.perf_counter() - began)"
    found = []
    for _ in range(times):
        command = [sys.executable, "-c", script]
        done = subprocess.run(
            command, cwd=ROOT, check=True, stdout=subprocess.PIPE, encoding="utf-8"
        )
        found.append(float(done.stdout.splitlines()[-1]))
    return round(statistics.median(found), 4)


def show(result):
    print("in a fresh process")
    for name, line in LINES.items():
        print(f"{line:40}{result[name]:10.3f} s")
