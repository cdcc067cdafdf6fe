"""The ledger of claims: every chapter has its list, and a claim that is not complete is refused."""

import copy

import nbformat
import pytest
import yaml

import checks
from checks.claims import claim_problems, wrong_fields

LEDGER = yaml.safe_load((checks.ROOT / "notebooks" / "claims.yml").read_text(encoding="utf-8"))
CLAIM = {
    "id": "wider",
    "cell": "run",
    "claim": {"ko": "넓으면 낫다.", "en": "Wider is better."},
    "changed": {"ko": "너비", "en": "the width"},
    "held": {"ko": "예산", "en": "the budget"},
    "seeds": 3,
    "unit": "points",
    "effect": "gap",
    "error": "gap_error",
    "found": [2.4, 0.3],
    "within": 1,
    "holds": "effect > 2 * error",
}


def test_the_ledger_knows_the_chapters_that_there_are():
    chapters = {path.stem for path in (checks.ROOT / "notebooks" / "ko").glob("*.ipynb")}
    assert set(LEDGER) == chapters
    assert sum(map(len, LEDGER.values())) >= 8  # that `python -m checks` looks at


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"claim": {"ko": "넓으면 낫다."}}, "claim must be words in Korean and in English"),
        ({"held": {"ko": "예산", "en": " "}}, "held must be words"),
        ({"seeds": -1}, "seeds must be a whole number"),
        ({"unit": "%"}, "unit is '%'; it must be one of count"),
        ({"effect": "gap +"}, "effect is no expression"),
        ({"effect": 3}, "effect must be text"),
        ({"holds": "error < 1"}, "holds must be about effect"),
        ({"holds": "effect > gap"}, "holds must be about effect"),
        ({"found": 2.4}, "found must be [effect, standard error]"),
        ({"within": None}, "and within a number"),
        ({"budget": "30 epochs"}, "has other fields than it should: budget"),
    ],
)
def test_a_claim_that_is_not_complete_is_refused(change, said):
    assert wrong_fields(CLAIM) == []
    assert any(said in problem for problem in wrong_fields(CLAIM | change))


def test_a_claim_leads_to_a_code_cell_of_its_chapter(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", id="run")])
    path = tmp_path / "ko" / "5_9_width.ipynb"

    def problems(ledger):
        text = yaml.safe_dump(copy.deepcopy(ledger), allow_unicode=True)
        (tmp_path / "claims.yml").write_text(text, encoding="utf-8")
        return list(claim_problems(path, notebook))

    assert problems({path.stem: [CLAIM]}) == []
    assert problems({path.stem: None}) == []
    assert "no list for this chapter" in problems({"5_8_depth": []})[0]
    assert "no code cell 'gone'" in problems({path.stem: [CLAIM | {"cell": "gone"}]})[0]
    assert "there are two of this name" in problems({path.stem: [CLAIM, CLAIM]})[0]
