"""What the classifier's chapter stands on: the shape tracer, and its exercises' hints."""

import pytest
import torch
from torch.nn import functional

from cnnbook.exercises.chapter_5_1_2_3_classifier import EXERCISES
from cnnbook.figures import ShapeTracer
from cnnbook.models import FashionCNN


def test_the_tracer_traces_the_network_of_the_book():
    """Shapes, names and parameters of every layer are those of `FashionCNN`."""
    network, seen = FashionCNN().eval(), []
    for name, layer in network.named_children():
        layer.register_forward_hook(
            lambda layer, _, output, name=name: seen.append(
                (name, tuple(output.shape[1:]), sum(p.numel() for p in layer.parameters()))
            )
        )
    network(torch.zeros(2, 1, 28, 28))
    tracer = ShapeTracer()
    traced = [
        (step["name"].partition(",")[0], tuple(step["after"]), step["parameters"])
        for step in tracer.steps
        if step["kind"] not in ("flatten", "softmax")
    ]
    assert traced == seen
    assert tracer.parameters == sum(p.numel() for p in network.parameters())
    for before, after in zip(tracer.steps, tracer.steps[1:], strict=False):
        assert before["after"] == after["before"]


def test_the_written_sums_are_right():
    for step in ShapeTracer().steps:
        left, _, right = step["count"].rpartition(" = ")
        if left:
            value = eval(left.replace("·", "*").replace(",", ""))
            assert value == step["parameters"] == int(right.replace(",", ""))
        left, _, right = step["size"].rpartition(" = ")
        if left:
            sum_ = left.replace("·", "*").replace("−", "-").replace("⌊", "int(").replace("⌋", ")")
            assert eval(sum_) == int(right.replace(",", "")) == step["after"][-1]


def test_a_network_of_ones_own():
    layers = [
        {"name": "a", "kind": "convolution", "filters": 8, "kernel": 5, "stride": 2},
        {"name": "b", "kind": "global"},
        {"name": "c", "kind": "output", "units": 3},
    ]
    tracer = ShapeTracer(layers, shape=(3, 32, 20))
    assert tracer.shapes == [("a", (8, 14, 8)), ("b", (8,)), ("c", (3,))]
    assert tracer.parameters == 8 * (3 * 25 + 1) + 3 * 9


def test_what_is_hidden_is_not_told():
    tracer = ShapeTracer(known=[0])
    assert "(N, 32, 28, 28)" in repr(tracer)
    assert "(N, 32, 14, 14)" not in repr(tracer) and "2304" not in repr(tracer)
    drawn = [text.get_text() for text in tracer.still().axes[0].texts]
    assert drawn.count("?") == 11
    assert len(ShapeTracer(known=list(range(12))).png()) <= 60_000


def test_the_exercises_know_the_right_answers_from_torch():
    weight, bias = torch.tensor([[1.0, 0, -1], [2, -1, 1]]), torch.tensor([1.0, -3])
    by_hand = functional.linear(torch.tensor([1.0, 2, 0]), weight, bias)
    assert EXERCISES["by-hand"].right == by_hand.tolist()
    for c, h, w, units in EXERCISES["count"].cases:
        layer = torch.nn.Linear(torch.zeros(1, c, h, w).flatten(1).shape[1], units)
        assert EXERCISES["count"].right(c, h, w, units) == sum(
            values.numel() for values in layer.parameters()
        )
    for (n,) in EXERCISES["flat"].cases:
        network, seen = FashionCNN(), []
        network.pool.register_forward_hook(lambda *a, seen=seen: seen.append(a[2].numel()))
        network.fc1 = torch.nn.Identity()
        with pytest.raises(RuntimeError):  # fc2 waits for 600
            network(torch.zeros(1, 1, n, n))
        assert EXERCISES["flat"].right(n) == seen[-1]
    for z, label in EXERCISES["cross-entropy"].cases:
        expected = functional.cross_entropy(torch.tensor(z)[None], torch.tensor([label]))
        assert EXERCISES["cross-entropy"].right(z, label) == pytest.approx(expected.item())
