"""`make bench`: its arithmetic, its record, and that the READMEs say what was measured."""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import bench_ladder
import bench_tests
import machine
import medians
import peers
import pytest
import record
import tables
import torch
from book import find_chromium
from torch import nn

import bench
from checks.editions import word_list_problems
from cnnbook.data import Part
from cnnbook.speedrun import RECIPES, recipe_optimizer

ROOT = machine.ROOT
ASSET = ROOT / bench.ASSET


def run(*points, until=93):
    return {"seed": 0, "until": until, "points": [list(point) for point in points]}


@pytest.mark.parametrize(
    "runs, expected",
    [
        ([run((1, 0.85), (2, 0.90), (3, 0.95))], 2),  # at the target counts
        ([run((1, 0.91), (2, 0.89))], 1),  # the first time, even if it falls again
        ([run((1, 0.8999))], None),
        ([run((30, 0.9)), run((10, 0.9)), run((50, 0.89))], 30),  # never is endless
        ([run((10, 0.9)), run((50, 0.89)), run((50, 0.89))], None),
        ([run((10, 0.9)), run((30, 0.9))], 20),
        ([run((10, 0.9)), run((50, 0.89))], None),  # half way to endless is endless
        ([run((10, 0.91), until=88)], None),  # it was stopped, and says nothing about 90%
    ],
)
def test_the_median_time_to_90_per_cent(runs, expected):
    assert medians.median_time(runs, 90) == expected


def test_a_run_that_was_stopped_says_nothing_about_what_lies_above():
    runs = [run((10, 0.9), (20, 0.93)), run((16, 0.91), until=90)]
    assert medians.median_times(runs) == {"88": 13, "90": 13, "92": 20, "93": 20}
    assert medians.best_accuracy(runs) == 0.93


@pytest.mark.parametrize(
    "never, accuracy, expected",
    [(False, 0.90, (30, 25)), (True, 0.90, (None, 25)), (True, 0.8999, (None, None))],
)
def test_the_ratio_needs_our_own_ninety_per_cent(never, accuracy, expected):
    """A course that never arrives: at least what it was given."""
    runs = [run((80, 0.9)), run((120, 0.8 if never else 0.9)), run((100, 0.8))]
    course = {"runs": runs, "times": medians.median_times(runs)}
    ours = {"median_accuracy": accuracy, "median_seconds": 4.0}
    assert medians.ratio_to_90(course, ours) == expected


def test_pieces_are_put_together_only_where_they_belong_together(tmp_path):
    output = tmp_path / "bench.json"

    def begun(*arguments):
        return bench.begin(bench.parse([*arguments, "--output", str(output)]))

    whole = begun()
    assert not whole["in_pieces"]
    output.write_text(record.as_text({**whole, "leak": {"accuracy": 0.1}}))
    assert "leak" not in begun()
    for other, known in ([], True), (["--first-seed", "7"], False), (["--quick"], False):
        found = begun("--only", "race", *other)
        assert ("leak" in found) == known and found["in_pieces"]


def test_a_section_that_breaks_is_named_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    stand_in = SimpleNamespace(measure=lambda seeds, quick: {"accuracy": 0.1})
    monkeypatch.setitem(sys.modules, "stand_in", stand_in)
    monkeypatch.setattr(bench, "SECTIONS", {"broken": "no_such_module", "leak": "stand_in"})
    monkeypatch.setattr(bench, "NEED_ALL_PICTURES", set())
    monkeypatch.setattr(machine, "prepare", lambda: None)
    output = tmp_path / "bench.json"
    assert bench.main(["--output", str(output)]) == 1
    found = json.loads(output.read_text())
    assert found["broken"]["failed"] == "ModuleNotFoundError"
    assert found["leak"]["accuracy"] == 0.1 and found["leak"]["started"]
    assert "failed: broken" in capsys.readouterr().out


def test_a_long_run_goes_on_from_the_section_that_failed(tmp_path):
    """Else one page that does not build costs another hour."""
    output = tmp_path / "bench.json"
    options = bench.parse(["--go-on", "--output", str(output)])
    with pytest.raises(ValueError, match="not the same run .* machine, versions, seeds"):
        bench.begin(options)  # there is none
    found = bench.begin(bench.parse(["--output", str(output)]))
    found |= {name: {"started": found["date"]} for name in bench.SECTIONS}
    assert bench.left_to_do(found, options) == []
    found["pages"] = {"failed": "KeyError"}
    assert bench.left_to_do(found, options) == ["pages", "imports", "tests"]  # in their order
    output.write_text(record.as_text(found))
    assert len(bench.begin(options)["went_on"]) == 1
    for name, other in {"quick": True, "machine": {}, "seeds": [7], "in_pieces": True}.items():
        output.write_text(record.as_text({**found, name: other}))
        with pytest.raises(ValueError, match=f"not the same run .*{name.replace('_', '.*')}"):
            bench.begin(options)


def made_up():
    """The book's record, with invented numbers where the tests look."""
    found = json.loads(ASSET.read_text(encoding="utf-8"))
    course = [run((40, 0.87), (80, 0.885), (120, 0.901)) for _ in range(3)]
    ours = [{"seconds": 4.0 + seed / 10, "accuracy": 0.9 + seed / 1000} for seed in range(5)]
    for peer in found["race"]["peers"]:
        peer |= {"runs": course, "times": medians.median_times(course)}
    found["race"] |= {"ours": [medians.summary(90, {}, ours)], "ratio_to_90": 28.57}
    found["race"]["ratio_to_90_at_least"] = 28.57
    found["machine"]["processor"] = "Abacus 9"
    found["date"] = "2031-02-03T04:05:06Z"
    found["leak"] = {"accuracy": 0.0987, "runs": [{"accuracy": 0.0823}, {"accuracy": 0.1151}]}
    found["figures"]["clocks"]["60 frames a second"] = [
        {"painted_p50": 12.2, "painted_p95": 20.4}, {"painted_p50": 17.6, "painted_p95": 19.9}
    ]  # fmt: skip
    found["tests"] = {"seconds": 612.0, "counts": {"passed": 800, "failed": 3, "error": 1}}
    return found


@pytest.fixture
def book(tmp_path):
    """The files that a new record changes, copied; without a record."""
    (tmp_path / bench.ASSET.parent).mkdir(parents=True)
    for name in (*tables.READMES, bench.ASSET.parent / "SHA256SUMS"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    "spoil, reason",
    [
        (lambda found: found.update(quick=True), "quick"),
        (lambda found: found.update(in_pieces=True), "in pieces"),
        (lambda found: found.pop("imports"), "imports missing or failed"),
        (lambda found: found["race"].update(failed="KeyError"), "race missing or failed"),
    ],
)
def test_only_a_whole_run_becomes_the_record(book, spoil, reason, monkeypatch):
    monkeypatch.setattr(bench, "write_atomically", lambda path, text: pytest.fail("it writes"))
    found = made_up()
    spoil(found)
    with pytest.raises(ValueError, match=reason):
        bench.publish(found, book)


def test_a_record_comes_with_its_hash_and_the_tables(book):
    for days in (1, 2):  # the second one replaces the first
        found = made_up() | {"date": f"2031-02-0{days}T00:00:00Z"}
        bench.publish(found, book)
    written = (book / bench.ASSET).read_bytes()
    assert json.loads(written) == found
    new, old = (
        (folder / bench.ASSET.parent / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
        for folder in (book, ROOT)
    )
    mine = f"{hashlib.sha256(written).hexdigest()}  speed_results.json"
    others = [line for line in old if not line.endswith("  speed_results.json")]
    assert sorted([mine, *others], key=lambda line: line.split()[1]) == new
    for name, language in tables.READMES.items():
        page = (book / name).read_text(encoding="utf-8")
        assert tables.section(found, language) in page and page.count("Abacus") == 1
    (book / "README.md").write_text(page + tables.BEGIN, encoding="utf-8")
    with pytest.raises(ValueError, match="2 times in the page"):
        bench.publish(found, book)


def test_the_tables_say_what_the_record_says():
    english = tables.section(made_up(), "en")
    for words in (
        "| the course's way: its CNN, `DataLoader`, Adam | 80 s | 120 s | – | – | 90.1% |",
        "| **this book: `speedrun`** | 4.2 s | 4.2 s | – | – | 90.2% |",
        "| 90% | 4.2 s | 90.00 90.10 90.20 90.30 90.40 | 5 of 5 |",
        "**29 times sooner**",
        "median 18 ms, the slowest twentieth above 20 ms",  # of the slowest kind of event
        "in 10 min: 800 passed, 3 failed, errors: 1.",  # not hidden
        "9.9% on average, 8.2 to 11.5% in 2 runs: chance",
        "2031-02-03: Abacus 9, 2 of 2 cores, Linux x86_64, Python 3.",
    ):
        assert words in english


def test_never_and_nowhere_are_said():
    found = made_up()
    stopped = [run((40, 0.885), (90, 0.902), until=90) for _ in range(3)]
    course = found["race"]["peers"][0] | {"runs": stopped, "times": medians.median_times(stopped)}
    race = found["race"] | {"peers": [course, *found["race"]["peers"][1:]]}
    table = tables.race_table(race, tables.words_in("en"))
    assert "Adam | 40 s | 90 s | not run | not run | not run |" in table  # not "–": never
    found["race"]["ratio_to_90"] = None
    english = tables.section(found, "en")
    assert "did not reach 90%" in english and "**29 times sooner** than that" in english
    found["race"]["ratio_to_90_at_least"] = None
    assert "sooner" not in tables.section(found, "en")


def test_both_languages_have_the_same_numbers_and_words():
    words = json.loads((ROOT / "bench" / "words.json").read_text(encoding="utf-8"))
    assert word_list_problems(words) == []
    sections = [tables.section(made_up(), language) for language in ("en", "ko")]
    numbers = [sorted(re.findall(r"\d[\d.,]*\d|\d", text)) for text in sections]
    assert numbers[0] == numbers[1] and sections[0] != sections[1]


def little_part(count=40):
    random = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, 1, 28, 28), dtype=torch.uint8, generator=random)
    return Part(images, torch.arange(count) % 10)


def test_torchvision_reads_our_pictures(tmp_path):
    part = little_part()
    dataset = peers.torchvision_dataset(part, part[:10], tmp_path)
    assert len(dataset) == len(part)
    image, label = dataset[17]
    assert torch.equal((image * 255).round().byte(), part.images[17]) and label == part.labels[17]


def test_the_clock_stands_still_while_the_test_set_is_looked_at(tmp_path, monkeypatch):
    part, clock = little_part(), [0]

    def look(model, test):
        clock[0] += 1000
        return clock[0] % 1000 / 13.3  # better with every step

    class CountingSGD(torch.optim.SGD):
        def step(self):
            clock[0] += 1
            super().step()

    monkeypatch.setattr(peers, "accuracy_on", look)
    monkeypatch.setattr(peers.time, "perf_counter", lambda: clock[0])
    peer = {"network": peers.quickstart, "optimizer": CountingSGD, "epochs": 3}
    peer["loader"] = {"batch_size": 5}  # 8 steps an epoch, a look after every second one
    dataset = peers.torchvision_dataset(part, part, tmp_path)
    found = peers.train_peer(peer, dataset, part, seed=4, until=90)
    points = [[steps, round(steps / 13.3, 4)] for steps in range(2, 14, 2)]  # and it stops there
    assert found == {"seed": 4, "until": 90, "points": points}


@pytest.mark.parametrize("make", [peers.lenet, peers.quickstart])
def test_the_peers_answer_and_are_judged_in_eval_mode(make):
    part, model, seen = little_part(600), make(), []
    answers = model(part.images.float() / 255).argmax(1)
    model.register_forward_pre_hook(lambda module, _: seen.append(module.training))
    expected = (answers == part.labels).double().mean().item()
    assert peers.accuracy_on(model, part) == pytest.approx(expected)
    assert model.training and seen and not any(seen)


def test_the_ladder_ends_at_the_recipe_of_the_smallest_goal():
    """Otherwise chapter 5.6 takes apart something that `speedrun` does not do."""
    top, recipe = bench_ladder.recipe(bench_ladder.UP), RECIPES[90]
    same = ("batch_size", "learning_rate", "betas", "augment", "views")
    optimizer = recipe_optimizer(nn.Linear(2, 2), recipe)
    assert type(optimizer).__name__ == top["optimizer"]
    names = ("weight_decay", "fused")
    assert all(optimizer.param_groups[0][name] == top[name] for name in names)
    assert {name: top[name] for name in same} == {name: recipe[name] for name in same}


def test_failing_tests_are_in_the_record():
    line = "1 failed, 3 passed, 2 skipped, 1 error in 12.34s (0:00:12)"
    stdout = f"FAILED tests/test_a.py::test_b[x-1] - assert 1 == 2\nERROR tests/test_c.py\n{line}\n"
    assert bench_tests.parse(subprocess.CompletedProcess([], 1, stdout=stdout)) == {
        "exit_code": 1,
        "counts": {"failed": 1, "passed": 3, "skipped": 2, "error": 1},
        "failing": ["tests/test_a.py::test_b[x-1]", "tests/test_c.py"],
        "line": line,
    }


def test_a_quick_run_from_beginning_to_end(tmp_path):
    output, names = tmp_path / "bench.json", {"convolution", "imports", "feeding", "leak"}
    command = [sys.executable, str(ROOT / "bench" / "bench.py"), "--quick"]
    command += ["--only", ",".join(names), "--output", str(output)]
    environment = dict(os.environ, CNNBOOK_THREADS="1", OMP_NUM_THREADS="1", PYTHONUTF8="1")
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    found = record_in(output)
    assert found["quick"] and found["in_pieces"] and set(bench.SECTIONS) & set(found) == names
    assert found["machine"]["threads"] == 1 and found["imports"]["setup"] > 0
    loops, windows, theirs = found["convolution"]["rows"]
    assert loops["times_torch"] > 1 == theirs["times_torch"] and windows["milliseconds"] > 0
    assert [row["way"] for row in found["feeding"]["rows"]] == [
        *["torchvision"] * 2, *["in memory"] * 2, "memory copy"
    ]  # fmt: skip
    assert all(row["pictures_per_second"] > 0 for row in found["feeding"]["rows"])
    for title in ("—— convolution", "sliding windows", "cnnbook: 0", "memory copy", "goal: 90"):
        assert title in done.stdout


def record_in(path):
    """The record in a file, which has no trace of a machine."""
    text = path.read_text(encoding="utf-8")
    assert re.search(r"(?<![\w.])/(?:work|root|opt|home|Users|tmp|mnt|usr|var)/", text) is None
    assert re.search(r"[A-Z]:\\\\", text) is None
    node = platform.node()
    assert len(node) < 4 or node not in text
    return json.loads(text)


def test_the_readmes_show_the_record():
    for name, language in tables.READMES.items():
        page = (ROOT / name).read_text(encoding="utf-8")
        assert tables.replaced(page, tables.section(record_in(ASSET), language)) == page


def test_the_record_is_what_is_made_of_its_runs_with_the_recipes_that_the_book_has():
    """Else READMEs and chapter 5.6 show times and accuracies of what is no longer there."""
    found = record_in(ASSET)
    assert bench.unfinished(found, bench.of_a_record()) in ([], ["tests"])
    for peer in found["race"]["peers"]:
        assert peer["times"] == medians.median_times(peer["runs"]), peer["name"]
    ours = {entry["goal"]: entry for entry in found["race"]["ours"]}
    for goal, recipe in RECIPES.items():
        assert ours[goal] == medians.summary(goal, record.as_json(recipe), ours[goal]["runs"])
    ratios = medians.ratio_to_90(found["race"]["peers"][0], ours[90])
    stated = (found["race"]["ratio_to_90"], found["race"]["ratio_to_90_at_least"])
    assert stated == ratios
    ladder = record_in(ASSET.with_name("ladder_results.json"))["ladder"]
    for place, changes in (("up", bench_ladder.UP), ("without", bench_ladder.WITHOUT)):
        rows = [row["name"] for row in ladder[place]]
        assert rows == [name for name, _ in changes], place


def test_the_bench_opens_the_browser_of_the_tests():
    """In a process of its own: the tests of figures may hold playwright in this one."""
    if find_chromium() is None:
        pytest.skip("no Chromium on the PATH")
    look = "import machine\nwith machine.chromium() as browser:\n    print(browser.version)"
    found = subprocess.run([sys.executable, "-c", look], cwd=ROOT / "bench", capture_output=True)
    assert found.stdout.strip(), found.stderr.decode("utf-8")
