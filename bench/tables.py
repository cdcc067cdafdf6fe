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
    race = record["race"]
    parts = [words["race"], race_table(race, words)]
    if race["ratio_to_90"]:
        parts.append(words["ratio"].format(ratio=f"{race['ratio_to_90']:.0f}"))
    elif race["ratio_to_90_at_least"]:
        parts.append(words["bound"].format(ratio=f"{race['ratio_to_90_at_least']:.0f}"))
    parts += [words["goals"], goals_table(race["ours"], words), "\n".join(lines(record, words))]
    first, last = record["seeds"][0], record["seeds"][-1]
    measured = {
        "date": record["date"][:10],
        "seeds": f"{first}–{last}",
        "python": record["versions"]["python"],
        "torch": record["versions"]["torch"].partition("+")[0],
    }
    parts.append(words["machine"].format(**measured, **record["machine"]))
    return "\n\n".join(parts) + "\n"


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
    return f"{100 * accuracy:.1f}%"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def race_table(race, words):
    head = [words["way"], *(words["to"].format(target=target) for target in TARGETS), words["best"]]
    rows = []
    for peer in race["peers"]:
        cells = shown(peer, lambda value: seconds(value, words), percent, words["stopped"])
        rows.append([words[peer["name"]], *cells])
    ours = race["ours"]
    times = []
    for target in TARGETS:  # the quickest recipe whose median accuracy is enough
        enough = [entry for entry in ours if entry["median_accuracy"] >= target / 100]
        quickest = min((entry["median_seconds"] for entry in enough), default=None)
        times.append(seconds(quickest, words))
    best = max(entry["median_accuracy"] for entry in ours)
    rows.append([words["ours"], *times, percent(best)])
    return table(head, rows)


def goals_table(ours, words):
    rows = []
    for entry in ours:
        accuracies = " ".join(f"{100 * run['accuracy']:.2f}" for run in entry["runs"])
        reached = words["of"].format(reached=entry["reached"], runs=len(entry["runs"]))
        time = seconds(entry["median_seconds"], words)
        rows.append([f"{entry['goal']}%", time, accuracies, reached])
    return table([words["goal"], words["median"], words["accuracies"], words["reached"]], rows)


def lines(record, words):
    """One line for each of the other sections."""
    rows = ", ".join(
        words[row["way"]].format(speed=f"{row['pictures_per_second']:,}", **row)
        for row in record["feeding"]["rows"]
    )
    yield words["feeding"].format(rows=rows)
    step = record["step"]
    rows = ", ".join(f"{row['network']}: {100 * row['share']:.0f}%" for row in step["rows"])
    yield words["step"].format(peak=f"{step['peak_gflops']:.0f}", rows=rows)
    rows = ", ".join(
        f"{words[row['way']]} {row['milliseconds']:.2f} ms" for row in record["convolution"]["rows"]
    )
    yield words["convolution"].format(rows=rows)
    leak = record["leak"]
    found = [run["accuracy"] for run in leak["runs"]]
    shares = {"accuracy": leak["accuracy"], "low": min(found), "high": max(found)}
    rounded = {name: f"{100 * share:.1f}" for name, share in shares.items()}
    yield words["leak"].format(n=len(found), **rounded)
    rows = record["figures"]["clocks"]["60 frames a second"]
    slowest = {  # of the kinds of events, with the frames of a usual screen
        name: f"{max(row[column] for row in rows):.0f}"
        for name, column in (("middle", "painted_p50"), ("slow", "painted_p95"))
    }
    yield words["figures"].format(**slowest)
    imports = {name: seconds(record["imports"][name], words) for name in ("setup", "torch")}
    yield words["imports"].format(**imports)
    tests = record["tests"]
    counts = dict(tests["counts"])
    counts["errors"] = counts.pop("error", 0) + counts.get("errors", 0)
    names = ("passed", "failed", "errors", "skipped")  # not hidden; one that is 0 is left out
    said = [words[name].format(n=counts[name]) for name in names if counts.get(name)]
    yield words["tests"].format(minutes=f"{tests['seconds'] / 60:.0f}", counts=", ".join(said))
