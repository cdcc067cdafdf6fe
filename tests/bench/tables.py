"""The tables of README.md and README.ko.md, made from the record of `make bench`.

Both languages come from one function, with the words below put in: the numbers cannot differ.
"""

from record import TARGETS, shown

READMES = {"README.md": "en", "README.ko.md": "ko"}
BEGIN = "<!-- speed table: made by make bench -->"
END = "<!-- end of the speed table -->"

WORDS = {
    "en": {
        "nothing": "Not recorded yet: `make bench ARGS=--record` measures and fills this section.",
        "race": "Median time until that share of the official test pictures is answered rightly,"
        " after training on all 60,000. Data preparation counts, imports do not:",
        "way": "way",
        "to": "to {target} %",
        "best": "best",
        "course": "the course's way: its CNN, `DataLoader`, Adam",
        "lenet": "LeNet as in d2l.ai",
        "quickstart": "PyTorch's quickstart MLP",
        "logistic regression": "scikit-learn: logistic regression",
        "random forest": "scikit-learn: random forest",
        "ours": "**this book: `speedrun`**",
        "not installed": "not installed",
        "ratio": "To 90 % in one run side by side: **{ratio} times sooner** than the course's way.",
        "bound": "The course's way did not reach 90 % in the time it was given; `speedrun` did,"
        " **{ratio} times sooner** than that.",
        "stopped": "not run",
        "goals": "Every seed of ours:",
        "goal": "goal",
        "median": "median time",
        "accuracies": "test accuracy of every seed, %",
        "reached": "reached",
        "of": "{reached} of {runs}",
        "feeding": "- Feeding, pictures a second: {rows}.",
        "torchvision": "torchvision's `DataLoader` {speed} ({workers} workers)",
        "in memory": "in memory {speed} (batches of {batch_size})",
        "memory copy": "a bare memory copy {speed}",
        "step": "- A training step's speed as a share of the {peak} GFLOP/s of the fastest matrix"
        " product (`torch.mm`): {rows}.",
        "convolution": "- 32 kernels on a picture by hand: {rows}.",
        "loops": "loops",
        "sliding windows": "sliding windows",
        "torch": "torch",
        "leak": "- With shuffled training labels the same recipe gets {accuracy} % on average,"
        " {low} to {high} % in {n} runs: chance.",
        "figures": "- Live figures, from the hand to the painted frame: median {middle} ms, the"
        " slowest twentieth above {slow} ms.",
        "no figures": "- Live figures: not measured, there was no browser.",
        "tests": "- The whole book is checked in {minutes} min: {counts}.",
        "counts": {"passed": "{n} passed", "failed": "{n} failed", "errors": "errors: {n}"},
        "skipped": "{n} skipped",
        "imports": "- A notebook's first line, `cnnbook.setup`, takes {setup}; `import torch`"
        " alone {torch}.",
        "machine": "Measured on {date}: {processor}, {threads} of {cores} cores, {system}, Python"
        " {python}, torch {torch}; seeds {seeds}.",
        "seconds": "{value} s",
    },
    "ko": {
        "nothing": "아직 기록이 없습니다. `make bench ARGS=--record`가 재어서 이 절을 채웁니다.",
        "race": "공식 테스트 사진을 그만큼 맞힐 때까지 걸린 시간의 중앙값입니다. 학습 사진"
        " 60,000장을 모두 썼고, 데이터를 준비하는 시간은 들어 있으며 import 시간은 빠져 있습니다.",
        "way": "방법",
        "to": "{target} %까지",
        "best": "최고",
        "course": "수업의 방법: 수업의 CNN, `DataLoader`, Adam",
        "lenet": "d2l.ai의 LeNet",
        "quickstart": "PyTorch 퀵스타트의 MLP",
        "logistic regression": "scikit-learn: 로지스틱 회귀",
        "random forest": "scikit-learn: 랜덤 포레스트",
        "ours": "**이 책: `speedrun`**",
        "not installed": "설치되어 있지 않음",
        "ratio": "한 번의 실행에서 나란히 재었을 때 90 %까지 수업의 방법보다"
        " **{ratio}배 빠릅니다**.",
        "bound": "수업의 방법은 주어진 시간 안에 90 %에 이르지 못했습니다. `speedrun`은 그 시간보다"
        " **{ratio}배 빨리** 이르렀습니다.",
        "stopped": "재지 않음",
        "goals": "이 책의 모든 시드입니다.",
        "goal": "목표",
        "median": "시간의 중앙값",
        "accuracies": "시드마다의 테스트 정확도, %",
        "reached": "도달",
        "of": "{reached} / {runs}",
        "feeding": "- 데이터 공급, 초당 사진 수: {rows}.",
        "torchvision": "torchvision의 `DataLoader` {speed} (워커 {workers}개)",
        "in memory": "메모리에서 {speed} (배치 {batch_size})",
        "memory copy": "메모리 복사만 {speed}",
        "step": "- 가장 빠른 행렬 곱(`torch.mm`) {peak} GFLOP/s에 견준 학습 한 단계의 속도:"
        " {rows}.",
        "convolution": "- 사진 한 장에 커널 32개를 손으로: {rows}.",
        "loops": "반복문",
        "sliding windows": "미끄러지는 창",
        "torch": "torch",
        "leak": "- 학습 라벨을 뒤섞으면 같은 방법의 정확도는 평균 {accuracy} %입니다"
        "({n}번, {low}에서 {high} %). 아무렇게나 답한 것과 같습니다.",
        "figures": "- 움직이는 그림, 손에서 화면까지: 중앙값 {middle} ms,"
        " 가장 느린 스무 번에 한 번은 {slow} ms 이상.",
        "no figures": "- 움직이는 그림: 브라우저가 없어서 재지 못했습니다.",
        "tests": "- 책 전체를 검사하는 데 {minutes}분: {counts}.",
        "counts": {"passed": "통과 {n}", "failed": "실패 {n}", "errors": "오류 {n}"},
        "skipped": "건너뜀 {n}",
        "imports": "- 노트북의 첫 줄 `cnnbook.setup`에 {setup}, `import torch`만은 {torch}.",
        "machine": "{date}에 잰 값: {processor}, 코어 {cores}개 가운데 {threads}개, {system},"
        " 파이썬 {python}, torch {torch}; 시드 {seeds}.",
        "seconds": "{value}초",
    },
}


def section(record, language):
    """What stands between the two markers: a table of the race, one of our goals, some lines.

    `record` is the record of `make bench`, or None while there is none.
    """
    words = WORDS[language]
    if record is None:
        return words["nothing"] + "\n"
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
        if "missing" in peer:
            rows.append([words[peer["name"]], words["not installed"], *[""] * len(TARGETS)])
            continue
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
    if "missing" in figures:
        return words["no figures"]
    rows = figures["clocks"]["60 frames a second"]
    middle = max(row["painted_p50"] for row in rows)
    slow = max(row["painted_p95"] for row in rows)
    return words["figures"].format(middle=f"{middle:.0f}", slow=f"{slow:.0f}")


def tests_line(tests, words):
    """Failing tests are named by their number; a count that is none is left out."""
    counts = dict(tests["counts"])
    counts["errors"] = counts.pop("error", 0) + counts.get("errors", 0)
    shown = [
        phrase.format(n=counts[name])
        for name, phrase in {**words["counts"], "skipped": words["skipped"]}.items()
        if counts.get(name)
    ]
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
