"""The networks of the chapters: sizes, shapes, and the mistakes that they must not contain."""

import inspect
import re

import pytest
import torch
from torch import nn

from cnnbook.models import FashionCNN, FashionDNN, SmallCNN, SpeedrunCNN

COUNTS = {FashionDNN: 235_146, FashionCNN: 1_475_338, SpeedrunCNN: 106_234, SmallCNN: 9_098}
NETWORKS = [*COUNTS]


def pictures(count):
    return torch.randn(count, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("network", NETWORKS)
def test_parameters_as_the_text_says_and_ten_logits_whatever_the_batch(network):
    model = network().eval()
    count = sum(values.numel() for values in model.parameters())
    assert count == COUNTS[network] and f"{count:,} parameters" in network.__doc__
    for count in (0, 1, 3):
        assert model(pictures(count)).shape == (count, 10)
    # each picture is answered by itself
    whole, alone = model(pictures(3)), torch.cat([model(one[None]) for one in pictures(3)])
    torch.testing.assert_close(whole, alone)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_comments_tell_the_shapes(network):
    """Every "(N, …)" comment of the class is the shape that some step of it really has."""
    found = re.findall(r"\(N, ([\d, ]+)\)", inspect.getsource(network.forward))
    written = {tuple(map(int, sizes.split(","))) for sizes in found}
    seen = {(1, 28, 28)}
    model = network().eval()
    for module in model.children():
        module.register_forward_hook(
            lambda _, given, output: seen.update({given[0].shape[1:], output.shape[1:]})
        )
    model(pictures(2))
    assert written <= seen and len(written) >= 4


@pytest.mark.parametrize("network", NETWORKS)
def test_the_gradient_reaches_every_parameter(network):
    torch.manual_seed(0)
    model = network()
    labels = torch.arange(32) % 10
    nn.functional.cross_entropy(model(pictures(32)), labels).backward()
    for name, values in model.named_parameters():
        assert values.grad is not None, name
        # a bias in front of a BatchNorm has no effect, so its gradient is rounding error only
        assert values.grad.abs().sum() > 0, name


@pytest.mark.parametrize("network", NETWORKS)
def test_no_softmax_at_the_end(network):
    model = network().eval()
    last = list(model.children())[-1]
    wanted = torch.linspace(-5.0, 5.0, 10)
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(wanted)
        assert torch.equal(model(pictures(2)), wanted.expand(2, 10))


CHAINS = {
    FashionDNN: "fc1 fc2, fc2 fc3",
    FashionCNN: "norm1 conv2, norm2 fc1, fc1 fc2, fc2 fc3",
    SpeedrunCNN: "norm1 conv2, norm2 fc1, norm3 fc2",
    SmallCNN: "conv1 conv2, conv2 fc",
}
CHAIN = [(net, *pair.split()) for net, pairs in CHAINS.items() for pair in pairs.split(", ")]


@pytest.mark.parametrize("network, layer, following", CHAIN)
def test_an_activation_stands_between_the_layers(network, layer, following):
    """Where a layer says −1 everywhere, ReLU passes nothing on: the next weights do not matter."""
    model = network().eval()
    with torch.no_grad():
        getattr(model, layer).weight.zero_()
        getattr(model, layer).bias.fill_(-1)
        before = model(pictures(2))
        getattr(model, following).weight.normal_()
        assert torch.equal(model(pictures(2)), before)


@pytest.mark.parametrize("network", [FashionDNN, FashionCNN])
def test_dropout_drops_units_while_training_only(network):
    model = network()
    assert type(model.dropout) is nn.Dropout and model.dropout.p == 0.25
    dropped = []
    model.dropout.register_forward_hook(lambda _, given, output: dropped.append((given[0], output)))
    model.train()(pictures(8))
    given, output = dropped.pop()
    assert given.ndim == 2
    lost = (output == 0) & (given != 0)
    assert 0.2 < lost.sum() / (given != 0).sum() < 0.3
    assert 0 < lost.sum(0).max() < 8  # single units of single pictures, not a unit of all
    model.eval()(pictures(8))
    given, output = dropped.pop()
    assert torch.equal(given, output)


def test_a_deeper_speedrun_adds_a_correction_and_nothing_else():
    torch.manual_seed(0)
    deep, flat = SpeedrunCNN((8, 12), 20, deep=True).eval(), SpeedrunCNN((8, 12), 20).eval()
    missing = deep.load_state_dict(flat.state_dict(), strict=False).missing_keys
    assert {name.split(".")[0] for name in missing} == {"conv3", "norm_of_conv3"}
    x = pictures(3)
    assert not torch.allclose(deep(x), flat(x))
    with torch.no_grad():  # nothing to correct: ReLU stops what norm_of_conv3 says
        deep.norm_of_conv3.weight.zero_()
        deep.norm_of_conv3.bias.fill_(-1)
    assert torch.equal(deep(x), flat(x))
    nn.functional.cross_entropy(deep.train()(pictures(20)), torch.arange(20) % 10).backward()
    assert all(values.grad is not None for values in deep.parameters())
