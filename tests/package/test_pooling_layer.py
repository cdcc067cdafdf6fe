"""What the pooling chapter stands on: its figures without a browser, and its exercises' hints."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from cnnbook import language
from cnnbook.exercises.chapter_5_1_2_2_pooling_layer import EXERCISES
from cnnbook.figures import PoolingExplorer


def test_the_example_of_the_chapter_to_the_number_and_in_words():
    language.set_language("en")
    explorer = PoolingExplorer(position=(1, 1))
    assert explorer.output.tolist() == [[2, 7, 4], [6, 9, 3], [3, 4, 0]]
    assert repr(explorer).endswith("Output row 2, column 2 is 9.")
    explorer.shift = [0, 1]
    assert explorer.output.tolist() == [[0, 5, 7], [1, 9, 8], [3, 4, 2]]
    assert "1 right. Of 9 output cells, 6 changed." in repr(explorer)


@pytest.mark.parametrize("shift", [(0, 1), (2, 0), (-3, 4)])
def test_a_shift_lets_zeros_in_and_cells_fall_off(shift):
    image = np.arange(1, 31).reshape(5, 6)
    shifted = PoolingExplorer(image, shift=shift).shifted
    for (row, column), value in np.ndenumerate(shifted):
        source = (row - shift[0], column - shift[1])
        inside = 0 <= source[0] < 5 and 0 <= source[1] < 6
        assert value == (image[source] if inside else 0)


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize(("window", "stride", "ceil"), [(2, 2, False), (3, 2, True), (4, 1, False)])
def test_the_gradient_of_the_still_is_that_of_torch(kind, window, stride, ceil):
    explorer = PoolingExplorer(
        kind=kind, window=window, stride=stride, ceil=ceil, shift=(0, 1), gradient=True
    )
    x = torch.tensor(explorer.shifted[None], dtype=torch.float64, requires_grad=True)
    pool = functional.max_pool2d if kind == "max" else functional.avg_pool2d
    pool(x, window, stride, ceil_mode=ceil).sum().backward()
    assert np.allclose(explorer.input_gradient, x.grad[0], rtol=0, atol=1e-12)
    written = [text.get_text() for text in explorer.still().axes[0].texts][36:]
    shown = [f"{share:.3g}" if share else "" for share in x.grad[0].flatten().tolist()]
    assert written == shown


def test_position_stays_inside_when_the_output_shrinks():
    explorer = PoolingExplorer(window=4, stride=1, position=(2, 2))
    explorer.stride = 4
    assert explorer.position == [0, 0]
    explorer.ceil = True
    explorer.position = [1, 1]
    explorer.ceil = False
    assert explorer.position == [0, 0]


def test_the_exercises_know_the_right_answers_from_torch():
    x = torch.tensor([[1, 4, 2, 0], [3, 2, 5, 1], [0, 1, 7, 6], [2, 8, 3, 4.0]])
    assert EXERCISES["by-hand"].right == functional.max_pool2d(x[None], 2)[0].tolist()
    for n, k, s, ceil in EXERCISES["size"].cases:
        pooled = functional.max_pool1d(torch.zeros(1, 1, n), k, s, ceil_mode=ceil)
        assert EXERCISES["size"].right(n, k, s, ceil) == pooled.shape[2]
    for x, upstream, k in EXERCISES["gradient"].cases:
        leaf = torch.tensor(x[None], dtype=torch.float64, requires_grad=True)
        pooled = functional.max_pool2d(leaf, k)
        pooled.backward(torch.tensor(upstream[None], dtype=torch.float64))
        assert np.array_equal(EXERCISES["gradient"].right(x, upstream, k), leaf.grad[0])
