"""The experiments that take too long for a chapter: run once, recorded, and read by the chapter.

    python bench/experiments.py 5_2              all experiments of bench/experiments_5_2.py
    python bench/experiments.py 5_2 peeking      some of them; the others keep their record

Each is a function of a seed that returns numbers; ``EXPERIMENTS`` lists them as ``{name: (function,
seeds)}``. The record lands in ``cnnbook/assets/experiments_5_2.json``. Times in it are CPU seconds
of one thread, which other programs disturb little.
"""

import importlib
import json
import os
import sys
import time

os.environ["CNNBOOK_THREADS"] = "1"

from machine import ROOT, machine, now, prepare, versions


def run(experiment, seeds):
    """[{"seed": …, "cpu_seconds": …, what the experiment returns}, …]"""
    runs = []
    for seed in seeds:
        began = time.process_time()
        found = experiment(seed)
        runs.append({"seed": seed, "cpu_seconds": round(time.process_time() - began, 1), **found})
        print(json.dumps(runs[-1]), flush=True)
    return runs


def main(arguments):
    """Run what was asked for and write the record whole."""
    if not arguments:
        raise SystemExit(__doc__)
    chapter, *names = arguments
    prepare()
    from cnnbook.files import digest, write_atomically

    experiments = importlib.import_module(f"experiments_{chapter}").EXPERIMENTS
    if unknown := set(names) - set(experiments):
        raise SystemExit(f"no experiment {', '.join(unknown)}; there are {', '.join(experiments)}")
    target = ROOT / "cnnbook" / "assets" / f"experiments_{chapter}.json"
    for name in names or experiments:
        function, seeds = experiments[name]
        made_with = {"machine": machine(), "versions": versions(), "began": now()}
        found = {name: {**made_with, "runs": run(function, seeds)}}
        record = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
        record = {one: (record | found)[one] for one in experiments if one in record | found}
        content = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        write_atomically(target, content.encode("utf-8"))
        sums = target.parent / "SHA256SUMS"
        lines = [line for line in sums.read_text("utf-8").splitlines() if line[66:] != target.name]
        lines.append(f"{digest(content.encode('utf-8'))}  {target.name}")
        lines.sort(key=lambda line: line[66:])
        write_atomically(sums, ("\n".join(lines) + "\n").encode("utf-8"))


if __name__ == "__main__":
    main(sys.argv[1:])
