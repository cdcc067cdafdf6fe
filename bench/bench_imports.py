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
    result = {}
    for name, line in LINES.items():
        clock = "from time import perf_counter as now; began = now()"
        command = [sys.executable, "-c", f"{clock}; {line}; print(now() - began)"]
        said = [
            subprocess.check_output(command, cwd=ROOT, encoding="utf-8")
            for _ in range(1 if quick else 3)
        ]
        times = [float(text.splitlines()[-1]) for text in said]
        result[name] = round(statistics.median(times), 4)
    return result
