"""The channel explorer: each channel's map, their sum, and the products that are written out."""

import numpy as np
import pytest
from looks import numbers, put, settle

from cnnbook.convolution import conv2d
from cnnbook.figures import ChannelExplorer, StateError


def random_figure(seed):
    random = np.random.default_rng(seed)
    channels, filters = random.integers(1, 4), random.integers(1, 5)
    height, width = random.integers(3, 9, 2)
    kernel = random.integers(1, 4, 2)
    return ChannelExplorer(
        random.integers(-9, 10, (channels, height, width)),
        random.integers(-9, 10, (filters, channels, *kernel)),
        biases=random.integers(-9, 10, filters).tolist(),
        chosen=int(random.integers(filters)),
    )


@pytest.mark.parametrize("seed", range(6))
def test_page_and_python_show_the_convolution(open_figure, seed):
    figure = random_figure(seed)
    expected = conv2d(figure.image[None], figure.filters, np.array(figure.biases))[0]
    assert np.array_equal(figure.output, expected[figure.chosen])
    assert np.array_equal(figure.partial.sum(axis=0) + figure.biases[figure.chosen], figure.output)
    page = open_figure(figure)
    settle(page)
    assert numbers(page, ".chan-output .cnnbook-cells > div") == figure.output.flatten().tolist()
    partial = figure.partial.flatten().tolist()
    assert numbers(page, ".chan-partial .cnnbook-cells > div") == partial


def test_the_products_that_are_written_out_add_up(open_figure):
    """Every line of products is a true equation, and so is the sum of the lines."""
    page = open_figure(ChannelExplorer(chosen=3, biases=[0, 0, 0, -2.5]))
    for position in ([0, 0], [2, 1], [3, 3]):
        put(page, position=position)
        lines = page.locator(".chan-sum").all_text_contents()
        lines += page.locator(".chan-side .cnnbook-live").all_text_contents()
        assert len(lines) == 4
        for line in lines:
            left, right = line.split(": ", 1)[1].replace("−", "-").replace("편향 ", "").split(" = ")
            assert eval(left.replace("·", "*")) == float(right), line


def test_a_number_typed_into_a_kernel_changes_the_chosen_filter_alone(open_figure):
    figure = ChannelExplorer(chosen=1)
    page = open_figure(figure)
    page.locator(".chan-kernel input").first.fill("5")
    settle(page)
    state = page.evaluate("document.querySelector('.cnnbook-place').cnnbookModel.get('filters')")
    before = figure.state()["filters"]
    assert [k for k, (a, b) in enumerate(zip(state, before, strict=True)) if a != b] == [1]
    assert state[1][0].startswith("5 0 0") and state[1][1:] == before[1][1:]


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"filters has shape \(1, 2, 2, 2\); an image \(3, 3, 3\)"):
        ChannelExplorer(np.ones((3, 3, 3)), np.ones((1, 2, 2, 2)))
    with pytest.raises(ValueError, match=r"image has shape \(4, 3, 3\)"):
        ChannelExplorer(np.ones((4, 3, 3)), np.ones((1, 4, 2, 2)))
    figure = ChannelExplorer()
    with pytest.raises(StateError, match="figure was made for"):
        figure.image = np.ones((3, 5, 5))
    assert figure.image.shape == (3, 6, 6)
