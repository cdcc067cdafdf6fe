"""The figure of the backward pass: its sums are those of `conv2d_gradients`, on both sides."""

import numpy as np
import pytest

from cnnbook import convolution
from cnnbook.figures import GradientFlow, StateError


def test_the_page_adds_up_what_python_does(chromium, tmp_path):
    random = np.random.default_rng(0)
    image, kernel = random.integers(-9, 10, (5, 6)), random.integers(-9, 10, (2, 3))
    upstream = random.integers(-9, 10, (4, 4))
    figure = GradientFlow(image, kernel, upstream, position=(2, 1), collect=True)
    path = tmp_path / "figure.html"
    figure.save_html(path)
    page = chromium.new_page()
    page.goto(path.as_uri())
    expected = [table.flatten().tolist() for table in figure.gradients[:2]]
    read = """name => [...document.querySelectorAll(`.flow-${name} .flow-received > *`)]
        .map(cell => Number(cell.textContent.replace('−', '-')))"""
    page.wait_for_function(
        "() => document.querySelectorAll('.flow-input .flow-received > *').length"
    )
    assert [page.evaluate(read, name) for name in ("input", "kernel")] == expected
    page.close()


@pytest.mark.parametrize("collect", [False, True])
def test_the_cells_that_count_are_those_up_to_the_position(collect):
    figure = GradientFlow(np.arange(12).reshape(3, 4), position=(1, 1), collect=collect)
    counted = [[1, 1, 1], [1, 1, 0]] if collect else [[0, 0, 0], [0, 1, 0]]
    assert figure.counted.tolist() == counted  # upstream is 1 where nothing was given
    tables = (np.array(counted), figure.image, figure.kernel)
    whole = convolution.conv2d_gradients(*(table[None, None] for table in tables))
    assert np.array_equal(figure.gradients[0], whole[0][0, 0])
    assert figure.gradients[2] == np.sum(counted)


def test_the_bet_of_the_chapter():
    ones = GradientFlow(upstream=np.ones((2, 2)), position=(1, 1), collect=True)
    assert ones.gradients[0][1, 1] == 10 and ones.gradients[0][2, 2] == 4


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"kernel has shape \(4, 1\); .* 3 × 3 image"):
        GradientFlow(kernel=np.ones((4, 1)))
    with pytest.raises(ValueError, match=r"upstream has shape \(3, 2\); the output has \(2, 2\)"):
        GradientFlow(upstream=np.ones((3, 2)))
    figure = GradientFlow()
    with pytest.raises(StateError, match=r"kernel has shape \(1, 2\); .* \(2, 2\)"):
        figure.kernel = [[1, 2]]
    assert figure.kernel.shape == (2, 2)
