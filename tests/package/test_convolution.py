"""cnnbook.convolution agrees with torch.nn.functional, refuses what cannot be, and names it."""

import doctest

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnnbook import convolution as c
from cnnbook.figures import ConvolutionExplorer


def test_worked_example_of_the_course():
    """Worked out on paper, position by position; the figure opens with it."""
    expected = [[3, 1, 1, 3], [1, 2, 3, 0], [1, 2, 2, 2], [3, 0, 3, 1]]
    explorer = ConvolutionExplorer()
    assert explorer.output.tolist() == expected
    image, kernel = explorer.image[None, None], explorer.kernel[None, None]
    assert c.conv2d_loops(image, kernel).tolist() == [[expected]]


def one_or_each(axes, low, high):
    number = st.integers(low, high)
    return st.one_of(number, st.tuples(*[number] * axes))


@st.composite
def convolutions(draw, axes):
    groups = draw(st.integers(1, 3))
    channels, filters = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 3))
    kernel = draw(st.tuples(*[st.integers(1, 4)] * axes))
    dilation = draw(one_or_each(axes, 1, 3))
    stride = draw(one_or_each(axes, 1, 3))
    padding = draw(st.one_of(one_or_each(axes, 0, 3), st.sampled_from(["valid", "same"])))
    if padding == "same":
        stride = 1
    dilations = dilation if isinstance(dilation, tuple) else (dilation,) * axes
    span = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    size = [s + draw(st.integers(0, 6)) for s in span]
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = random.normal(size=(draw(st.integers(0, 2)), channels, *size))
    weight = random.normal(size=(filters, channels // groups, *kernel))
    bias = random.normal(size=filters) if draw(st.booleans()) else None
    tables = {"x": x, "weight": weight, "bias": bias}
    numbers = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return tables | numbers


def in_torch(function, arguments):
    def tensor(value):
        return torch.from_numpy(value) if isinstance(value, np.ndarray) else value

    tensors = {name: tensor(value) for name, value in arguments.items()}
    return function(tensors.pop("x"), **tensors).numpy()


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_convolution_agrees_with_torch(axes):
    ours, theirs = [(c.conv1d, F.conv1d), (c.conv2d, F.conv2d), (c.conv3d, F.conv3d)][axes - 1]
    seen = []

    @settings(max_examples=[150, 250, 80][axes - 1], deadline=None, derandomize=True, database=None)
    @given(convolutions(axes))
    def agrees(case):
        expected = in_torch(theirs, case)
        found = ours(**case)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)
        sizes = [case[name].shape[2:] for name in ("x", "weight")]
        steps = [case[name] for name in ("stride", "padding", "dilation")]
        assert c.output_size(*sizes, *steps) == expected.shape[2:]
        seen.append(case)

    agrees()
    assert len(seen) >= 80
    assert any(case["groups"] > 1 and case["bias"] is not None for case in seen)
    assert any(case["padding"] == "same" for case in seen)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(convolutions(2))
def test_loops_and_windows_agree(case):
    if case["x"].size > 600:
        case["x"] = case["x"][:1]
    np.testing.assert_allclose(c.conv2d_loops(**case), c.conv2d(**case), rtol=1e-10, atol=1e-10)


@st.composite
def poolings(draw):
    kernel_size = draw(one_or_each(2, 1, 4))
    dilation = draw(one_or_each(2, 1, 2))
    kernels = kernel_size if isinstance(kernel_size, tuple) else (kernel_size,) * 2
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernels)
    stride, ceil_mode = draw(st.one_of(st.none(), one_or_each(2, 1, 5))), draw(st.booleans())
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = [2 * k + draw(st.integers(0, 7)) for k in kernels]
    x = random.normal(size=(draw(st.integers(0, 2)), draw(st.integers(1, 2)), *size))
    numbers = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
    return numbers | {"x": x, "dilation": dilation, "ceil_mode": ceil_mode}


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(poolings(), st.booleans())
def test_pooling_agrees_with_torch(case, count_include_pad):
    np.testing.assert_array_equal(c.max_pool2d(**case), in_torch(F.max_pool2d, case))
    case = {name: value for name, value in case.items() if name != "dilation"}
    case["count_include_pad"] = count_include_pad
    expected = in_torch(F.avg_pool2d, case)
    np.testing.assert_allclose(c.avg_pool2d(**case), expected, rtol=1e-12, atol=1e-12)


def test_max_pooling_passes_nan_and_minus_infinity_on():
    x = np.array([[[[np.nan, 1.0], [0.0, -np.inf]]]])
    assert np.isnan(c.max_pool2d(x, 2)).all()
    assert c.max_pool2d(np.full((1, 1, 2, 2), -5.0), 2, padding=1).tolist() == [[[[-5.0] * 2] * 2]]
    assert c.max_pool2d(np.full((1, 1, 2, 2), -5), 2, padding=1).tolist() == [[[[-5] * 2] * 2]]


ONE = np.ones((1, 1, 1, 1), int)


@pytest.mark.parametrize("function", [c.conv2d, c.conv2d_loops])
def test_whole_numbers_are_exact_or_refused(function):
    large = np.full((1, 1, 1, 2), 2**62)
    assert function(ONE.astype(np.uint64) * (2**53 + 1), ONE).item() == 2**53 + 1
    assert function(large, [[[[1, -1]]]]).item() == 0
    assert function(-large, [[[[1, 1]]]]).item() == -(2**63)
    assert function(large, [[[[1, 1]]]], bias=[-1]).dtype == np.int64
    for x, weight in [(large, [[[[1, 1]]]]), (np.full((1, 1, 1, 1), 2**63, np.uint64), ONE)]:
        with pytest.raises(ValueError, match="a sum is 9223372036854775808, which int64"):
            function(x, weight)


@pytest.mark.filterwarnings("error")
def test_infinities_pass_without_a_word_as_in_torch():
    x = np.full((1, 1, 2, 2), 4e4, np.float16)
    assert c.avg_pool2d(x, 2).item() == np.float16(4e4)
    assert c.avg_pool2d(x, 2).dtype == np.float16
    for function in (c.conv2d, c.conv2d_loops):
        assert np.isinf(function(x, x).item())
        assert np.isnan(function(x * np.inf, x * 0).item())
    assert np.isnan(c.avg_pool2d([[[[np.inf, -np.inf]]]], (1, 2)).item())


def test_tensors_and_numpys_numbers_are_taken():
    layer, x = nn.Conv2d(2, 4, 3, padding=1), torch.rand(1, 2, 5, 5, requires_grad=True)
    found = c.conv2d(x, layer.weight, layer.bias, np.int64(1), np.array([1, 1]))
    torch.testing.assert_close(torch.from_numpy(found), layer(x).detach())
    assert c.conv2d(x.bfloat16(), layer.weight).dtype == np.float32
    torch.testing.assert_close(
        torch.from_numpy(c.max_pool2d(x, np.int8(2))), F.max_pool2d(x, 2).detach()
    )
    assert c.output_size(np.int64(28), np.array([5, 3])) == (24, 26)


def sum_of_halves(function, *shape):
    ones = np.ones((1, 1, *shape), np.float16)
    return function(ones, ones, bias=np.ones(1, np.float16))


BYTES, SINGLE = np.full((1, 1, 3, 3), 200, np.uint8), np.ones((1, 1, 2, 2), np.float32)


@pytest.mark.parametrize(
    "call, expected",
    [
        (lambda: c.conv2d_loops(BYTES, BYTES // 200), np.int64(1800)),
        (lambda: c.avg_pool2d(BYTES, 3), np.float64(200)),
        (lambda: c.max_pool2d(BYTES, 3), np.uint8(200)),
        (lambda: c.conv2d(SINGLE > 0, SINGLE > 0), np.int64(4)),
        (lambda: c.conv2d(SINGLE, SINGLE), np.float32(4)),
        (lambda: c.avg_pool2d(SINGLE, 2), np.float32(1)),
        (lambda: sum_of_halves(c.conv1d, 4096), np.float16(4097)),
        (lambda: sum_of_halves(c.conv2d, 64, 64), np.float16(4097)),
        (lambda: sum_of_halves(c.conv2d_loops, 64, 64), np.float16(4097)),
        (lambda: sum_of_halves(c.conv3d, 16, 16, 16), np.float16(4097)),
    ],
)
def test_types_are_kept_and_small_ones_do_not_overflow(call, expected):
    found = call()
    assert found.item() == expected and found.dtype == expected.dtype


def test_nothing_given_is_changed():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    c.conv2d(x, np.ones((1, 1, 1, 1)))[:] = 0
    c.max_pool2d(x, 1)[:] = 0
    assert x.ravel().tolist() == [*range(16)]


X, W = np.zeros((1, 2, 5, 5)), np.zeros((4, 2, 3, 3))
NO_WINDOWS = [nn.Flatten(), nn.Linear(1, 1), nn.ConvTranspose2d(1, 1, 3), nn.MaxUnpool2d(2)]
NO_WINDOWS += [nn.FractionalMaxPool2d(2, 3), nn.InstanceNorm2d(1), nn.AdaptiveAvgPool2d(1)]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: c.conv2d(np.zeros((5, 5)), W), ["(5, 5)", "(N, C, H, W)"]),
        (lambda: c.conv2d(X, np.ones((4, 3, 3, 3))), ["(4, 3, 3, 3)", "(1, 2, 5, 5)", "must be 2"]),
        (lambda: c.conv2d(X, W, bias=np.zeros(3)), ["(3,)", "(4,)"]),
        (lambda: c.conv2d(X, W, stride=0), ["stride is 0", "at least 1"]),
        (lambda: c.conv2d(X, W, stride=1.5), ["stride is 1.5"]),
        (lambda: c.conv2d(X, W, padding=-1), ["padding is -1", "at least 0"]),
        (lambda: c.conv2d(X, W, padding="full"), ["'full'", '"same"']),
        (lambda: c.conv2d(X, W, stride=2, padding="same"), ["same", "stride is (2, 2)"]),
        (lambda: c.conv2d(X, W, padding=(1, 1, 1)), ["(1, 1, 1)", "tuple of 2"]),
        (lambda: c.conv2d(X, W, dilation=3), ["(7, 7)", "(5, 5)"]),
        (lambda: c.conv2d(X, W, groups=2), ["(4, 2, 3, 3)", "2 group(s)", "must be 1"]),
        (lambda: c.conv2d(X, W, groups=3), ["groups is 3", "2 channels", "4 filters"]),
        (lambda: c.conv2d_loops(X, W, dilation=0), ["dilation is 0"]),
        (lambda: c.conv1d(X, W), ["(1, 2, 5, 5)", "(N, C, L)"]),
        (lambda: c.conv2d(X.astype(str), W), ["x has type"]),
        (lambda: c.conv2d(X, W, bias=np.zeros(4) * 1j), ["bias has type complex128"]),
        (lambda: c.conv2d([[[[1, 2], [3]]]], W), ["x is [[[[1, 2], [3]]]]", "differ in length"]),
        (lambda: c.conv2d(np.zeros((1, 2, 0, 5)), W), ["(1, 2, 0, 5)"]),
        (lambda: c.max_pool2d(np.zeros((5, 5)), 2), ["(5, 5)"]),
        (lambda: c.max_pool2d(X, 6), ["(6, 6)", "(5, 5)"]),
        (lambda: c.max_pool2d(X, 2, padding=2), ["padding is (2, 2)", "half"]),
        (lambda: c.output_size(2, 3), ["(3,)", "(2,)"]),
        (lambda: c.output_size(5, True), ["kernel_size is True"]),
        (lambda: c.receptive_field([object()]), ["kernel_size"]),
        (lambda: c.receptive_field([(3, 0)]), ["stride is 0"]),
        (lambda: c.receptive_field([(3, 3)]), ["(3, 3)", "3 × 3 kernel", "(3, 3, 1)"]),
        (lambda: c.receptive_field([3.0]), ["layer is 3.0"]),
        (lambda: c.receptive_field(3), ["layers is 3"]),
        (lambda: c.receptive_field([nn.Conv2d(1, 1, 3), nn.Conv3d(1, 1, 3)]), ["3 axes"]),
        *((lambda n=n: c.receptive_field([n]), [type(n).__name__]) for n in NO_WINDOWS),
    ],
)
def test_refusals_name_what_is_wrong(call, words):
    with pytest.raises(ValueError) as refusal:
        call()
    for word in words:
        assert word in str(refusal.value)


def test_receptive_field_is_what_a_gradient_sees():
    layers = [(3, 1), (2, 2), (3, 2, 2), (2, 1)]
    convolutions = nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3, 2, dilation=2)
    averages = nn.AvgPool2d(2), nn.AvgPool2d(2, 1)  # let every pixel through
    network = nn.Sequential(convolutions[0], averages[0], convolutions[1], averages[1])
    for parameter in network.parameters():
        nn.init.ones_(parameter)
    x = torch.zeros(1, 1, 41, 41, requires_grad=True)
    out = network(x)
    out[0, 0, out.shape[2] // 2, out.shape[3] // 2].backward()
    rows = x.grad[0, 0].abs().sum(dim=1).nonzero()
    seen = int(rows.max() - rows.min()) + 1
    assert c.receptive_field(layers) == seen
    assert c.receptive_field(network) == (seen, seen)
    assert c.receptive_field([]) == 1
    assert c.receptive_field(np.array([[3, 1], [2, 2]])) == c.receptive_field([3, (2, 2, 1)]) == 4
    assert c.receptive_field([((3, 3), 1), ((3, 5), 1)]) == (5, 7)


def test_layers_that_look_at_one_pixel_change_no_receptive_field():
    pixelwise = [nn.ReLU(), nn.BatchNorm2d(1), nn.Dropout2d(), nn.Identity(), nn.GELU()]
    layers = [nn.Conv2d(1, 1, 3), nn.MaxPool2d(2), nn.LPPool2d(2, 3), nn.Conv2d(1, 1, 3)]
    network = nn.Sequential(*(nn.Sequential(layer, *pixelwise) for layer in layers))
    assert c.receptive_field(network) == c.receptive_field(layers) == (20, 20)


def test_examples_in_the_docstrings():
    result = doctest.testmod(c)
    assert result.attempted >= 7 and result.failed == 0
