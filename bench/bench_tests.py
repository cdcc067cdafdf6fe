"""How long the check of the whole book takes: the very command of `make test`.

What fails is named in the record and makes no difference to the time: a benchmark measures.
"""

import re
import subprocess
import sys
import time

from machine import ROOT


def measure(seeds, quick):
    """{"seconds", "exit_code", "counts": {"passed": …, …}, "failing": [test, …], "line"}"""
    import start

    more = ["-q"] + (["tests/package/test_convolution.py", "-k", "loops"] if quick else [])
    (command,) = start.action_commands("test", sys.executable, more)
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8", errors="replace"
    )
    return {"seconds": round(time.perf_counter() - began, 1), **parse(done)}


def parse(done):
    """What the finished pytest said in its last line, and the tests it names as failing."""
    lines = done.stdout.strip().splitlines()
    line = lines[-1].strip("= ") if lines else ""
    counts = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)\b", line)}
    failing = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, flags=re.M)
    return {"exit_code": done.returncode, "counts": counts, "failing": failing, "line": line}


def show(result):
    print(f"whole-book tests: {result['seconds']:.0f} s; {result['line']}")
    for name in result["failing"]:
        print(f"  failing: {name}")
    if result["exit_code"]:
        print(f"  pytest ended with the code {result['exit_code']}")
