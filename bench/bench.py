"""Every speed the book speaks of, measured in one run: `make bench`.

    python bench/bench.py                          all sections, more than an hour
    python bench/bench.py --only race,leak         these sections; the others stay as they are
    python bench/bench.py --first-seed 100         other seeds than those of the record
    python bench/bench.py --record                 all, and write the book's record with it
    python bench/bench.py --record --go-on         the last run, from what failed on
    python bench/bench.py --without-tests          all but the run of the book's own tests
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

# In this order. Each is a module with measure(seeds, quick) → numbers for JSON, and show(numbers).
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
NEED_ALL_PICTURES = {"feeding", "race", "leak", "ladder"}
FEWEST_SEEDS = 5  # for a record


def parse(arguments):
    """The options, checked; ends the program with a sentence when they do not fit together."""
    parser = argparse.ArgumentParser(prog="bench.py", description="Measure the book's speed.")
    parser.add_argument("--only", default="", help=f"a list of {', '.join(SECTIONS)}")
    parser.add_argument("--seeds", type=int, default=5, help="how many (5)")
    parser.add_argument("--long", type=int, default=5, help="seeds of the goal of minutes (5)")
    parser.add_argument("--first-seed", type=int, default=0, help="the first of them (0)")
    parser.add_argument("--without-tests", action="store_true", help="not the book's own tests")
    parser.add_argument("--record", action="store_true", help="write the book's own record")
    parser.add_argument("--go-on", action="store_true", help="from the section that failed on")
    parser.add_argument("--quick", action="store_true", help="tiny: to see that everything runs")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the JSON file")
    options = parser.parse_args(arguments)
    options.sections = [name for name in options.only.split(",") if name] or list(SECTIONS)
    if options.without_tests:
        options.sections = [name for name in options.sections if name != "tests"]
    unknown = [name for name in options.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"no section {', '.join(unknown)}: there are {', '.join(SECTIONS)}")
    if min(options.seeds, options.long) < 1 or options.first_seed < 0:
        parser.error("--seeds and --long must be at least 1, --first-seed at least 0")
    if options.record and options.only:
        parser.error("--record is made in one run: it goes with no --only")
    if options.go_on and options.only:
        parser.error("--go-on knows which sections are left: it goes with no --only")
    if options.record and options.quick:
        parser.error("--quick measures nothing that could be recorded: it goes with no --record")
    if options.record and options.seeds < FEWEST_SEEDS:
        parser.error(f"--record needs at least {FEWEST_SEEDS} seeds; --seeds is {options.seeds}")
    return options


def begin(options):
    """A new record; with --only the one that is there, if it is of this machine and these seeds."""
    fresh = {
        "date": machine.now(),
        "machine": machine.machine(),
        "versions": machine.versions(),
        "seeds": list(range(options.first_seed, options.first_seed + options.seeds)),
        "quick": options.quick,
        "in_pieces": bool(options.only),
    }
    if options.only and options.output.exists():
        old = json.loads(options.output.read_text(encoding="utf-8"))
        if all(old.get(key) == fresh[key] for key in ("machine", "versions", "seeds", "quick")):
            return {**old, "in_pieces": True}
    return fresh


def unfinished(found, sections):
    """Those of `sections` that failed in the run `found`, or are missing."""
    return [name for name in sections if name not in found or "failed" in found[name]]


def go_on(options):
    """The run that is there, and its sections from the first one on that failed or is missing.

    Raises ValueError if there is none, if all is done, if it has too few seeds for a record, or if
    something else than the sections that are left would differ: machine, versions, or how it was
    asked for.
    """
    if not options.output.exists():
        raise ValueError(f"{options.output} is not there: nothing to go on with")
    found = json.loads(options.output.read_text(encoding="utf-8"))
    left = unfinished(found, options.sections)
    if not left:
        raise ValueError("no section failed: nothing to go on with")
    if options.record and len(found["seeds"]) < FEWEST_SEEDS:
        raise ValueError(f"a record needs at least {FEWEST_SEEDS} seeds; the run has fewer")
    now = begin(options)
    other = [name for name in ("machine", "versions", "quick") if found[name] != now[name]]
    if other or found["in_pieces"]:
        raise ValueError(f"not the same run: {', '.join(other) or 'it was made in pieces'}")
    found["went_on"] = [*found.get("went_on", []), machine.now()]
    return found, options.sections[options.sections.index(left[0]) :]


def run_section(name, seeds, quick, **more):
    """{"started", "took", …numbers}; what goes wrong is printed, and the record says "failed"."""
    result = {"started": machine.now()}
    began = time.perf_counter()
    machine.prepare()  # whatever the section before has set
    try:
        module = importlib.import_module(SECTIONS[name])
        numbers = module.measure(seeds, quick, **more)
        result["took"] = round(time.perf_counter() - began, 1)
        result.update(numbers)
        module.show(numbers)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        result["failed"] = type(error).__name__
    return result


def publish(found, root):
    """Make `found` the book's record: the file, its hash, and the tables of the READMEs.

    Raises ValueError, and writes nothing, if a section is missing or failed, or was quick.
    """
    absent = unfinished(found, SECTIONS)
    if "tests" not in found:  # --without-tests: the tables then say nothing about them
        absent.remove("tests")
    if absent:
        raise ValueError(f"not recorded: {', '.join(absent)} missing or failed")
    if found["quick"] or found["in_pieces"]:
        raise ValueError("not recorded: it is a quick run, or one made in pieces")
    text = record.as_text(found)
    pages = {}
    for name, language in tables.READMES.items():
        old = (root / name).read_text(encoding="utf-8")
        pages[root / name] = tables.replaced(old, tables.section(found, language))
    assets = (root / ASSET).parent
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    lines = (assets / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line.partition("  ")[2] != ASSET.name]
    lines = sorted([*lines, f"{digest}  {ASSET.name}"], key=lambda line: line.partition("  ")[2])
    pages[assets / "SHA256SUMS"] = "\n".join(lines) + "\n"
    write_atomically(root / ASSET, text)
    for path, content in pages.items():
        write_atomically(path, content)


def main(arguments):
    options = parse(arguments)
    machine.prepare()
    print("{processor}, {threads} threads".format(**machine.machine()), flush=True)
    if NEED_ALL_PICTURES & set(options.sections):
        try:
            record.clothes(options.quick)
        except DataError as error:
            sys.exit(f"The benchmarks need all of Fashion-MNIST, and it is not here. {error}")
    if options.go_on:
        try:
            found, options.sections = go_on(options)
        except ValueError as error:
            sys.exit(str(error))
    else:
        found = begin(options)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    for name in options.sections:
        print(f"\n—— {name}", flush=True)
        more = {"long": options.long} if name == "race" else {}
        found[name] = run_section(name, found["seeds"], options.quick, **more)
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
