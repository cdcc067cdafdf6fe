"""The receptive-field figure: what it paints is the gradient that torch finds, on both sides."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnbook.convolution import receptive_field
from cnnbook.figures import ReceptiveField, StateError

NUMBERS = ("kernel", "stride", "padding", "dilation")
LOW, HIGH = (1, 1, 0, 1), (5, 3, 2, 3)


def random_stacks(count):
    """So many figures with random layers that fit, a random cell of a random map chosen."""
    random = np.random.default_rng(0)
    while count:
        depth = random.integers(1, 5)
        layers = [
            {"kind": str(random.choice(["convolution", "pooling"]))}
            | dict(zip(NUMBERS, random.integers(LOW, np.add(HIGH, 1)).tolist(), strict=True))
            for _ in range(depth)
        ]
        try:
            figure = ReceptiveField(layers, size=int(random.integers(4, 33)))
        except StateError:
            continue
        figure.level = int(random.integers(0, depth + 1))
        figure.position = random.integers(0, figure.sizes[figure.level], 2).tolist()
        count -= 1
        yield figure


def by_torch(figure):
    """For each map up to the chosen one the gradient of the chosen cell, all weights equal."""
    maps = [torch.zeros(1, 1, figure.size, figure.size, dtype=torch.double, requires_grad=True)]
    for layer in figure.layers[: figure.level]:
        k, *rest = (layer[name] for name in NUMBERS)
        weight = torch.full((1, 1, k, k), 1 / k**2, dtype=torch.double)
        maps.append(F.conv2d(maps[-1], weight, None, *rest))
    row, column = figure.position
    return torch.autograd.grad(maps[-1][0, 0, row, column], maps)


def test_python_paints_the_gradient():
    for figure in random_stacks(80):
        for level, gradient in enumerate(by_torch(figure)):
            painted = figure.influence(level)
            assert np.allclose(painted, gradient[0, 0]), (figure, level)


def test_the_cells_that_see_a_cell_are_those_with_a_gradient():
    for figure in random_stacks(25):
        level, position, later = figure.level, list(figure.position), len(figure.layers)
        seeing = figure.influence(later)
        figure.level = later
        for place in np.ndindex(*seeing.shape):
            figure.position = list(place)
            sees = figure.influence(level)[tuple(position)] > 0
            assert sees == bool(seeing[place]), (figure, level, position)


def test_the_page_paints_what_python_does(open_figure):
    page = open_figure(ReceptiveField())
    call = """({ layers, size, level, position }) => {
        const own = cnnbookFigures.receptive_field;
        const sizes = own.sizesOf(size, layers);
        const before = layers.slice(0, level);
        return [sizes, position.map((place) => own.line(layers, sizes, level, place)),
          own.fieldOf(before)[0], own.middleOf(before)];
    }"""
    for figure in random_stacks(80):
        sizes, (rows, columns), field, middle = page.evaluate(call, figure.state())
        assert sizes == figure.sizes and field == figure.field
        assert middle == pytest.approx(list(figure.middle))
        for level, pair in enumerate(zip(rows, columns, strict=True)):
            assert np.allclose(np.outer(*pair), figure.influence(level))


def test_the_field_and_its_middle_are_those_of_a_cell_far_from_the_edge():
    figure = ReceptiveField([{"kind": "convolution"}] * 5, size=32)
    table = figure.influence(0)
    assert figure.field == receptive_field([3] * 5) == np.count_nonzero(table.any(axis=0)) == 11
    start = np.flatnonzero(table.any(axis=0))[0] + 3
    share = table[start : start + 5, start : start + 5].sum()
    assert figure.middle == (5, pytest.approx(share)) and share > 0.6
    assert ReceptiveField([{"kind": "convolution"}]).middle == (1, pytest.approx(1 / 9))


def test_what_does_not_fit_is_said_and_not_taken(open_figure):
    figure = ReceptiveField(size=8)
    with pytest.raises(StateError, match="layers do not fit into 5 × 5"):
        figure.size = 5
    assert figure.size == 8
    page = open_figure(figure)
    slider = page.get_by_role("slider", name=figure.text("input_size"))
    slider.evaluate("(s) => { s.value = 5; s.dispatchEvent(new Event('input')); }")
    page.get_by_text(figure.text("no_fit")).wait_for()
    state = page.evaluate("document.querySelector('.cnnbook-place').cnnbookModel.get('size')")
    assert state == 8 and slider.input_value() == "8"
