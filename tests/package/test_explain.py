"""Explanations against captum, on random networks and pictures, and what is refused."""

import copy

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients, LayerActivation, LayerGradCam, Occlusion, Saliency
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnnbook import explain
from cnnbook.models import FashionCNN, SpeedrunCNN, small_cnn


class Net(nn.Module):
    """A random small network; some of what real ones have that could trip an explainer."""

    def __init__(self, channels, size, stride, padding, norm, inplace, pool, classes=5):
        super().__init__()
        self.features = nn.Sequential()
        self.features.conv1 = nn.Conv2d(channels, 4, 3, stride=stride, padding=padding)
        self.features.norm1 = nn.BatchNorm2d(4) if norm else nn.Identity()
        self.features.relu1 = nn.ReLU(inplace=inplace)
        self.features.conv2 = nn.Conv2d(4, 6, 3, padding=1)
        self.features.relu2 = nn.ReLU(inplace=inplace)
        self.pool = pool
        self.dropout = nn.Dropout(0.5)
        with torch.no_grad():
            flat = self.pool(self.features(torch.zeros(1, channels, *size))).numel()
        self.head = nn.Linear(flat, classes)

    def forward(self, x):
        return self.head(self.dropout(self.pool(self.features(x)).flatten(1)))


@st.composite
def cases(draw):
    """A network in eval() mode, pictures, and targets: one for all, or one a picture."""
    torch.manual_seed(draw(st.integers(0, 2**31)))
    channels = draw(st.integers(1, 3))
    size = draw(st.tuples(st.integers(7, 11), st.integers(7, 11)))
    stride, padding = draw(st.integers(1, 2)), draw(st.integers(0, 2))
    norm, inplace = draw(st.booleans()), draw(st.booleans())
    pool = draw(st.sampled_from([nn.MaxPool2d(2), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1)]))
    model = Net(channels, size, stride, padding, norm, inplace, pool)
    for _ in range(3):  # statistics for BatchNorm that are not 0 and 1
        model(torch.randn(8, channels, *size) * 2 + 1)
    model.eval()
    x = torch.randn(draw(st.integers(1, 3)), channels, *size)
    target = draw(st.integers(0, 4))
    if draw(st.booleans()):
        target = torch.randint(0, 5, (len(x),))
    if draw(st.booleans()):
        model, x = model.double(), x.double()
    return model, x, target


LAYERS = ["features.conv1", "features.norm1", "features.conv2", "features.relu2", "features"]


def close(found, expected, relative):
    """Largest difference, measured by the largest value of the map."""
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    assert not found.requires_grad
    scale = expected.abs().max().item()
    assert (found - expected).abs().max().item() <= relative * scale + 1e-12


@settings(max_examples=60, deadline=None)
@given(cases())
def test_saliency_is_captums(case):
    model, x, target = case
    close(explain.saliency(model, x, target), Saliency(model).attribute(x, target), 1e-6)
    signed = Saliency(model).attribute(x, target, abs=False)
    close(explain.saliency(model, x, target, absolute=False), signed, 1e-6)


@settings(max_examples=60, deadline=None)
@given(cases(), st.sampled_from(LAYERS))
def test_maps_and_grad_cam_are_captums(case, name):
    model, x, target = case
    layer = model.get_submodule(name)
    close(explain.feature_maps(model, x, name), LayerActivation(model, layer).attribute(x), 1e-6)
    for relu in (False, True):
        cam = LayerGradCam(model, layer).attribute(x, target, relu_attributions=relu)
        close(explain.grad_cam(model, x, target, name, relu=relu), cam, 1e-5)
        close(explain.grad_cam(model, x, target, layer, relu=relu), cam, 1e-5)


@settings(max_examples=80, deadline=None)
@given(cases(), st.data())
def test_occlusion_is_captums_with_windows_cut_off_at_the_edge(case, data):
    """As numbers, pairs and triples; across all channels or one channel after the other."""
    model, x, target = case
    channels = data.draw(st.sampled_from([1, x.shape[1]]))
    height, width = (data.draw(st.integers(1, n)) for n in x.shape[2:])
    down, right = (data.draw(st.integers(1, n)) for n in (height, width))
    if data.draw(st.booleans()):
        width, right = height, down = min(height, width), min(down, right, width)
    window, stride = (channels, height, width), (channels, down, right)
    cover = data.draw(st.sampled_from([0.0, -1.5, torch.randn_like(x[:1])]))
    captum = Occlusion(model).attribute(x, window, strides=stride, target=target, baselines=cover)
    if channels == x.shape[1]:
        one_number = height == width and down == right
        window, stride = (height, down) if one_number else (window[1:], stride[1:])
    found = explain.occlusion(model, x, target, window, stride, baseline=cover)
    close(found, captum.to(x.dtype), 1e-4)


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(2, 40), st.data())
def test_integrated_gradients_are_captums(case, steps, data):
    model, x, target = case
    start = data.draw(st.sampled_from([0.0, -0.8, torch.randn_like(x), torch.randn_like(x[:1])]))
    captum = IntegratedGradients(model).attribute(
        x, start, target, n_steps=steps, method="riemann_middle"
    )
    found = explain.integrated_gradients(model, x, target, start, steps)
    close(found, captum.to(x.dtype), 5e-3 if x.dtype == torch.float32 else 1e-4)


@pytest.mark.parametrize("model", [FashionCNN(), SpeedrunCNN(), small_cnn(quiet=True)])
def test_the_networks_of_the_book(model):
    """A pooling layer that runs twice gives its last output, as with captum."""
    model.eval()
    x = torch.randn(2, 1, 28, 28)
    for name in dict(model.named_modules()):
        if name.startswith(("conv", "pool", "norm2", "fc1")):
            layer = model.get_submodule(name)
            captum = LayerGradCam(model, layer).attribute(x, 3)
            close(explain.grad_cam(model, x, 3, name), captum, 1e-5)
            maps = LayerActivation(model, layer).attribute(x)
            close(explain.feature_maps(model, x, name), maps, 1e-6)


def everything(model, x, layer="features.conv2", target=1):
    return {
        "feature_maps": lambda: explain.feature_maps(model, x, layer),
        "saliency": lambda: explain.saliency(model, x, target),
        "occlusion": lambda: explain.occlusion(model, x, target, 5, 3),
        "grad_cam": lambda: explain.grad_cam(model, x, target, layer),
        "integrated_gradients": lambda: explain.integrated_gradients(model, x, target, steps=3),
    }


METHODS = list(everything(None, None))


@pytest.fixture
def net():
    torch.manual_seed(5)
    return Net(1, (9, 8), 1, 1, True, True, nn.MaxPool2d(2)).eval()


def hooks(model):
    return sum(len(module._forward_hooks) for module in model.modules())


@pytest.mark.parametrize("method", METHODS)
def test_the_model_and_the_pictures_are_left_as_they_were(net, method):
    net.head.bias.requires_grad_(False)
    net.head.weight.grad = torch.ones_like(net.head.weight)
    x = torch.randn(2, 1, 9, 8, requires_grad=True)
    state = {name: values.clone() for name, values in net.state_dict().items()}
    everything(net, x)[method]()
    assert hooks(net) == 0 and x.grad is None and x.requires_grad and x.is_leaf
    assert not any(module.training for module in net.modules())
    assert all(torch.equal(values, state[name]) for name, values in net.state_dict().items())
    for name, values in net.named_parameters():
        assert values.requires_grad == (name != "head.bias")
        assert (values.grad is None) == (name != "head.weight")
    assert torch.equal(net.head.weight.grad, torch.ones_like(net.head.weight))


@pytest.mark.parametrize("method", METHODS)
def test_works_where_gradients_are_switched_off(net, method):
    """And with a frozen model: what is asked for is the input's gradient, not the weights'."""
    x = torch.randn(2, 1, 9, 8)
    expected = everything(net, x)[method]()
    net.requires_grad_(False)
    for off in (torch.no_grad, torch.inference_mode):
        with off():
            found = everything(net, x.clone())[method]()
        torch.testing.assert_close(found.clone(), expected)


def test_maps_are_the_readers_own():
    """Changing them changes nothing, not even where a layer hands its input on."""
    model = nn.Sequential(nn.Identity(), nn.Flatten(), nn.Linear(4, 2)).eval()
    x = torch.randn(1, 1, 2, 2)
    before = x.clone()
    explain.feature_maps(model, x, "0").zero_()
    assert torch.equal(x, before)


@pytest.mark.parametrize("method", METHODS)
def test_half_precision_gives_what_full_precision_gives(net, method):
    x = torch.rand(2, 1, 9, 8)
    expected = everything(net, x)[method]()
    for half in (torch.float16, torch.bfloat16):
        found = everything(copy.deepcopy(net).to(half), x.to(half))[method]()
        assert found.dtype == half
        assert (found.float() - expected).abs().max() < 0.2 * expected.abs().max()


@pytest.mark.parametrize("method", METHODS)
def test_lazy_layers_can_still_be_trained_afterwards(method):
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(5)).eval()
    with torch.inference_mode():
        everything(model, torch.rand(2, 1, 9, 8), "0")[method]()
    model(torch.rand(2, 1, 9, 8)).sum().backward()


@pytest.mark.parametrize("kind", [np.int64, np.int8, torch.tensor])
def test_numpys_numbers_are_taken(net, kind):
    x = torch.rand(2, 1, 9, 8)
    found = explain.occlusion(net, x, kind(2), kind(3), kind(2))
    torch.testing.assert_close(found, explain.occlusion(net, x, 2, 3, 2))
    found = explain.integrated_gradients(net, x, np.array([1, 2], np.uint8), steps=np.int64(3))
    expected = explain.integrated_gradients(net, x, torch.tensor([1, 2]), steps=3)
    torch.testing.assert_close(found, expected)
    cover = torch.zeros(1, 1, 9, 8, requires_grad=True)
    assert not explain.integrated_gradients(net, x, 1, cover, 3).requires_grad


@pytest.mark.parametrize("method", METHODS)
def test_a_model_that_is_being_trained_is_refused(net, method):
    net.train()
    with pytest.raises(ValueError, match="the model is in training mode; call model.eval"):
        everything(net, torch.randn(1, 1, 9, 8))[method]()
    net.eval()
    net.features.norm1.train()
    with pytest.raises(ValueError, match="features.norm1 is in training mode"):
        everything(net, torch.randn(1, 1, 9, 8))[method]()


@pytest.mark.parametrize("method", METHODS)
def test_pictures_that_are_no_pictures_are_refused(net, method):
    for x in (torch.zeros(1, 1, 9, 8, dtype=torch.uint8), torch.zeros(0, 1, 9, 8)):
        with pytest.raises(ValueError, match=r"x is torch\..* must be a tensor of real numbers"):
            everything(net, x)[method]()
    with pytest.raises(ValueError, match="x is torch.float32 .* features.conv1.weight .*float64"):
        everything(net.double(), torch.randn(2, 1, 9, 8))[method]()
    assert hooks(net) == 0  # although the model failed


@pytest.mark.parametrize(
    "target, message",
    [
        (5, r"target is 5; the classes are 0 to 4"),
        (-1, r"target is -1; the classes are 0 to 4"),
        (torch.tensor([0, 9]), r"target is \[0, 9\]; the classes are 0 to 4"),
        ([0, 1, 2], r"target is \[0, 1, 2\]; give one class, or 2 of them"),
        (1.5, "target is 1.5; give one class"),
        (True, "target is True; give one class"),
        (np.bool_(True), "target is True; give one class"),
        ("boot", "target is 'boot'; give one class"),
        (None, "target is None; give one class"),
        ([[0], [1, 2]], "give one class, or 2 of them"),
    ],
)
def test_a_target_that_is_no_class_is_refused(net, target, message):
    calls = everything(net, torch.randn(2, 1, 9, 8), target=target)
    for method in METHODS[1:]:
        with pytest.raises(ValueError, match=message):
            calls[method]()
    assert hooks(net) == 0


@pytest.mark.parametrize("method", ["feature_maps", "grad_cam"])
def test_a_layer_that_is_not_there_is_refused_with_those_that_are(net, method):
    x = torch.randn(1, 1, 9, 8)
    for layer in ("conv7", nn.ReLU(), None):
        with pytest.raises(ValueError, match="the model has features, features.conv1, .*, head"):
            everything(net, x, layer)[method]()
    net.spare = nn.Linear(2, 2).eval()
    with pytest.raises(ValueError, match="'spare', which the model has but does not use"):
        everything(net, x, "spare")[method]()
    assert hooks(net) == 0


class Wrapped(nn.Module):
    """A network as readers wrap it: its answer is what `how` makes of the network and `x`."""

    def __init__(self, net, how):
        super().__init__()
        self.net, self.features, self.how = net, net.features, how

    def forward(self, x):
        return self.how(self.net, x)


def without_gradient(net, x):
    with torch.no_grad():
        maps = net.features(x)
    return net.head(net.pool(maps).flatten(1))


def detached(net, x):
    return net.head(net.pool(net.features(x).detach()).flatten(1))


@pytest.mark.parametrize("method", ["saliency", "grad_cam", "integrated_gradients"])
@pytest.mark.parametrize("how", [without_gradient, detached])
@pytest.mark.parametrize("trained_head", [True, False])
def test_a_gradient_that_is_cut_off_is_said(net, method, how, trained_head):
    model = Wrapped(net, how).eval()
    net.head.requires_grad_(trained_head)
    with pytest.raises(ValueError, match=r"no gradient reaches .* torch.no_grad\(\), .detach\(\)"):
        everything(model, torch.randn(1, 1, 9, 8))[method]()
    assert hooks(model) == 0


FIT, SIZE = "window is .* must fit into the picture", "is .*; it must be a number above 0"
WINDOWS = [(10, 1), (2, 3), ((3, 9), 1), ((2, 4), (3, 1))]
REFUSED = [("occlusion", {"window": window, "stride": stride}, FIT) for window, stride in WINDOWS]
NO_SIZES, NO_COVERS = [0, 2.5, (1, 2, 3, 4), True, "a", None], [torch.zeros(3), "black", None, 1j]
STEPS = "steps is .*; it must be a whole number"
REFUSED += [("occlusion", {"window": one}, f"window {SIZE}") for one in NO_SIZES]
REFUSED += [("occlusion", {"window": 3, "stride": n}, f"stride {SIZE}") for n in (0, -1, True)]
REFUSED += [("integrated_gradients", {"steps": n}, STEPS) for n in (0, -3, 2.0, True, "3", None)]
REFUSED += [("occlusion", {"window": 3, "baseline": one}, "baseline is") for one in NO_COVERS]
REFUSED += [("integrated_gradients", {"baseline": one}, "baseline is") for one in NO_COVERS]


@pytest.mark.parametrize("method, named, message", REFUSED)
def test_numbers_that_do_not_fit_are_refused(net, method, named, message):
    with pytest.raises(ValueError, match=message):
        getattr(explain, method)(net, torch.randn(1, 1, 9, 8), 0, **named)


@pytest.mark.parametrize("method", METHODS[1:])
@pytest.mark.parametrize(
    "how, said",
    [
        (lambda scores: (scores, None), r"a tuple \(Tensor, NoneType\)"),
        (lambda scores: [scores], r"a list \(Tensor\)"),
        (lambda scores: {"logits": scores}, "a dict"),
        (lambda scores: None, "a NoneType"),
        (lambda scores: scores.detach().numpy(), "a ndarray"),
        (lambda scores: scores.argmax(1, keepdim=True), r"torch.int64 \(2, 1\)"),
        (lambda scores: scores[0], r"\(5,\)"),
    ],
)
def test_an_answer_that_is_no_table_of_scores_is_refused(net, method, how, said):
    model = Wrapped(net, lambda net, x: how(net(x))).eval()
    with pytest.raises(ValueError, match=f"the model answers {said}; it must be"):
        everything(model, torch.randn(2, 1, 9, 8))[method]()


@pytest.mark.parametrize("method", ["feature_maps", "grad_cam"])
def test_a_layer_that_puts_out_no_tensor_is_refused(net, method):
    net.rows = nn.LSTM(8, 5, batch_first=True)
    model = Wrapped(net, lambda net, x: net.rows(x[:, 0])[0][:, -1]).eval()
    with pytest.raises(ValueError, match=r"'net.rows', which puts out a tuple \(Tensor, tuple\)"):
        everything(model, torch.randn(2, 1, 9, 8), "net.rows")[method]()
