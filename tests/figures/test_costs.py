"""The cost explorer without a browser: its counts are those of torch, its times those by hand."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnbook import language
from cnnbook.figures import CostExplorer
from cnnbook.figures.cost_explorer.figure import ALLOWED, PRESETS
from cnnbook.models import FashionCNN, SpeedrunCNN


def counted_by_torch(model, device="cpu"):
    """(multiplications of one picture, parameters); torch counts a multiplication as 2 FLOP."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model.eval()(torch.zeros(1, 1, 28, 28, device=device))
    return counter.get_total_flops() / 2, sum(p.numel() for p in model.parameters())


def in_torch(numbers):
    """The figure's network as layers of torch, on the device "meta": shapes without numbers."""
    layers, channels = [], 1
    for place in "12":
        filters, kernel, stride = (numbers[n + place] for n in ("filters", "kernel", "stride"))
        layers += [
            nn.Conv2d(channels, filters, kernel, stride, kernel // 2, bias=False, device="meta"),
            nn.BatchNorm2d(filters, device="meta"),
            *([nn.MaxPool2d(2)] if numbers[f"pool{place}"] else []),
        ]
        channels = filters
    layers.append(nn.Flatten())
    units = nn.Sequential(*layers).eval()(torch.zeros(1, 1, 28, 28, device="meta")).shape[1]
    if numbers["hidden"]:
        hidden = numbers["hidden"]
        layers.append(nn.Linear(units, hidden, bias=False, device="meta"))
        layers.append(nn.BatchNorm1d(hidden, device="meta"))
        units = hidden
    return nn.Sequential(*layers, nn.Linear(units, 10, device="meta"))


CHOICES = ALLOWED | {"pool": [True, False]}
NUMBERS = st.fixed_dictionaries(
    {name: st.sampled_from(CHOICES[name.strip("12")]) for name in PRESETS["course"]}
)


def test_the_fast_preset_is_the_speedrun_network():
    figure = CostExplorer(**PRESETS["fast"])
    assert (figure.multiplications, figure.parameters) == counted_by_torch(SpeedrunCNN())
    assert figure.multiplications == 405_184 and figure.parameters == 106_234


def test_the_course_preset_differs_from_the_course_network_as_the_docstring_says():
    figure, model = CostExplorer(), FashionCNN()
    layers = {layer["name"]: layer for layer in figure.layers}
    assert list(layers) == ["conv1", "pool1", "conv2", "pool2", "fc1", "fc2"]
    assert model.conv1.weight.numel() * 28 * 28 == layers["conv1"]["multiplications"]
    # conv2 has the same filters, but without padding 12 × 12 cells, and 6 × 6 after the pooling
    assert model.conv2.weight.numel() * 14 * 14 == layers["conv2"]["multiplications"]
    assert model.conv2.padding == (0, 0)
    assert model.fc1.weight.numel() / (6 * 6) * (7 * 7) == layers["fc1"]["multiplications"]
    assert model.fc2.out_features == 120 and "fc3" not in layers


@settings(deadline=None, max_examples=60)
@given(NUMBERS)
def test_any_network_counts_as_torch_counts_it(numbers):
    figure = CostExplorer(**numbers)
    model = in_torch(numbers)
    assert (figure.multiplications, figure.parameters) == counted_by_torch(model, "meta")
    x = torch.zeros(1, 1, 28, 28, device="meta")
    after = []
    for layer in model.eval():
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.Linear):
            after.append(list(x.shape[1:]))
    assert [layer["after"] for layer in figure.layers] == after


def test_bytes_and_lower_bounds_by_hand():
    pool1 = CostExplorer(peak=1, bandwidth=1000).layers[1]
    assert pool1["name"] == "pool1" and pool1["multiplications"] == pool1["parameters"] == 0
    assert pool1["limit"] == "memory" and pool1["milliseconds"] > 0
    assert pool1["bytes"] == 4 * 32 * (28 * 28 + 14 * 14)
    figure = CostExplorer(**PRESETS["fast"], batch=64, peak=140, bandwidth=12)
    conv1, conv2, fc1, _ = figure.layers
    assert conv1["bytes"] == 4 * 784 + 4 * 3136 + 4 * (400 + 32) / 64 == 15_707
    assert conv1["intensity"] == 2 * 78_400 / 15_707
    assert conv1["limit"] == "memory"  # 9.98 FLOP a byte; the machine has 140 / 12 = 11.7
    assert conv1["milliseconds"] == pytest.approx(64 * 15_707 / 12e9 * 1000)
    assert conv2["limit"] == "computing" and conv2["intensity"] > 140 / 12
    assert conv2["milliseconds"] == pytest.approx(64 * 2 * 225_792 / 140e9 * 1000)
    assert fc1["bytes"] == 4 * 1568 + 4 * 64 + 4 * (1568 * 64 + 128) / 64
    total = sum(layer["milliseconds"] for layer in figure.layers)
    assert figure.forward_milliseconds == pytest.approx(total)
    rest = total - conv1["milliseconds"]
    batches = 60_000 / 64
    assert figure.epoch_seconds == pytest.approx(
        batches * (3 * rest + 2 * conv1["milliseconds"]) / 1000
    )


@pytest.mark.parametrize("name", ["ko", "en"])
def test_the_alternative_text_names_the_totals_whatever_the_machine(name):
    language.set_language(name)
    text = CostExplorer(**PRESETS["fast"], peak=137.2, bandwidth=11.8).alternative_text()
    assert text == CostExplorer(**PRESETS["fast"], peak=20).alternative_text()
    for number in ("405,184", "106,234", "conv2 225,792", "fc1 100,352"):
        assert number in text
    assert text.startswith({"ko": "비용 탐험기", "en": "Cost explorer"}[name])


def test_the_still_picture_shows_every_layer_and_calls_the_times_bounds():
    figure = CostExplorer(peak=140, bandwidth=12)
    plot = figure.still()
    (axes,) = plot.axes
    heights = [bar.get_width() * 1e6 for bar in axes.patches]
    assert heights == pytest.approx([layer["multiplications"] for layer in figure.layers][::-1])
    assert "5,726,064" in axes.get_title(loc="left")
    assert plot.get_supxlabel() == figure.text("bound", batch=128, forward="13.2", epoch="18")
    assert "하한" in plot.get_supxlabel()
