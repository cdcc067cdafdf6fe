"""How long the check of the whole book takes: the very command of `make test`.

What fails is named in the record and makes no difference to the time: a benchmark measures.
"""

import re
import subprocess
import sys

import start
from machine import ROOT
from record import timed


def measure(seeds, quick):
    """{"seconds", "exit_code", "counts": {"passed": …, …}, "failing": [test, …], "line"}"""
    more = ["-q"] + (["tests/package/test_convolution.py", "-k", "loops"] if quick else [])
    (command,) = start.action_commands("test", sys.executable, more)
    options = {"cwd": ROOT, "stdout": subprocess.PIPE, "encoding": "utf-8", "errors": "replace"}
    done, seconds = timed(subprocess.run, command, **options)
    return {"seconds": round(seconds, 1), **parse(done)}


def parse(done):
    """What the finished pytest said in its last line, and the tests it names as failing."""
    lines = done.stdout.strip().splitlines()
    line = lines[-1].strip("= ") if lines else ""
    counts = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)\b", line)}
    failing = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, flags=re.M)
    return {"exit_code": done.returncode, "counts": counts, "failing": failing, "line": line}
