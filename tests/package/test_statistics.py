"""Standard errors: by the textbook's formulas, and by drawing many samples."""

import doctest

import numpy as np
import pytest

from cnnbook import statistics as s


def test_examples_of_the_docstrings():
    assert doctest.testmod(s).failed == 0


def test_the_standard_error_is_the_spread_of_means():
    draws = np.random.default_rng(0).normal(5, 2, (4000, 9))
    estimated = np.mean([s.standard_error(row) for row in draws])
    assert draws.mean(1).std() == pytest.approx(2 / 3, rel=0.03)
    assert estimated == pytest.approx(2 / 3, rel=0.04)


def test_pairing_cancels_what_a_seed_does_to_both():
    random = np.random.default_rng(1)
    luck = random.normal(0, 3, 50)
    first, second = luck + 1, luck + random.normal(0, 0.1, 50)
    gap, error = s.difference(first, second, paired=True)
    alone, wide = s.difference(first, second)
    assert gap == pytest.approx(alone) and error < 0.03 < 0.4 < wide
    assert wide == pytest.approx(np.sqrt(first.var(ddof=1) / 50 + second.var(ddof=1) / 50))


def test_an_accuracy_on_n_pictures_spreads_as_said():
    draws = np.random.default_rng(2).binomial(300, 0.89, 20_000) / 300
    assert draws.std() == pytest.approx(s.accuracy_error(0.89, 300), rel=0.02)
    assert s.accuracy_error(1.0, 10) == 0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: s.standard_error([1]), r"values has shape \(1,\)"),
        (lambda: s.standard_error([[1, 2]]), r"shape \(1, 2\)"),
        (lambda: s.standard_error(["a", "b"]), "it must hold"),
        (lambda: s.difference([1, 2], [1, 2, 3], paired=True), "first has 2 runs, second 3"),
        (lambda: s.accuracy_error(89, 100), "accuracy is 89"),
        (lambda: s.accuracy_error(0.5, 0), "pictures is 0"),
    ],
)
def test_what_cannot_be_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()
