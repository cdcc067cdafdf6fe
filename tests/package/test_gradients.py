"""The backward pass of convolution and pooling: torch's, the loops', and that of small changes."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from test_convolution import convolutions, poolings

from cnnbook import convolution as c

STEADY = {"deadline": None, "derandomize": True, "database": None}
NAMES = ("x", "weight", "bias")


def torchs(function, case, seed=0):
    """The output's gradient, drawn at random, and what torch makes of it, by argument."""
    leaves = {
        name: torch.tensor(value, requires_grad=True)
        for name, value in case.items()
        if isinstance(value, np.ndarray)
    }
    options = {name: value for name, value in case.items() if name not in (*leaves, "bias")}
    output = function(leaves["x"], **{n: v for n, v in leaves.items() if n != "x"}, **options)
    upstream = np.random.default_rng(seed).normal(size=output.shape)
    output.backward(torch.from_numpy(upstream))
    return upstream, {name: leaf.grad.numpy() for name, leaf in leaves.items()}


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_the_gradients_of_a_convolution_are_torchs(axes):
    backward = (c.conv1d_gradients, c.conv2d_gradients, c.conv3d_gradients)[axes - 1]
    forward = (F.conv1d, F.conv2d, F.conv3d)[axes - 1]
    seen = []

    @settings(max_examples=[100, 200, 60][axes - 1], **STEADY)
    @given(convolutions(axes))
    def agrees(case):
        case["bias"] = np.zeros(len(case["weight"]))
        upstream, expected = torchs(forward, case)
        options = {name: case[name] for name in ("stride", "padding", "dilation", "groups")}
        found = backward(upstream, case["x"], case["weight"], **options)
        for name, gradient in zip(NAMES, found, strict=True):
            assert gradient.shape == expected[name].shape
            np.testing.assert_allclose(gradient, expected[name], rtol=1e-9, atol=1e-9)
        seen.append(case)

    agrees()
    assert sum(case["groups"] > 1 for case in seen) > 5 < sum(case["stride"] != 1 for case in seen)


@settings(max_examples=50, **STEADY)
@given(convolutions(2))
def test_loops_and_windows_agree(case):
    x, weight, _ = case["x"][:1], case["weight"], case.pop("bias")
    options = {name: case[name] for name in ("stride", "padding", "dilation", "groups")}
    upstream = np.random.default_rng(1).normal(size=c.conv2d(x, weight, **options).shape)
    pairs = zip(
        c.conv2d_gradients_loops(upstream, x, weight, **options),
        c.conv2d_gradients(upstream, x, weight, **options),
        strict=True,
    )
    for slow, fast in pairs:
        np.testing.assert_allclose(slow, fast, rtol=1e-10, atol=1e-10)


def test_a_gradient_is_what_a_small_change_does():
    random = np.random.default_rng(2)
    x, weight = random.normal(size=(2, 2, 5, 6)), random.normal(size=(3, 2, 3, 2))
    upstream = random.normal(size=(2, 3, 3, 4))

    def loss(x, weight):
        return (c.conv2d(x, weight, stride=2, padding=1) * upstream).sum()

    x_gradient, weight_gradient, _ = c.conv2d_gradients(upstream, x, weight, 2, 1)
    for place in [(0, 1, 2, 3), (1, 0, 4, 5), (0, 0, 0, 0)]:
        step = np.zeros_like(x)
        step[place] = 1e-5
        slope = (loss(x + step, weight) - loss(x - step, weight)) / 2e-5
        assert slope == pytest.approx(x_gradient[place], abs=1e-8)
    for place in [(0, 1, 2, 1), (2, 0, 0, 0)]:
        step = np.zeros_like(weight)
        step[place] = 1e-5
        slope = (loss(x, weight + step) - loss(x, weight - step)) / 2e-5
        assert slope == pytest.approx(weight_gradient[place], abs=1e-8)


@settings(max_examples=200, **STEADY)
@given(poolings())
def test_the_gradients_of_pooling_are_torchs(case):
    case["x"] = case["x"].round(0)  # with many ties
    upstream, expected = torchs(F.max_pool2d, case)
    found = c.max_pool2d_gradient(upstream, **case)
    np.testing.assert_allclose(found, expected["x"], rtol=1e-12, atol=1e-12)
    del case["dilation"]
    for counted in (True, False):
        upstream, expected = torchs(F.avg_pool2d, case | {"count_include_pad": counted})
        found = c.avg_pool2d_gradient(upstream, **case, count_include_pad=counted)
        np.testing.assert_allclose(found, expected["x"], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "row", [[np.nan, 1, 2, 3], [5, np.nan, np.nan, 7], [-np.inf] * 4, [np.inf, 1, np.inf, 0]]
)
@pytest.mark.parametrize("padding", [0, 1])
def test_pooling_sends_the_gradient_of_special_numbers_where_torch_does(row, padding):
    case = {"x": np.array(row).reshape(1, 1, 2, 2), "kernel_size": 2, "padding": padding}
    upstream, expected = torchs(F.max_pool2d, case)
    assert np.array_equal(c.max_pool2d_gradient(upstream, **case), expected["x"])


def test_types_of_the_results():
    whole, half = np.ones((1, 1, 2, 2), int), np.ones((1, 1, 2, 2), np.float16)
    assert {g.dtype for g in c.conv2d_gradients([[[[1]]]], whole, whole)} == {np.dtype(float)}
    assert {g.dtype for g in c.conv2d_gradients(half[..., :1, :1], half, half)} == {half.dtype}
    assert c.max_pool2d_gradient([[[[1]]]], whole, 2).dtype == float
    assert c.avg_pool2d_gradient(half[..., :1, :1], half, 2).dtype == np.float16
    tensor = torch.ones(1, 1, 2, 2, requires_grad=True)
    assert c.conv2d_gradients(torch.ones(1, 1, 1, 1), tensor, tensor)[0].dtype == np.float32


@pytest.mark.parametrize("function", [c.conv2d_gradients, c.conv2d_gradients_loops])
def test_what_does_not_fit_is_named(function):
    x, weight = np.ones((1, 2, 4, 4)), np.ones((3, 2, 3, 3))
    with pytest.raises(ValueError, match=r"output_gradient has shape \(1, 3, 4, 4\); .* \(1, 3, 2"):
        function(np.ones((1, 3, 4, 4)), x, weight)
    with pytest.raises(ValueError, match="weight has shape"):
        function(np.ones((1, 3, 2, 2)), x[:, :1], weight)
    with pytest.raises(ValueError, match="output_gradient is 'a'"):
        function("a", x, weight)
    with pytest.raises(ValueError, match=r"output_gradient has shape \(1, 2, 3, 3\)"):
        c.max_pool2d_gradient(np.ones((1, 2, 3, 3)), x, 2)
    with pytest.raises(ValueError, match="stride is 0"):
        c.avg_pool2d_gradient(np.ones((1, 2, 2, 2)), x, 2, stride=0)
