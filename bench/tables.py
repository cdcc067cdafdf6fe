"""The tables of README.md and README.ko.md, made from the record of `make bench`.

Both languages come from one function, with the words of words.json put in, so that the numbers
cannot differ.
"""

import json
from pathlib import Path

from medians import TARGETS, shown

READMES = {"README.md": "en", "README.ko.md": "ko"}
BEGIN = "<!-- speed table: made by make bench -->"
END = "<!-- end of the speed table -->"


def words_in(language):
    """{name: sentence} of bench/words.json."""
    entries = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))
    return {name: entry[language] for name, entry in entries.items()}


def section(record, language):
    """What stands between the two markers: a table of the race, one of our goals, some lines."""
    words = words_in(language)
    parts = [
        words["race"],
        race_table(record["race"], words),
        ratio_line(record["race"], words),
        words["goals"],
        goals_table(record["race"]["ours"], words),
        "\n".join(lines(record, words)),
        machine_line(record, words),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def replaced(page, text):
    """The Markdown `page` with `text` between the markers; ValueError if they are not there."""
    for marker in (BEGIN, END):
        if page.count(marker) != 1:
            raise ValueError(f"the marker {marker} stands {page.count(marker)} times in the page")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{text}\n{END}{after}"


def seconds(value, words):
    """With one decimal below ten seconds; "–" for never."""
    if value is None:
        return "–"
    return words["seconds"].format(value=f"{value:.1f}" if value < 9.95 else f"{value:,.0f}")


def percent(accuracy):
    return f"{100 * accuracy:.1f} %"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def race_table(race, words):
    head = [words["way"], *(words["to"].format(target=target) for target in TARGETS), words["best"]]
    rows = []
    for peer in race["peers"]:
        cells = shown(peer, lambda value: seconds(value, words), percent, words["stopped"])
        rows.append([words[peer["name"]], *cells])
    times = [seconds(our_time(race["ours"], target), words) for target in TARGETS]
    best = max(entry["median_accuracy"] for entry in race["ours"])
    rows.append([words["ours"], *times, percent(best)])
    return table(head, rows)


def our_time(ours, target):
    """Median seconds of the quickest recipe whose median accuracy is at least `target` per cent."""
    enough = [entry for entry in ours if entry["median_accuracy"] >= target / 100]
    return min((entry["median_seconds"] for entry in enough), default=None)


def ratio_line(race, words):
    if race["ratio_to_90"]:
        return words["ratio"].format(ratio=f"{race['ratio_to_90']:.0f}")
    if race["ratio_to_90_at_least"]:
        return words["bound"].format(ratio=f"{race['ratio_to_90_at_least']:.0f}")
    return ""


def goals_table(ours, words):
    rows = []
    for entry in ours:
        accuracies = " ".join(f"{100 * run['accuracy']:.2f}" for run in entry["runs"])
        reached = words["of"].format(reached=entry["reached"], runs=len(entry["runs"]))
        time = seconds(entry["median_seconds"], words)
        rows.append([f"{entry['goal']} %", time, accuracies, reached])
    return table([words["goal"], words["median"], words["accuracies"], words["reached"]], rows)


def lines(record, words):
    """One line for each of the other sections."""
    rows = ", ".join(
        words[row["way"]].format(speed=f"{row['pictures_per_second']:,}", **row)
        for row in record["feeding"]["rows"]
    )
    yield words["feeding"].format(rows=rows)
    step = record["step"]
    rows = ", ".join(f"{row['network']}: {100 * row['share']:.0f} %" for row in step["rows"])
    yield words["step"].format(peak=f"{step['peak_gflops']:.0f}", rows=rows)
    rows = ", ".join(
        f"{words[row['way']]} {row['milliseconds']:.2f} ms" for row in record["convolution"]["rows"]
    )
    yield words["convolution"].format(rows=rows)
    yield leak_line(record["leak"], words)
    yield figures_line(record["figures"], words)
    yield words["imports"].format(
        setup=seconds(record["imports"]["setup"], words),
        torch=seconds(record["imports"]["torch"], words),
    )
    if "tests" in record:
        yield tests_line(record["tests"], words)


def leak_line(leak, words):
    found = [100 * run["accuracy"] for run in leak["runs"]]
    numbers = {"accuracy": 100 * leak["accuracy"], "low": min(found), "high": max(found)}
    rounded = {name: f"{number:.1f}" for name, number in numbers.items()}
    return words["leak"].format(n=len(found), **rounded)


def figures_line(figures, words):
    """The slowest kind of event, with the frames of a usual screen."""
    rows = figures["clocks"]["60 frames a second"]
    middle = max(row["painted_p50"] for row in rows)
    slow = max(row["painted_p95"] for row in rows)
    return words["figures"].format(middle=f"{middle:.0f}", slow=f"{slow:.0f}")


def tests_line(tests, words):
    """Failing tests are named by their number; a count that is none is left out."""
    counts = dict(tests["counts"])
    counts["errors"] = counts.pop("error", 0) + counts.get("errors", 0)
    names = ("passed", "failed", "errors", "skipped")
    shown = [words[name].format(n=counts[name]) for name in names if counts.get(name)]
    return words["tests"].format(minutes=f"{tests['seconds'] / 60:.0f}", counts=", ".join(shown))


def machine_line(record, words):
    first, last = record["seeds"][0], record["seeds"][-1]
    return words["machine"].format(
        date=record["date"][:10],
        seeds=f"{first}–{last}",
        **record["machine"],
        python=record["versions"]["python"],
        torch=record["versions"]["torch"].partition("+")[0],
    )
