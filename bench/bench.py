"""Every speed the book speaks of, measured in one run: `make bench`.

    python bench/bench.py                          all sections, more than an hour
    python bench/bench.py --only race,leak         these sections; the others stay as they are
    python bench/bench.py --first-seed 100         other seeds than those of the record
    python bench/bench.py --record                 all, and write the book's record with it
    python bench/bench.py --record --go-on         the last run, from what failed on
    python bench/bench.py --quick                  tiny: only to see that everything runs

Each section prints its table and is written to `_build/bench.json` at once. `--record` writes
`cnnbook/assets/speed_results.json` when all is done, from this one run, and the tables of the
READMEs from it. Let the machine do nothing else meanwhile. Nothing is asserted here.
"""

import argparse
import hashlib
import importlib
import json
import sys
import time
import traceback
from pathlib import Path

import machine
import record
import tables
from machine import ROOT

from cnnbook.files import DataError, write_atomically

OUTPUT = ROOT / "_build" / "bench.json"
ASSET = Path("cnnbook") / "assets" / "speed_results.json"  # below the book's folder
SEEDS = 5

# In this order. Each is a module with measure(seeds, quick) → numbers for JSON.
SECTIONS = {
    "feeding": "bench_feeding",
    "step": "bench_step",
    "race": "bench_race",
    "leak": "bench_leak",
    "convolution": "bench_convolution",
    "ladder": "bench_ladder",
    "figures": "bench_figures",
    "pages": "bench_book",
    "imports": "bench_imports",
    "tests": "bench_tests",
}
# Recorded by itself: --only ladder --first-seed 300 --output cnnbook/assets/ladder_results.json
ALONE = {"ladder"}
NEED_ALL_PICTURES = {"feeding", "race", "leak", "ladder"}


def parse(arguments):
    """The options, checked; ends the program with a sentence when they do not fit together."""
    parser = argparse.ArgumentParser(prog="bench.py", description="Measure the book's speed.")
    parser.add_argument("--only", default="", help=f"a list of {', '.join(SECTIONS)}")
    parser.add_argument("--first-seed", type=int, default=0, help=f"of {SEEDS} seeds (0)")
    parser.add_argument("--record", action="store_true", help="write the book's own record")
    parser.add_argument("--go-on", action="store_true", help="from the section that failed on")
    parser.add_argument("--quick", action="store_true", help="tiny: to see that everything runs")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the JSON file")
    options = parser.parse_args(arguments)
    options.sections = [name for name in options.only.split(",") if name] or of_a_record()
    unknown = [name for name in options.sections if name not in SECTIONS]
    wrong = [
        (unknown, f"no section {', '.join(unknown)}: there are {', '.join(SECTIONS)}"),
        (options.first_seed < 0, "--first-seed must be at least 0"),
        (options.only and options.record, "--record is made in one run: it goes with no --only"),
        (options.only and options.go_on, "--go-on knows what is left: it goes with no --only"),
        (options.quick and options.record, "--quick measures nothing that could be recorded"),
    ]
    for fault, sentence in wrong:
        if fault:
            parser.error(sentence)
    return options


def begin(options):
    """A new record; with --only and --go-on the one that is there, if it is of the same run.

    The same run is one of this machine, these versions and these seeds. With --go-on, ValueError if
    it is not, or was made in pieces.
    """
    count = 1 if options.quick else SEEDS
    fresh = {
        "date": machine.now(),
        "machine": machine.machine(),
        "versions": machine.versions(),
        "seeds": list(range(options.first_seed, options.first_seed + count)),
        "quick": options.quick,
        "in_pieces": bool(options.only),
    }
    if not options.only and not options.go_on:
        return fresh
    there = options.output.exists()
    old = json.loads(options.output.read_text(encoding="utf-8")) if there else {}
    same = ("machine", "versions", "seeds", "quick")
    differs = [key for key in same if old.get(key) != fresh[key]]
    if options.only:
        return fresh if differs else {**old, "in_pieces": True}
    if differs or old["in_pieces"]:
        reason = ", ".join(differs) or "it was made in pieces"
        raise ValueError(f"not the same run is in {options.output}: {reason}")
    return {**old, "went_on": [*old.get("went_on", []), machine.now()]}


def of_a_record():
    """The sections that the book's record has; the others are recorded by themselves."""
    return [name for name in SECTIONS if name not in ALONE]


def unfinished(found, sections):
    """Those of `sections` that failed in the run `found`, or are missing."""
    return [name for name in sections if name not in found or "failed" in found[name]]


def left_to_do(found, options):
    """The sections to run: all that were asked for; with --go-on, from the first unfinished on."""
    sections = options.sections
    if not options.go_on:
        return sections
    first = next(iter(unfinished(found, sections)), None)
    return sections[sections.index(first) :] if first else []


def run_section(name, seeds, quick):
    """{"started", "took", …numbers}; what goes wrong is printed, and the record says "failed"."""
    print(f"\n—— {name}", flush=True)
    result = {"started": machine.now()}
    began = time.perf_counter()
    machine.prepare()  # whatever the section before has set
    try:
        numbers = importlib.import_module(SECTIONS[name]).measure(seeds, quick)
        result |= {"took": round(time.perf_counter() - began, 1), **numbers}
        record.show(numbers)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        result["failed"] = type(error).__name__
    return result


def publish(found, root):
    """Make `found` the book's record: the file, its hash, and the tables of the READMEs.

    Raises ValueError, and writes nothing, if a section is missing or failed, or was quick.
    """
    absent = unfinished(found, of_a_record())
    if absent:
        raise ValueError(f"not recorded: {', '.join(absent)} missing or failed")
    if found["quick"] or found["in_pieces"]:
        raise ValueError("not recorded: it is a quick run, or one made in pieces")
    text = record.as_text(found)
    pages = {root / ASSET: text}
    for name, language in tables.READMES.items():
        old = (root / name).read_text(encoding="utf-8")
        pages[root / name] = tables.replaced(old, tables.section(found, language))
    sums = (root / ASSET).with_name("SHA256SUMS")
    digests = dict(line.split("  ")[::-1] for line in sums.read_text(encoding="utf-8").splitlines())
    digests[ASSET.name] = hashlib.sha256(text.encode("utf-8")).hexdigest()
    pages[sums] = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
    for path, content in pages.items():
        write_atomically(path, content)


def main(arguments):
    options = parse(arguments)
    machine.prepare()
    if NEED_ALL_PICTURES & set(options.sections):
        try:
            record.clothes(options.quick)
        except DataError as error:
            sys.exit(f"The benchmarks need all of Fashion-MNIST, and it is not here. {error}")
    try:
        found = begin(options)
    except ValueError as error:
        sys.exit(str(error))
    print("{processor}, {threads} threads".format(**found["machine"]), flush=True)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    for name in left_to_do(found, options):
        found[name] = run_section(name, found["seeds"], options.quick)
        write_atomically(options.output, record.as_text(found))
    failed = unfinished(found, options.sections)
    print(f"\n{options.output}")
    if options.record and not failed:
        publish(found, ROOT)
        print(ROOT / ASSET)
    if failed:
        print(f"failed: {', '.join(failed)}" + ("; nothing recorded" if options.record else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
