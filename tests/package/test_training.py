"""Training and testing: what `fit` promises, and what `evaluate` must leave alone."""

import copy
import functools
import math
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from cnnbook import language
from cnnbook.data import Part, batches, fashion_mnist, normalise
from cnnbook.history import COLUMNS
from cnnbook.models import FashionDNN, SpeedrunCNN
from cnnbook.speedrun import (
    RECIPES,
    mirror,
    mirror_and_move,
    move,
    recipe_optimizer,
    speedrun,
    ten_views,
    two_views,
    whiten,
)
from cnnbook.training import Evaluation, evaluate, fit, seed_everything, triangle

QUIET = {"progress": False, "curve": False}


@pytest.fixture(autouse=True)
def one_thread_in_korean():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the same sums in the same order, however busy the machine
    language.set_language("ko")
    yield
    torch.set_num_threads(threads)
    language.set_language("ko")


def halves(count, seed=0):
    """Pictures (count, 1, 4, 4), bright on the left (class 0) or on the right (class 1)."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    images = torch.randint(0, 100, (count, 1, 4, 4), generator=generator, dtype=torch.uint8)
    for image, label in zip(images, labels.tolist(), strict=True):
        image[..., 2 * label : 2 * label + 2] += 120
    return Part(images, labels)


class Small(nn.Module):
    """A convolution, a BatchNorm, dropout and two classes; counts the batches it learns from."""

    def __init__(self, seed=0, at=None, action=None):
        super().__init__()
        torch.manual_seed(seed)
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(64, 2)
        self.batches, self.at, self.action = [], at, action

    def forward(self, x):
        if self.training:
            self.batches.append(x)
            if len(self.batches) == self.at:
                self.action(self)
        return self.fc(self.dropout(self.norm(self.conv(x)).relu().flatten(1)))


def weights(model):
    return {name: values.clone() for name, values in model.state_dict().items()}


def same(first, second):
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def interrupt(model):
    raise KeyboardInterrupt


def spoil(model):
    """As if steps had gone wrong: from this batch on the network answers class 0, always."""
    with torch.no_grad():
        model.fc.weight[0], model.fc.weight[1] = 100, -100
    model.at += 1


def poison(model):
    with torch.no_grad():
        model.fc.weight[0, 0] = math.nan


# ---- learning ------------------------------------------------------------------------------------


def test_learns_what_can_be_learned():
    model = Small()
    history = fit(model, halves(200), epochs=5, batch_size=20, **QUIET)
    assert evaluate(model, halves(100, seed=1)).accuracy == 1
    losses = history.column("loss")
    assert len(losses) == 5 and losses[-1] < losses[0] / 2
    assert history.column("accuracy")[-1] > 0.95
    assert history.seconds == pytest.approx(sum(history.column("seconds")))


def test_real_pictures_are_learned_and_shuffled_labels_are_not():
    """With labels drawn from a hat nothing can be learned: a better answer would be a leak.

    Over 12 runs: .82 to .85 with the real labels, .06 to .19 with the others.
    """
    clothes = fashion_mnist("mini")
    train, test = clothes.train[:3000], clothes.test[:2000]
    hat = train.labels[torch.randperm(3000, generator=torch.Generator().manual_seed(0))]
    accuracies = []
    for labels in (train.labels, hat):
        torch.manual_seed(0)
        model = SpeedrunCNN()
        fit(model, Part(train.images, labels), epochs=2, **QUIET)
        accuracies.append(evaluate(model, test).accuracy)
    assert accuracies[0] > 0.75
    assert accuracies[1] < 0.3


def test_every_picture_once_an_epoch_in_a_new_order():
    part = Part(torch.arange(50, dtype=torch.uint8).repeat(16, 1).T.reshape(50, 1, 4, 4),
                torch.arange(50) % 2)  # fmt: skip
    model = Small()
    fit(model, part, epochs=2, batch_size=10, **QUIET)
    seen = torch.cat([batch[:, 0, 0, 0] for batch in model.batches])
    assert len(seen) == 100
    first, second = seen[:50], seen[50:]
    assert not torch.equal(first, first.sort().values)
    assert not torch.equal(first, second)
    assert torch.equal(first.sort().values, second.sort().values)
    assert len(first.unique()) == 50


def test_two_networks_see_the_pictures_in_the_same_order():
    """A fair comparison: what dropout draws must not change the order of the next epoch."""
    with_dropout, without = Small(), Small()
    without.dropout = nn.Identity()
    for model in (with_dropout, without):
        fit(model, halves(50), epochs=3, batch_size=10, **QUIET)
    assert torch.equal(torch.cat(with_dropout.batches), torch.cat(without.batches))


@pytest.mark.parametrize("epochs, steps", [(1, 5), (2.6, 13), (0.01, 1), (3, 15)])
def test_epochs_may_be_fractions(epochs, steps):
    history = fit(Small(), halves(50), epochs=epochs, batch_size=10, **QUIET)
    assert len(history.steps) == steps
    assert history.rows[-1]["epoch"] == pytest.approx(steps / 5)
    assert len(history.rows) == math.ceil(steps / 5)


def test_a_picture_left_alone_waits_for_the_next_epoch():
    """BatchNorm over one value cannot train: torch raises for SpeedrunCNN's norm3."""
    train = fashion_mnist("mini").train[:21]
    history = fit(SpeedrunCNN(), train, epochs=2, batch_size=10, **QUIET)
    assert [pictures for _, _, pictures, _ in history.steps] == [10, 10, 10, 10]


def test_the_learning_rate_rises_and_falls():
    assert triangle(0) == 0 and triangle(0.15) == 1 and triangle(1) == 0
    assert triangle(0.075) == pytest.approx(0.5) and triangle(0.575) == pytest.approx(0.5)
    history = fit(Small(), halves(200), epochs=10, batch_size=20, learning_rate=0.3, **QUIET)
    rates = [step[3] for step in history.steps]
    assert rates.index(max(rates)) in (14, 15) and max(rates) == pytest.approx(0.3, rel=0.05)
    assert rates[0] == pytest.approx(0.3 * 0.005 / 0.15)
    assert rates[-1] == pytest.approx(0.3 * 0.005 / 0.85)


def test_ones_own_optimizer_and_a_constant_rate():
    model = Small()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    history = fit(model, halves(40), epochs=2, optimizer=optimizer, schedule="constant", **QUIET)
    assert {step[3] for step in history.steps} == {0.02}
    assert "Adam" in history.source and "SGD" not in history.source
    fit(model, halves(40), epochs=2, optimizer=optimizer, **QUIET)
    assert optimizer.param_groups[0]["lr"] == 0.02  # given back as it was


def test_the_default_optimizer_is_the_documented_one():
    results = []
    for given in (False, True):
        model = Small()
        optimizer = torch.optim.SGD(
            model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4
        )
        own = {"optimizer": optimizer} if given else {}
        fit(model, halves(40), epochs=2, batch_size=10, **own, **QUIET)
        results.append(weights(model))
    assert same(*results)


def test_frozen_parameters_stay():
    model = Small()
    model.conv.requires_grad_(False)
    before = weights(model)
    fit(model, halves(40), epochs=1, **QUIET)
    after = weights(model)
    assert torch.equal(before["conv.weight"], after["conv.weight"])
    assert not torch.equal(before["fc.weight"], after["fc.weight"])
    with pytest.raises(ValueError, match="nothing to train"):
        fit(model.requires_grad_(False), halves(40), epochs=1, **QUIET)


def test_the_loss_of_the_table_is_without_label_smoothing():
    """Else it could not be compared with the validation loss, which has none."""
    model, part = Small(), halves(30)
    model.dropout.p = 0.0
    untrained = copy.deepcopy(model).train()
    images, labels = next(batches(part, 30))
    expected = functional.cross_entropy(untrained(images), labels).item()
    history = fit(model, part, epochs=1, batch_size=30, label_smoothing=0.5, **QUIET)
    assert history.steps[0][0] == pytest.approx(expected, rel=1e-5)


def test_label_smoothing_keeps_the_network_from_being_sure():
    confidence = []
    for smoothing in (0.0, 0.4):
        model = Small()
        fit(model, halves(200), epochs=5, batch_size=20, label_smoothing=smoothing, **QUIET)
        confidence.append(evaluate(model, halves(50, seed=1)).probabilities.amax(1).mean())
    assert confidence[0] > 0.95
    assert confidence[1] == pytest.approx(0.8, abs=0.05)  # 1 − 0.4 + 0.4 / 2


# ---- the same again ------------------------------------------------------------------------------


@pytest.mark.parametrize("network", [Small, FashionDNN])
def test_a_seed_makes_the_run_repeat_to_the_last_bit(network):
    part = halves(60) if network is Small else fashion_mnist("mini").train[:300]
    torch.manual_seed(5)
    start = network()
    results = []
    for seed, noise in ((3, 1), (3, 2), (4, 1)):
        torch.manual_seed(noise)  # what the reader drew before does not matter
        model = copy.deepcopy(start)
        history = fit(model, part, epochs=2.5, batch_size=25, seed=seed, **QUIET)
        results.append((weights(model), history.steps))
    assert same(results[0][0], results[1][0]) and results[0][1] == results[1][1]
    assert not same(results[0][0], results[2][0])


def test_the_readers_random_numbers_are_left_alone():
    """Else every network made after the first `fit` of a loop would start with equal weights."""
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    model = Small()
    torch.manual_seed(7)
    fit(model, halves(20), epochs=1, **QUIET)
    assert torch.equal(torch.rand(3), wanted)


def test_seed_everything():
    draws = []
    for seed in (1, 1, 2):
        seed_everything(seed)
        draws.append((random.random(), np.random.rand(), torch.rand(1).item()))
    assert draws[0] == draws[1]
    assert all(a != b for a, b in zip(draws[0], draws[2], strict=True))
    for seed in (-1, 2**32, 1.5, "1"):
        with pytest.raises(ValueError, match="seed is"):
            seed_everything(seed)


# ---- which weights are kept ----------------------------------------------------------------------


def test_validation_chooses_the_weights():
    """From the third epoch of five on, the network is spoiled: those weights must not be kept."""
    kept = {}

    model = Small(at=21, action=spoil)
    model.norm.register_forward_pre_hook(
        lambda module, _: (
            kept.update({len(model.batches): weights(model)}) if not model.training else None
        )
    )
    validation = halves(40, seed=1)
    history = fit(model, halves(100), epochs=5, batch_size=10, validation=validation, **QUIET)
    scores = history.column("validation_accuracy")
    assert max(scores) > scores[-1]
    best = scores.index(max(scores))
    assert best < 2
    assert history.best is history.rows[best]
    assert same(weights(model), kept[10 * (best + 1)])
    assert evaluate(model, validation).accuracy == max(scores)


def test_the_first_of_equals_is_kept():
    history = fit(
        Small(), halves(400), epochs=6, batch_size=20, validation=halves(20, seed=1), **QUIET
    )
    scores = history.column("validation_accuracy")
    assert scores.count(max(scores)) > 1
    assert history.best is history.rows[scores.index(max(scores))]


def test_nothing_but_validation_chooses():
    """A validation part with all labels wrong: the epoch that fits *it* best is kept."""
    validation = halves(60, seed=1)
    wrong = Part(validation.images, 1 - validation.labels)
    history = fit(Small(), halves(100), epochs=4, batch_size=10, validation=wrong, **QUIET)
    scores = history.column("validation_accuracy")
    assert history.best["validation_accuracy"] == max(scores)
    assert history.best is history.rows[0]


def test_validating_does_not_change_the_training():
    results = []
    for validation in (None, halves(40, seed=1)):
        model = Small()
        history = fit(model, halves(60), epochs=2, validation=validation, batch_size=20, **QUIET)
        results.append(history.steps)
    assert results[0] == results[1]


@pytest.mark.parametrize("at", [1, 14, 35])
def test_interrupt_loses_nothing_without_validation(at):
    model = Small(at=at, action=interrupt)
    history = fit(model, halves(100), epochs=5, batch_size=10, **QUIET)
    assert history.interrupted and len(history.steps) == at - 1
    # the same run, stopped by asking for fewer steps at a constant rate, ends at these weights
    slow, quick = Small(at=at, action=interrupt), Small()
    constant = {"schedule": "constant", "batch_size": 10, **QUIET}
    fit(slow, halves(100), epochs=5, **constant)
    if at == 1:
        assert same(weights(slow), weights(quick)) and history.rows == []
    else:
        fit(quick, halves(100), epochs=(at - 1) / 10, **constant)
        assert same(weights(slow), weights(quick))
        assert history.best is history.rows[-1]
    assert not model.training


def test_interrupt_keeps_the_best_epoch_so_far():
    validation = halves(40, seed=1)
    model = Small(at=35, action=interrupt)
    snapshots = []
    model.norm.register_forward_pre_hook(
        lambda module, _: None if model.training else snapshots.append(weights(model))
    )
    history = fit(model, halves(100), epochs=9, batch_size=10, validation=validation, **QUIET)
    assert history.interrupted
    assert history.column("epoch") == pytest.approx([1, 2, 3, 3.4])
    scores = history.column("validation_accuracy")
    assert scores.pop() is None
    assert history.best is history.rows[scores.index(max(scores))]
    assert any(same(weights(model), snapshot) for snapshot in snapshots)
    assert evaluate(model, validation).accuracy == max(scores)


def test_interrupt_in_the_first_epoch_keeps_what_was_learned():
    model = Small(at=8, action=interrupt)
    before = weights(model)
    history = fit(model, halves(100), epochs=2, batch_size=10, validation=halves(20), **QUIET)
    assert history.interrupted and history.best is history.rows[0]
    assert not same(weights(model), before)
    assert model.norm.num_batches_tracked == 7


def test_a_loss_that_is_no_number_stops_with_advice():
    epoch_end = {}

    def remember_then_poison(model):
        epoch_end.update(weights(model))
        poison(model)

    model = Small(at=11, action=remember_then_poison)  # the first batch of the second epoch
    with pytest.raises(RuntimeError, match=r"11.*학습률\(0.3\).*0.03"):
        fit(model, halves(100), epochs=5, batch_size=10, learning_rate=0.3, **QUIET)
    assert same(weights(model), epoch_end)
    language.set_language("en")
    model = Small(at=3, action=poison)
    before = weights(model)
    with pytest.raises(RuntimeError, match=r"step 3 .*learning rate \(0.1\).*0.01"):
        fit(model, halves(100), epochs=5, batch_size=10, **QUIET)
    assert same(weights(model), before)


def test_weights_spoiled_by_the_last_step_are_caught():
    model = Small()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    step = optimizer.step

    def step_and_poison():
        step()
        poison(model)

    optimizer.step = step_and_poison
    with pytest.raises(RuntimeError, match="학습률"):
        fit(model, halves(10), epochs=1, batch_size=10, optimizer=optimizer, **QUIET)
    assert all(values.isfinite().all() for values in weights(model).values())


def test_a_far_too_high_learning_rate_is_caught():
    with pytest.raises(RuntimeError, match="1e\\+30"):
        fit(Small(), halves(100), epochs=3, batch_size=10, learning_rate=1e30, **QUIET)


def test_a_model_in_eval_mode_is_trained_in_training_mode():
    """As after a first `fit`: dropout and BatchNorm must wake up again."""
    model = Small().eval()
    fit(model, halves(40), epochs=2, batch_size=10, validation=halves(10), **QUIET)
    fit(model, halves(40), epochs=1, batch_size=10, **QUIET)
    assert len(model.batches) == 12


def test_the_model_comes_back_ready_to_use():
    model = SpeedrunCNN()
    fit(model, fashion_mnist("mini").train[:20], epochs=1, **QUIET)
    assert not any(module.training for module in model.modules())
    assert all(values.is_contiguous() for values in model.parameters())
    model.conv2.weight.view(32, -1)  # fails while the weights lie channels-last


# ---- testing -------------------------------------------------------------------------------------


def test_evaluate_changes_nothing():
    model = Small()
    fit(model, halves(40), epochs=1, **QUIET)
    model.train()
    model.norm.eval()  # a frozen layer, as in fine-tuning
    before, modes = weights(model), [module.training for module in model.modules()]
    bright = Part(halves(50).images // 2 + 128, halves(50).labels)
    random_state = torch.get_rng_state()
    first, second = evaluate(model, bright), evaluate(model, bright)
    assert torch.equal(first.logits, second.logits)  # dropout is off
    assert same(weights(model), before)  # BatchNorm's running statistics among them
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), random_state)
    assert not first.logits.requires_grad and not first.logits.is_inference()


def test_evaluate_uses_what_batchnorm_learned():
    """In training mode the answer to a picture would depend on the pictures beside it."""
    model = Small()
    fit(model, halves(100), epochs=2, batch_size=10, **QUIET)
    model.train()
    part = halves(30, seed=2)
    alone = torch.cat([evaluate(model, part[k : k + 1]).logits for k in range(30)])
    torch.testing.assert_close(evaluate(model, part).logits, alone)
    torch.testing.assert_close(evaluate(model, part, batch_size=7).logits, alone)


def test_evaluate_restores_the_mode_after_an_error():
    model = Small()
    model.train()
    broken = Part(torch.zeros(3, 1, 5, 5, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(RuntimeError):
        evaluate(model, broken)
    assert all(module.training for module in model.modules())


class Table(nn.Module):
    """Answers picture k with row k of a table of logits: pixel 0 is k."""

    def __init__(self, logits):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, x):
        numbers = ((x[:, 0, 0, 0] * 0.3530 + 0.2860) * 255).round().long()
        return self.logits[numbers]


def test_evaluation_by_hand():
    logits = [[2.0, 0, 0], [0, 3, 0], [0, 1, 0], [0, 0, 5]]
    images = torch.arange(4, dtype=torch.uint8).reshape(4, 1, 1, 1)
    result = evaluate(Table(logits), Part(images, torch.tensor([0, 1, 0, 1])), batch_size=3)
    assert isinstance(result, Evaluation)
    assert result.predictions.tolist() == [0, 1, 1, 2]
    assert result.accuracy == 0.5
    # row: true class, column: answer
    assert result.confusion.tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 0]]
    assert result.per_class[:2].tolist() == [0.5, 0.5] and result.per_class[2].isnan()
    e = math.exp
    losses = [
        math.log(e(2) + 2) - 2,
        math.log(e(3) + 2) - 3,
        math.log(e(1) + 2) - 0,
        math.log(e(5) + 2) - 0,
    ]
    assert result.loss == pytest.approx(sum(losses) / 4)
    torch.testing.assert_close(result.probabilities.sum(1), torch.ones(4))
    assert result.probabilities[3, 2].item() == pytest.approx(e(5) / (e(5) + 2))
    assert repr(result) == f"정확도 0.5000 (4장 가운데 2장) · 손실 {result.loss:.4f}"
    language.set_language("en")
    assert repr(result) == f"accuracy 0.5000 (2 of 4) · loss {result.loss:.4f}"


# ---- the table -----------------------------------------------------------------------------------


def test_the_history_reads_as_a_table():
    history = fit(
        Small(), halves(60), epochs=1.5, batch_size=20, validation=halves(20, seed=1), **QUIET
    )
    for name, header in (("ko", "검증 정확도"), ("en", "validation accuracy")):
        language.set_language(name)
        lines = repr(history).splitlines()
        assert header in lines[0] and len(lines) == 5
        for line, row in zip(lines[1:3], history.rows, strict=True):
            cells = line.replace("→", " ").split()
            assert cells[0] == f"{row['epoch']:.3g}"
            assert cells[1:5] == [
                f"{row[key]:.4f}"
                for key in ("loss", "accuracy", "validation_loss", "validation_accuracy")
            ]
            assert cells[5:] == [f"{row['learning_rate']:.4f}", f"{row['seconds']:.1f}"]
            assert line.lstrip().startswith("→") == (row is history.best)
        html = history._repr_html_()
        assert html.count("<tr>") == 3 and html.count("<th>") == len(COLUMNS)
        assert f"<td>{history.rows[-1]['validation_loss']:.4f}</td>" in html
        assert "그림 60장 · 배치 20 · SGD" in lines[3]  # the line that was printed by `fit`


def test_the_table_hides_validation_where_there_was_none():
    history = fit(Small(), halves(20), epochs=1, **QUIET)
    assert "검증 손실" not in repr(history) and "학습 손실" in repr(history)
    with pytest.raises(ValueError, match="column is 'acc'; the table has epoch"):
        history.column("acc")


def test_points_cut_the_run_into_equal_pieces():
    history = fit(Small(), halves(100), epochs=3, batch_size=10, **QUIET)
    points = history.points(10)
    assert [point["epoch"] for point in points] == pytest.approx([0.3 * k for k in range(1, 11)])
    losses = [step[0] for step in history.steps]
    assert points[1]["loss"] == pytest.approx(sum(losses[3:6]) / 3)
    assert len(history.points(1000)) == 30
    stopped = fit(Small(at=8, action=interrupt), halves(100), epochs=3, batch_size=10, **QUIET)
    assert stopped.points(6)[-1]["epoch"] == pytest.approx(0.7)


def test_unequal_batches_count_by_their_pictures():
    history = fit(Small(), halves(25), epochs=1, batch_size=20, **QUIET)
    (loss, correct, large, _), (other_loss, other, small, _) = history.steps
    assert (large, small) == (20, 5)
    assert history.rows[0]["loss"] == pytest.approx((20 * loss + 5 * other_loss) / 25)
    assert history.rows[0]["accuracy"] == (correct + other) / 25


# ---- what readers bring --------------------------------------------------------------------------


class Viewed(nn.Sequential):
    """Two convolutions, then `view`, which needs the channels where torch puts them by default."""

    def __init__(self, change=nn.Identity, merge=lambda x: x.view(len(x), -1)):
        torch.manual_seed(0)
        super().__init__(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 2, 1), change(), nn.Linear(8, 2))
        self.merge = merge

    def forward(self, x):
        return self[3](self.merge(self[2](self[1](self[0](x)))))


class Backward(torch.autograd.Function):
    """`view` of the gradient alone; a reader's own function may do that."""

    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, gradient):
        return gradient.view(len(gradient), -1).view(gradient.shape)


class Between(nn.Module):
    def forward(self, x):
        return nn.functional.conv2d(Backward.apply(x), torch.eye(2)[:, :, None, None])


class Volume(nn.Module):
    """The picture as a volume of one slice, as 3-D and 2-D convolutions in one network."""

    def __init__(self):
        super().__init__()
        self.conv3, self.conv2 = nn.Conv3d(1, 2, (1, 3, 3)), nn.Conv2d(2, 2, 1)

    def forward(self, x):
        return self.conv2(self.conv3(x[:, :, None]).squeeze(2)).mean((2, 3))


def lazy():
    torch.manual_seed(0)
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))


def masked():
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    model.register_buffer("mask", torch.tensor([-math.inf, 0.0]))
    model.register_buffer("count", torch.arange(3), persistent=False)
    model.register_buffer("seen", torch.tensor([True, False]))
    return model


class Remembers(nn.Module):
    """Makes a tensor in its first forward pass and keeps it."""

    def __init__(self):
        super().__init__()
        self.fc, self.scale = nn.Linear(16, 2), None

    def forward(self, x):
        if self.scale is None:
            self.scale = torch.ones(16)
        return self.fc(x.flatten(1) * self.scale)


def tied():
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 2))
    model[2].weight = model[1].weight
    return model


BROUGHT = {
    "view": Viewed,
    "view of all": lambda: Viewed(merge=lambda x: x.view(-1).view(-1, 8)),
    "view of pictures and channels": lambda: Viewed(merge=lambda x: x.view(-1, 4).view(-1, 8)),
    "view of gradients": lambda: Viewed(Between, lambda x: x.flatten(1)),
    "volume": Volume,
    "lazy": lazy,
    "masked": masked,
    "remembers": Remembers,
    "tied": tied,
    "half": lambda: Small().half(),
    "bfloat16": lambda: Small().bfloat16(),
    "double": lambda: Small().double(),
    "parallel": lambda: nn.DataParallel(Small()),
}


@pytest.mark.parametrize("name", BROUGHT)
@pytest.mark.parametrize("tested_first", [True, False])
def test_networks_that_readers_bring(name, tested_first):
    model = BROUGHT[name]()
    if tested_first:
        with torch.inference_mode():
            assert evaluate(model, halves(7)).logits.isfinite().all()
    formats = [values.dtype for values in model.state_dict().values()]
    optimizer = None if tested_first else torch.optim.SGD(model.parameters(), lr=0.1)
    with torch.no_grad():
        fit(model, halves(40), epochs=5, batch_size=10, optimizer=optimizer, skip=0.1, **QUIET)
    assert [values.dtype for values in model.state_dict().values()] == formats
    assert all(values.is_contiguous() for values in model.parameters())
    assert evaluate(model, halves(20)).logits.dtype in (torch.float32, torch.float64)
    if name not in ("lazy", "volume"):
        assert evaluate(model, halves(20)).accuracy > 0.5


def test_a_network_with_view_is_trained_as_in_plain_torch():
    model, part = Viewed(), halves(8)
    plain = copy.deepcopy(model)
    images, labels = next(batches(part, 8))
    functional.cross_entropy(plain(images), labels).backward()
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    options = {"schedule": "constant", "label_smoothing": 0, **QUIET}
    fit(model, part, epochs=1, optimizer=sgd, **options)
    for values, others in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(values, others - 0.1 * others.grad)


@pytest.mark.parametrize(
    "returned, found",
    [
        (lambda logits: (logits, None), "a tuple of 2"),
        (lambda logits: [logits], "a list of 1"),
        (lambda logits: {"logits": logits}, "a dict with 'logits'"),
        (lambda logits: None, "a NoneType"),
        (lambda logits: logits.argmax(1), "a tensor of torch.int64"),
    ],
)
def test_what_a_network_returned_is_said(returned, found):
    class Odd(Small):
        def forward(self, x):
            return returned(super().forward(x))

    for run in (evaluate, functools.partial(fit, epochs=1, **QUIET)):
        with pytest.raises(ValueError, match=f"the model returned {found}; it must return logits"):
            run(Odd(), halves(4))


def test_layers_in_eval_mode_rest_while_the_others_learn():
    backbone = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
    model = nn.Sequential(backbone.requires_grad_(False).eval(), nn.Flatten(), nn.Linear(16, 2))
    before = weights(backbone)
    for _ in range(2):  # the second time, all of it is in eval mode
        fit(model, halves(40), epochs=1, batch_size=10, validation=halves(4), **QUIET)
        assert same(weights(backbone), before)
        assert not any(layer.training for layer in model.modules())
    own = Small()
    own.norm.eval()  # its weights learn, its statistics stay
    fit(own, halves(40), epochs=1, batch_size=10, **QUIET)
    assert own.norm.num_batches_tracked == 0 and own.norm.weight.ne(1).any()


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_skipping_leaves_something_to_learn_from(count, batch_size):
    for seed in range(4):
        model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
        options = {"batch_size": batch_size, "skip": 0.9, "seed": seed, **QUIET}
        assert len(fit(model, halves(count), epochs=8, **options).steps) >= 8


@pytest.mark.parametrize("validated", [True, False])
@pytest.mark.parametrize("at", range(31, 60, 4))
def test_a_run_with_skipping_that_is_stopped_keeps_what_its_table_says(validated, at):
    """Its passes are shorter than an epoch, so the end of a pass cannot be counted in epochs."""
    model = Small(at=at, action=interrupt)
    validation = halves(40, seed=1) if validated else None
    options = {"skip": 0.6, "batch_size": 10, "validation": validation, **QUIET}
    history = fit(model, halves(100), epochs=9, **options)
    assert history.rows[-1]["epoch"] == pytest.approx((at - 1) / 10)
    if validated:
        kept = history.best["validation_accuracy"]
        assert evaluate(model, validation).accuracy == kept
        assert kept == max(score for score in history.column("validation_accuracy") if score)
    else:
        assert history.best is history.rows[-1] and model.norm.num_batches_tracked == at - 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_a_model_comes_back_as_it_was_whatever_happens(error, layout):
    model = SpeedrunCNN().to(memory_format=layout)
    model.conv2.eval()
    part = fashion_mnist("mini").train[:30]
    lies = {name: (v.stride(), v.data_ptr()) for name, v in model.named_parameters()}
    modes = [module.training for module in model.modules()]

    def fails(images):
        raise error

    with pytest.raises(error):
        evaluate(model, part, views=fails)
    evaluate(model, part)
    if error is RuntimeError:
        with pytest.raises(error):
            fit(model, part, epochs=1, augment=fails, **QUIET)
    assert [module.training for module in model.modules()] == modes
    fit(model, part, epochs=2, batch_size=10, augment=fails if error is KeyboardInterrupt else None,
        **QUIET)  # fmt: skip
    assert lies == {name: (v.stride(), v.data_ptr()) for name, v in model.named_parameters()}


@pytest.mark.parametrize("setting", ["device", "dtype"])
def test_the_defaults_of_torch_may_be_others(setting):
    """Instead of "cuda" the device "meta", where no number can be read."""
    train, validation, test, result = halves(30), halves(4), halves(20), []
    for given in (False, True):
        model = Small()
        if given and setting == "dtype":
            torch.set_default_dtype(torch.float64)
        try:
            with torch.device("meta" if given and setting == "device" else "cpu"):
                options = {"epochs": 3, "skip": 0.5, "augment": mirror_and_move, "seed": 1}
                fit(model, train, batch_size=10, validation=validation, **options, **QUIET)
                result.append(evaluate(model, test, views=ten_views).logits)
        finally:
            torch.set_default_dtype(torch.float32)
    assert torch.equal(*result)


@pytest.mark.parametrize("number", [np.int64, np.uint8, np.array, torch.tensor])
def test_numbers_of_numpy_and_torch_are_numbers(number):
    results = []
    for whole, real in ((int, float), (number, np.float32)):
        model = Small()
        options = {"label_smoothing": real(0.5), "skip": real(0.25), "learning_rate": real(0.5)}
        fit(model, halves(20), epochs=real(2.5), batch_size=whole(10), seed=whole(3), **options,
            **QUIET)  # fmt: skip
        seed_everything(whole(3))
        results.append(weights(model) | {"draw": torch.rand(2)})
        evaluate(model, halves(4), batch_size=whole(3))
    assert same(*results)


def test_views_must_be_of_every_picture():
    for views in (lambda images: [], lambda images: [images[:1]], lambda images: images):
        with pytest.raises(ValueError, match="views returned"):
            evaluate(Small(), halves(20), views=views)


# ---- what is refused -----------------------------------------------------------------------------

EMPTY = halves(4)[:0]
FIVE = Part(halves(4).images, torch.tensor([0, 1, 5, 1]))
NEGATIVE = Part(halves(4).images, torch.tensor([0, 1, -1, 1]))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": -1.5}, "epochs is -1.5"),
        ({"epochs": math.inf}, "epochs is inf"),
        ({"epochs": math.nan}, "epochs is nan"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 2.5}, "batch_size is 2.5"),
        ({"batch_size": True}, "batch_size is True"),
        ({"batch_size": None}, "batch_size is None"),
        ({"epochs": "2"}, "epochs is '2'"),
        ({"epochs": None}, "epochs is None"),
        ({"learning_rate": [0.1]}, r"learning_rate is \[0.1\]"),
        ({"learning_rate": 0}, "learning_rate is 0"),
        ({"learning_rate": math.nan}, "learning_rate is nan"),
        ({"label_smoothing": 1.5}, "label_smoothing is 1.5"),
        ({"schedule": "cosine"}, "schedule is 'cosine'"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**32}, "seed is 4294967296.*from 0 to 4294967295"),
        ({"device": "gpu"}, "device is 'gpu'; this computer has .*cpu"),
        ({"train": [1, 2]}, "train is a list"),
        ({"train": EMPTY}, "train is empty"),
        ({"train": FIVE}, "labels of train go from 0 to 5.*2 logits.*0 … 1"),
        ({"train": NEGATIVE}, "labels of train go from -1 to 1"),
        ({"validation": EMPTY}, "validation is empty"),
        ({"validation": FIVE}, "labels of validation"),
        ({"model": nn.Flatten(0)}, "shape"),
        ({"model": nn.Flatten()}, "nothing to train"),
    ],
)
def test_bad_input_is_refused_and_the_model_untouched(changes, message):
    model = Small()
    before = weights(model)
    arguments = {"model": model, "train": halves(20), "epochs": 1, **QUIET} | changes
    with pytest.raises(ValueError, match=message):
        fit(**arguments)
    assert same(weights(model), before) and model.training
    assert model.batches == []


def test_an_optimizer_of_another_model_is_refused():
    stranger = torch.optim.SGD(Small().parameters(), lr=0.1)
    with pytest.raises(ValueError, match="none of this model's parameters"):
        fit(Small(), halves(20), epochs=1, optimizer=stranger, **QUIET)
    model = Small()
    own = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="learning_rate is 0.5, but the optimizer"):
        fit(model, halves(20), epochs=1, optimizer=own, learning_rate=0.5, **QUIET)


@pytest.mark.parametrize("part", [EMPTY, FIVE, NEGATIVE])
def test_evaluate_refuses_what_it_cannot_count(part):
    with pytest.raises(ValueError, match="test"):
        evaluate(Small(), part)


# ---- what the reader sees ------------------------------------------------------------------------


def test_quiet_is_quiet_and_progress_says_what_is_trained(capsys):
    fit(Small(), halves(20), epochs=1, **QUIET)
    assert capsys.readouterr() == ("", "")
    fit(Small(), halves(20), epochs=1, validation=halves(8))
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "Small (매개변수 178개) · 그림 20장 · 배치 100 · SGD, 학습률 0.1까지 올렸다 내림"
        " · 네스테로프 모멘텀 0.9 · 가중치 감쇠 0.0005 · 라벨 평활화 0.1 · 시드 0 · 장치 cpu",
        "검증 정확도가 가장 높은 에포크(1)의 가중치를 남겼습니다.",
    ]
    assert "1/1" in err  # tqdm


def test_the_line_tells_everything_that_plain_sgd_would_not_do():
    language.set_language("en")
    model, part = SpeedrunCNN(), fashion_mnist("mini").train[:20]
    plain = torch.optim.SGD(model.parameters(), lr=0.3)
    bare = {"schedule": "constant", "label_smoothing": 0, "epochs": 1, **QUIET}
    line = fit(model, part, optimizer=plain, **bare).source
    assert line.endswith("SGD, learning rate 0.3 · channels last · seed 0 · device cpu")
    groups = [{"params": model.fc1.parameters(), "lr": 0.01}, {"params": model.fc2.parameters()}]
    adam = torch.optim.AdamW(groups, lr=0.02, betas=(0.8, 0.9), weight_decay=0.05)
    changed = {"augment": mirror, "skip": 0.25, "label_smoothing": 0.2}
    assert fit(model, part, optimizer=adam, epochs=1, **changed, **QUIET).source.endswith(
        "AdamW, learning rate 0.01 / 0.02, rising and falling · betas 0.8, 0.9 · weight decay 0.05"
        " · label smoothing 0.2 · augmentation mirror · skips 25% of the easy pictures"
        " · channels last · seed 0 · device cpu"
    )


@pytest.mark.parametrize("encoding", ["cp949", "ascii"])
def test_what_is_printed_can_be_redirected(encoding):
    """To a file in an old encoding: letters that it does not have become question marks."""
    code = (
        "import cnnbook; cnnbook.setup('ko')\n"
        "from cnnbook.environment import check_up; check_up()\n"
        "from cnnbook.training import evaluate, fit\n"
        "from test_training import Small, halves\n"
        "model = Small()\n"
        "print(fit(model, halves(20), epochs=1, validation=halves(4)))\n"
        "print(evaluate(model, halves(4)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        cwd=Path(__file__).parent,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Small (" in done.stdout.decode(encoding) and b"1/1" in done.stderr


NOTEBOOK = [
    "import sys; sys.path.insert(0, 'tests')",
    "import torch; torch.set_num_threads(1)\n"
    "from cnnbook.training import fit\n"
    "from test_training import Small, halves, interrupt",
    "history = fit(Small(), halves(100), epochs=3, batch_size=10, validation=halves(20))",
    "stopped = fit(Small(at=15, action=interrupt), halves(100), epochs=3, batch_size=10)",
    "history",
]


def test_a_saved_notebook_holds_the_finished_curve(pytestconfig):
    import nbclient
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in NOTEBOOK])
    resources = {"metadata": {"path": str(pytestconfig.rootpath)}}
    client = nbclient.NotebookClient(notebook, timeout=120, resources=resources)
    client.execute()
    outputs = [cell["outputs"] for cell in notebook.cells]
    streams = [part for part in sum(outputs, []) if part["output_type"] == "stream"]
    assert {part["name"] for part in streams} == {"stdout"}

    line, bar, curve, note = outputs[2]
    assert line["text"].startswith("Small (")
    assert list(bar["data"]) == ["text/plain"] and "30/30" in bar["data"]["text/plain"]
    state = curve["data"]["application/vnd.cnnbook.figure+json"]["state"]
    assert len(state["points"]) == 30 and len(state["validation"]) == 3
    assert state["points"][-1][0] == 3 and state["running"] is False and state["kept"] > 0
    assert "에포크" in curve["data"]["text/plain"] and "image/png" in curve["data"]
    assert "남겼습니다" in note["text"]

    bar, curve, note = outputs[3][1:]
    assert "14/30" in bar["data"]["text/plain"]
    points = curve["data"]["application/vnd.cnnbook.figure+json"]["state"]["points"]
    assert points[-1][0] == pytest.approx(1.4)
    assert "30단계 가운데 14단계에서 멈췄습니다" in note["text"]
    assert "<table>" in outputs[4][0]["data"]["text/html"]


# ---- the fast way ----------------------------------------------------------------------------


def test_mirror_swaps_about_half_and_nothing_else():
    images = torch.randn(400, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    mirrored = mirror(images)
    swapped = [torch.equal(one, other.flip(2)) for one, other in zip(mirrored, images, strict=True)]
    same = [torch.equal(one, other) for one, other in zip(mirrored, images, strict=True)]
    assert all(a != b for a, b in zip(swapped, same, strict=True))
    assert 150 < sum(swapped) < 250
    assert not torch.equal(mirror(images), mirrored)  # drawn anew each time


def test_moving_reaches_nine_places_and_brings_in_black():
    pixels = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    pixels[:, :, 13:15, 13:15] = 255  # its own mirror image
    images = normalise(pixels)
    torch.manual_seed(0)
    places = set()
    for _ in range(200):
        moved = mirror_and_move(images)
        assert moved.shape == images.shape
        assert moved.min() == pytest.approx(images.min().item(), abs=1e-6)
        bright = (moved[0, 0] > 0).nonzero()
        assert len(bright) == 4
        places.add(tuple(bright[0].tolist()))
    assert places == {(row, column) for row in (12, 13, 14) for column in (12, 13, 14)}
    down = (move(images, 1, 0)[0, 0] > 0).nonzero()[0].tolist()
    right = (move(images, 0, 1)[0, 0] > 0).nonzero()[0].tolist()
    assert (down, right) == ([14, 13], [13, 14])


def test_augmentation_sees_normalised_batches_and_is_the_same_for_a_seed():
    seen = []

    def watch(images):
        seen.append(images.clone())
        return mirror(images)

    results = []
    for seed in (3, 3, 4):
        torch.manual_seed(0)
        model = Small()
        fit(model, halves(40), epochs=2, batch_size=10, augment=watch, seed=seed, **QUIET)
        results.append(weights(model))
    assert same(results[0], results[1]) and not same(results[0], results[2])
    assert len(seen) == 24 and seen[0].dtype == torch.float32 and seen[0].shape[0] == 10


def test_the_network_learns_from_what_augmentation_returns():
    model = Small()
    fit(model, halves(40), epochs=1, batch_size=10, augment=torch.zeros_like, **QUIET)
    assert all((batch == 0).all() for batch in model.batches)


def test_whitened_answers_are_of_one_strength_and_independent():
    """On the very patches they were computed from: second moments are the unit matrix, nearly."""
    images = fashion_mnist("mini").train.images[:300]
    model = SpeedrunCNN()
    whiten(model, images)
    with torch.inference_mode():
        answers = model.conv1(normalise(images)).transpose(0, 1).flatten(1)  # (16, windows)
    assert torch.equal(answers[:8], -answers[8:])
    moments = (answers[:8] @ answers[:8].T / answers.shape[1]).double()
    assert moments.diag().max() <= 1.0001 and moments.diag().min() > 0.6  # 0.01 keeps them below 1
    assert (moments - moments.diag().diag()).abs().max() < 1e-3
    # the largest directions, not any: together they hold nearly all that varies
    patches = functional.unfold(normalise(images), 5, padding=2, stride=2).transpose(1, 2)
    patches = patches.reshape(-1, 25)
    filters = model.conv1.weight[:8].reshape(8, 25)
    basis = torch.linalg.qr(filters.T).Q
    assert ((patches @ basis) ** 2).sum() / (patches**2).sum() > 0.9


def test_the_whitened_layer_stays_and_costs_no_gradient():
    train = fashion_mnist("mini").train[:500]
    model = SpeedrunCNN()
    whiten(model, train.images)
    assert type(model.norm1) is nn.Identity
    before = weights(model)
    fit(model, train, epochs=1, **QUIET)
    assert torch.equal(before["conv1.weight"], weights(model)["conv1.weight"])
    assert model.conv1.weight.grad is None and model.conv2.weight.grad is not None


@pytest.mark.parametrize("channels", [(15, 32), (52, 32)])
def test_whitening_names_the_filters_it_cannot_fill(channels):
    with pytest.raises(ValueError, match=f"conv1 has {channels[0]} filters.*at most 50"):
        whiten(SpeedrunCNN(channels), fashion_mnist("mini").train.images)


def test_looking_twice_averages_the_logits_of_the_mirrored_picture():
    test = fashion_mnist("mini").test[:200]
    torch.manual_seed(0)
    model = SpeedrunCNN().eval()
    swapped = Part(test.images.flip(3), test.labels)
    once, other = evaluate(model, test), evaluate(model, swapped)
    twice = evaluate(model, test, views=two_views)
    torch.testing.assert_close(twice.logits, (once.logits + other.logits) / 2)
    assert not torch.allclose(twice.logits, once.logits)
    views = []
    for down, right in ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)):
        moved = torch.zeros_like(test.images)
        rows, columns = (
            slice(max(down, 0), 28 + min(down, 0)),
            slice(max(right, 0), 28 + min(right, 0)),
        )
        from_rows = slice(max(-down, 0), 28 + min(-down, 0))
        from_columns = slice(max(-right, 0), 28 + min(-right, 0))
        moved[:, :, rows, columns] = test.images[:, :, from_rows, from_columns]
        views += [evaluate(model, Part(moved, test.labels)).logits]
        views += [evaluate(model, Part(moved.flip(3), test.labels)).logits]
    ten = evaluate(model, test, views=ten_views)
    torch.testing.assert_close(ten.logits, sum(views) / 10)


def test_what_is_known_is_left_out_and_the_rest_counts_more():
    """Two kinds of pictures: one learned at once, the other with labels that say nothing."""
    part = halves(200)
    part.labels[100:] = torch.arange(100) // 2 % 2
    model, plain = Small(), Small()
    quiet = {"batch_size": 10, **QUIET}
    history = fit(model, part, epochs=8, skip=0.5, **quiet)
    fit(plain, part, epochs=8, **quiet)
    assert len(history.steps) == 160  # the time of eight passes ...
    assert len(history.rows) > 8  # ... for more of them
    first = torch.cat(model.batches[:20])[:, 0].sort(0).values
    assert torch.equal(first, torch.cat(plain.batches[:20])[:, 0].sort(0).values)
    passes = [round((row["epoch"] - before["epoch"]) * 20) for before, row in
              zip(history.rows, history.rows[1:], strict=False)]  # fmt: skip
    assert min(passes[:4]) < 19 and all(13 <= steps <= 20 for steps in passes[:4])
    # those that are learned are left out, not the others
    later = torch.cat(model.batches[20:130]).flatten(1)
    which = torch.cdist(later, normalise(part.images).flatten(1)).argmin(1)
    assert (which < 100).sum() < 0.85 * (which >= 100).sum()


def test_leaving_out_keeps_the_gradient_right_on_average():
    """The gradients of a pass add up, over many draws, to those of a pass with every picture."""
    part = halves(400)
    kept, gradients = [], []

    def once(skip, seed):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
        sizes = []
        model.register_forward_pre_hook(lambda module, given: sizes.append(len(given[0])))
        quiet = {"batch_size": 400, "learning_rate": 1e-9, "label_smoothing": 0, **QUIET}
        fit(model, part, epochs=2, skip=skip, seed=seed, **quiet)
        return sizes[-1], model[1].weight.grad.clone()  # of the second and last step

    _, whole = once(0.0, 0)
    for seed in range(60):
        size, gradient = once(0.75, seed)
        kept.append(size)
        gradients.append(gradient * size / 400)  # the mean over those kept → the sum
    assert max(kept) < 350 and min(kept) > 100
    average = torch.stack(gradients).mean(0)
    spread = torch.stack(gradients).std(0) / 60**0.5
    assert ((average - whole).abs() < 5 * spread + 1e-6).all()
    assert (average - whole).norm() < 0.1 * whole.norm()
    with pytest.raises(ValueError, match="skip is 1.0; it must be at least 0 and below 1"):
        once(1.0, 0)


def test_speedrun_learns_reproducibly_and_only_from_the_labels():
    """Over 5 seeds on 3,000 pictures: .81 to .84; with labels drawn from a hat .06 to .15."""
    clothes = fashion_mnist("mini")
    train, test = clothes.train[:3000], clothes.test[:2000]
    hat = train.labels[torch.randperm(3000, generator=torch.Generator().manual_seed(0))]
    quiet = {"progress": False, "curve": False}
    seed_everything(9)
    wanted = random.random(), np.random.rand(), torch.rand(1)
    seed_everything(9)
    model, history = speedrun(train, 90, seed=np.int64(1), **quiet)
    assert (random.random(), np.random.rand(), torch.rand(1)) == wanted  # the reader's go on
    again, _ = speedrun(train, 90, seed=1, **quiet)
    other, _ = speedrun(train, 90, seed=2, **quiet)
    assert same(weights(model), weights(again)) and not same(weights(model), weights(other))
    assert "AdamW" in history.source and "SpeedrunCNN" in history.source
    assert evaluate(model, test).accuracy > 0.75
    fooled, _ = speedrun(Part(train.images, hat), 90, **quiet)
    assert evaluate(fooled, test).accuracy < 0.3


@pytest.mark.parametrize("goal", RECIPES)
def test_every_recipe_runs_as_it_is_written(goal):
    recipe = RECIPES[goal]
    train = fashion_mnist("mini").train[: 2 * recipe["batch_size"]]
    model, history = speedrun(train, goal, epochs=1, **QUIET)
    assert (model.conv1.out_channels, model.conv2.out_channels) == recipe["network"]["channels"]
    assert model.fc1.out_features == recipe["network"]["hidden"]
    assert [pictures for _, _, pictures, _ in history.steps] == [recipe["batch_size"]] * 2
    rate = recipe["learning_rate"]
    assert history.steps[0][3] == pytest.approx(rate * triangle(0.25))
    assert (recipe["views"] is None) == (recipe["augment"] is None)


def test_a_goal_without_a_recipe_is_named():
    with pytest.raises(ValueError, match="goal is 95; there are recipes for 90, 92, 93, 94"):
        speedrun(fashion_mnist("mini").train, 95)


def test_a_recipe_may_be_changed_for_one_run():
    train, before = fashion_mnist("mini").train[:100], copy.deepcopy(RECIPES)
    network = {"channels": (8, 12), "hidden": 20}
    changes = {"network": network, "batch_size": 50, "learning_rate": 0.5, "betas": (0.5, 0.6)}
    model, history = speedrun(train, 90, epochs=1, **changes, **QUIET)
    assert (model.conv1.out_channels, model.conv2.out_channels) == (8, 12)
    assert [pictures for _, _, pictures, _ in history.steps] == [50, 50]
    assert history.steps[0][3] == pytest.approx(0.5 * triangle(0.25))
    (group,) = recipe_optimizer(model, RECIPES[90] | changes).param_groups
    assert (group["lr"], group["betas"], group["fused"]) == (0.5, (0.5, 0.6), True)
    assert len(group["params"]) == len(list(model.parameters())) - 1  # all but the frozen layer
    assert before == RECIPES
    with pytest.raises(ValueError, match="no recipe has epoch; it has network, epochs, batch_size"):
        speedrun(train, 90, epoch=1, **QUIET)
