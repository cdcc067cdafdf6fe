"""Training and testing: what `fit` promises, and what `evaluate` must leave alone."""

import copy
import functools
import math
import os
import random
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from cnnbook import language
from cnnbook.data import Part, batches, fashion_mnist, normalise
from cnnbook.history import COLUMNS
from cnnbook.models import SpeedrunCNN
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
from cnnbook.training import evaluate, fit, seed_everything, triangle

QUIET = {"progress": False, "curve": False}


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the same sums in the same order, however busy the machine
    yield
    torch.set_num_threads(threads)


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


START = Small()


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


def by_fit(train):
    torch.manual_seed(0)
    model = SpeedrunCNN()
    fit(model, train, epochs=2, **QUIET)
    return model


@pytest.mark.parametrize("trained", [by_fit, lambda train: speedrun(train, 90, **QUIET)[0]])
def test_real_pictures_are_learned_and_shuffled_labels_are_not(trained):
    """With labels drawn from a hat nothing can be learned: a better answer would be a leak.

    Over 12 runs of `fit`: .82 to .85 with the real labels, .06 to .19 with the others; over 5 of
    `speedrun`: .81 to .84 and .06 to .15.
    """
    clothes = fashion_mnist("mini")
    train, test = clothes.train[:3000], clothes.test[:2000]
    hat = train.labels[torch.randperm(3000, generator=torch.Generator().manual_seed(0))]
    assert evaluate(trained(train), test).accuracy > 0.75
    assert evaluate(trained(Part(train.images, hat)), test).accuracy < 0.3


def test_every_picture_once_an_epoch_in_a_new_order():
    """What dropout draws must not change that order: two networks are compared fairly."""
    images = torch.arange(50, dtype=torch.uint8).reshape(50, 1, 1, 1).expand(50, 1, 4, 4)
    model, without = Small(), Small()
    without.dropout = nn.Identity()
    for each in (model, without):
        fit(each, Part(images, torch.arange(50) % 2), epochs=2, batch_size=10, **QUIET)
    assert torch.equal(torch.cat(model.batches), torch.cat(without.batches))
    first, second = torch.cat([batch[:, 0, 0, 0] for batch in model.batches]).split(50)
    assert len(first.unique()) == 50 and not torch.equal(first, first.sort().values)
    assert torch.equal(first.sort().values, second.sort().values)
    assert not torch.equal(first, second)


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
    model = Small()
    own = torch.optim.Adam(model.parameters(), lr=0.02)
    history = fit(model, halves(40), epochs=2, optimizer=own, schedule="constant", **QUIET)
    assert {step[3] for step in history.steps} == {0.02}
    fit(model, halves(40), epochs=2, optimizer=own, **QUIET)
    assert own.param_groups[0]["lr"] == 0.02  # given back as it was


def draws():
    return random.random(), np.random.rand(), torch.rand(1).item()


def by_seed(seed, augment=None):
    model = copy.deepcopy(START)
    options = {"batch_size": 25, "augment": augment, "validation": halves(4), **QUIET}
    return model, fit(model, halves(60), epochs=2.5, seed=seed, **options)


@pytest.mark.parametrize(
    "trained",
    [
        by_seed,
        functools.partial(by_seed, augment=mirror),
        lambda seed: speedrun(fashion_mnist("mini").train[:300], seed=seed, epochs=1, **QUIET),
    ],
)
def test_a_seed_makes_the_run_repeat_to_the_last_bit(trained):
    """And the reader's own random numbers neither matter nor change."""
    runs = []
    for seed, noise in ((3, 1), (np.int64(3), 2), (4, 1)):
        seed_everything(noise)
        wanted = draws()
        seed_everything(noise)
        model, history = trained(seed)
        assert draws() == wanted
        runs.append((weights(model), history.steps))
    assert same(runs[0][0], runs[1][0]) and runs[0][1] == runs[1][1]
    assert not same(runs[0][0], runs[2][0])


# ---- which weights are kept ----------------------------------------------------------------------


def snapshots(model):
    """{batches learned from: the weights}, at each validation of a run to come."""
    kept = {}

    def keep(module, given):
        if not model.training:
            kept[len(model.batches)] = weights(model)

    model.norm.register_forward_pre_hook(keep)
    return kept


def test_validation_chooses_the_weights():
    """From the third epoch of five on, the network is spoiled: those weights must not be kept."""
    model, validation = Small(at=21, action=spoil), halves(40, seed=1)
    kept, options = snapshots(model), {"epochs": 5, "batch_size": 10, **QUIET}
    history = fit(model, halves(100), validation=validation, **options)
    alone = fit(Small(at=21, action=spoil), halves(100), **options)
    assert alone.steps == history.steps  # validating does not change the training
    scores = history.column("validation_accuracy")
    best = scores.index(max(scores))
    assert max(scores) > scores[-1] and best < 2
    assert history.best is history.rows[best]
    assert same(weights(model), kept[10 * (best + 1)])
    assert evaluate(model, validation).accuracy == max(scores)


@pytest.mark.parametrize("wrong", [False, True])
def test_nothing_but_validation_chooses_and_of_equals_the_first(wrong):
    """With all its labels wrong, the epoch that fits *them* best is kept."""
    part = halves(20, seed=1)
    part = Part(part.images, 1 - part.labels) if wrong else part
    history = fit(Small(), halves(400), epochs=6, batch_size=20, validation=part, **QUIET)
    scores = history.column("validation_accuracy")
    assert (scores.index(max(scores)) == 0) if wrong else (scores.count(max(scores)) > 1)
    assert history.best is history.rows[scores.index(max(scores))]


@pytest.mark.parametrize(
    "at, learning_rate, advice",
    [(3, 0.1, r"step 3 .*rate \(0.1\).*0.01"), (11, 0.3, r"step 11 .*rate \(0.3\).*0.03")],
)
def test_a_loss_that_is_no_number_stops_with_advice(at, learning_rate, advice):
    language.set_language("en")
    model = Small()
    epochs = [weights(model)]  # batch 11 is the first of the second epoch

    def poison_later(model):
        epochs.append(weights(model))
        poison(model)

    model.at, model.action = at, poison_later
    options = {"epochs": 5, "batch_size": 10, "learning_rate": learning_rate, **QUIET}
    with pytest.raises(RuntimeError, match=advice):
        fit(model, halves(100), **options)
    assert same(weights(model), epochs[at // 10])
    model = Small()  # spoiled by the very last step
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.register_step_post_hook(lambda *_: poison(model))
    with pytest.raises(RuntimeError, match="learning rate"):
        fit(model, halves(10), epochs=1, batch_size=10, optimizer=optimizer, **QUIET)
    assert all(values.isfinite().all() for values in weights(model).values())


# ---- testing, and the table ----------------------------------------------------------------------


@pytest.mark.parametrize("frozen", [True, False])  # a layer, as in fine-tuning
def test_evaluate_changes_nothing(frozen):
    model = Small().train()
    model.norm.train(not frozen)
    before, modes = weights(model), [module.training for module in model.modules()]
    random_state = torch.get_rng_state()
    first, second = evaluate(model, halves(50)), evaluate(model, halves(50), batch_size=7)
    # dropout is off, and a picture is answered by itself
    torch.testing.assert_close(first.logits, second.logits)
    assert same(weights(model), before)  # BatchNorm's running statistics among them
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), random_state)
    assert not first.logits.requires_grad and not first.logits.is_inference()


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
    assert result.predictions.tolist() == [0, 1, 1, 2]
    assert result.accuracy == 0.5
    # row: true class, column: answer
    assert result.confusion.tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 0]]
    assert result.per_class[:2].tolist() == [0.5, 0.5] and result.per_class[2].isnan()
    losses = [
        math.log(math.exp(high) + 2) - right for high, right in ((2, 2), (3, 3), (1, 0), (5, 0))
    ]
    assert result.loss == pytest.approx(sum(losses) / 4)
    torch.testing.assert_close(result.probabilities, torch.tensor(logits).softmax(1))
    assert repr(result) == f"정확도 0.5000 (4장 가운데 2장) · 손실 {result.loss:.4f}"
    language.set_language("en")
    assert repr(result) == f"accuracy 0.5000 (2 of 4) · loss {result.loss:.4f}"


@pytest.mark.parametrize("name, header", [("ko", "검증 정확도"), ("en", "validation accuracy")])
def test_the_history_reads_as_a_table(name, header):
    validation = halves(20, seed=1)
    history = fit(Small(), halves(60), epochs=1.5, batch_size=20, validation=validation, **QUIET)
    language.set_language(name)
    head, *lines, source, _ = repr(history).splitlines()
    assert header in head and source == history.source
    for line, row in zip(lines, history.rows, strict=True):
        cells = line.replace("→", " ").split()
        assert cells[0] == f"{row['epoch']:.3g}" and cells[6] == f"{row['seconds']:.1f}"
        assert cells[1:6] == [f"{row[key]:.4f}" for key in list(COLUMNS)[1:6]]
        assert line.lstrip().startswith("→") == (row is history.best)
    html = history._repr_html_()
    assert html.count("<tr>") == 3 and html.count("<th>") == len(COLUMNS)
    assert f"<td>{history.rows[-1]['validation_loss']:.4f}</td>" in html
    assert header not in repr(fit(Small(), halves(20), epochs=1, **QUIET))
    with pytest.raises(ValueError, match="column is 'acc'; the table has epoch"):
        history.column("acc")


def test_points_cut_the_run_into_equal_pieces():
    history = fit(Small(), halves(25), epochs=1, batch_size=20, **QUIET)
    (loss, correct, large, _), (other_loss, other, small, _) = history.steps
    assert (large, small) == (20, 5)  # unequal batches count by their pictures
    assert history.rows[0]["loss"] == pytest.approx((20 * loss + 5 * other_loss) / 25)
    assert history.rows[0]["accuracy"] == (correct + other) / 25
    history = fit(Small(), halves(100), epochs=3, batch_size=10, **QUIET)
    points = history.points(10)
    assert [point["epoch"] for point in points] == pytest.approx([0.3 * k for k in range(1, 11)])
    losses = [step[0] for step in history.steps]
    assert points[1]["loss"] == pytest.approx(sum(losses[3:6]) / 3)
    assert len(history.points(1000)) == 30
    stopped = fit(Small(at=8, action=interrupt), halves(100), epochs=3, batch_size=10, **QUIET)
    assert stopped.points(6)[-1]["epoch"] == pytest.approx(0.7)


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


@pytest.mark.parametrize("smoothing", [0, 0.5])
def test_a_network_with_view_is_trained_as_in_plain_torch(smoothing):
    """The table has the loss without label smoothing, to be compared with the validation loss."""
    model, part = Viewed(), halves(8)
    plain = copy.deepcopy(model)
    images, labels = next(batches(part, 8))
    logits = plain(images)
    functional.cross_entropy(logits, labels, label_smoothing=smoothing).backward()
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    options = {"schedule": "constant", "label_smoothing": smoothing, **QUIET}
    history = fit(model, part, epochs=1, optimizer=sgd, **options)
    assert history.steps[0][0] == pytest.approx(functional.cross_entropy(logits, labels).item())
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
    for steps, tracked in ((4, 0), (8, 4)):  # the second time, all of it wakes up
        fit(own, halves(40), epochs=1, batch_size=10, validation=halves(4), **QUIET)
        assert len(own.batches) == steps and own.norm.num_batches_tracked == tracked
        assert own.norm.weight.ne(1).any()


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_skipping_leaves_something_to_learn_from(count, batch_size):
    for seed in range(4):
        model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
        options = {"batch_size": batch_size, "skip": 0.9, "seed": seed, **QUIET}
        assert len(fit(model, halves(count), epochs=8, **options).steps) >= 8


def test_a_run_that_is_stopped_holds_what_a_run_of_that_length_learns():
    """With a constant rate, so that a step does not depend on how many are to come."""
    options = {"batch_size": 10, "schedule": "constant", **QUIET}
    stopped, shorter = Small(at=14, action=interrupt), Small()
    fit(stopped, halves(100), epochs=9, **options)
    fit(shorter, halves(100), epochs=1.3, **options)
    assert same(weights(stopped), weights(shorter))


@pytest.mark.parametrize("validated", [True, False])
@pytest.mark.parametrize(
    "at, skip", [(1, 0), (8, 0), (35, 0), *((at, 0.6) for at in range(31, 60, 4))]
)
def test_a_run_that_is_stopped_keeps_what_its_table_says(validated, at, skip):
    """Passes that skip are shorter than an epoch: their ends cannot be counted in epochs."""
    model = Small(at=at, action=interrupt)
    validation = halves(40, seed=1) if validated else None
    kept = snapshots(model)
    options = {"skip": skip, "batch_size": 10, "validation": validation, **QUIET}
    history = fit(model, halves(100), epochs=9, **options)
    ends = [(at - 1) / 10] if at > 1 else []
    assert history.interrupted and history.column("epoch")[-1:] == pytest.approx(ends)
    scores = [score for score in history.column("validation_accuracy") if score is not None]
    if scores:
        assert evaluate(model, validation).accuracy == max(scores)
        assert history.best["validation_accuracy"] == max(scores)
        assert any(same(weights(model), snapshot) for snapshot in kept.values())
    else:  # also in the first epoch: what was learned is kept
        assert model.norm.num_batches_tracked == at - 1 and not model.training
        assert at == 1 or history.best is history.rows[-1]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_a_model_comes_back_as_it_was_whatever_happens(error, layout):
    model = SpeedrunCNN().to(memory_format=layout)
    model.conv2.eval()
    part = fashion_mnist("mini").train[:30]
    modes = [module.training for module in model.modules()]

    def lies():
        return {name: (v.stride(), v.data_ptr()) for name, v in model.named_parameters()}

    def fails(images):
        raise error

    before = lies()
    with pytest.raises(error):
        evaluate(model, part, views=fails)
    evaluate(model, part)
    with pytest.raises(RuntimeError) if error is RuntimeError else nullcontext():
        fit(model, part, epochs=1, augment=fails, **QUIET)
    stopped = [False] * len(modes) if error is KeyboardInterrupt else modes
    assert [module.training for module in model.modules()] == stopped
    fit(model, part, epochs=2, batch_size=10, **QUIET)
    assert lies() == before


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


# ---- what is refused -----------------------------------------------------------------------------

EMPTY = halves(4)[:0]
FIVE = Part(halves(4).images, torch.tensor([0, 1, 5, 1]))
NEGATIVE = Part(halves(4).images, torch.tensor([0, 1, -1, 1]))
OTHERS = torch.optim.SGD(START.parameters(), lr=0.1)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": math.inf}, "epochs is inf"),
        ({"batch_size": 2.5}, "batch_size is 2.5"),
        ({"batch_size": True}, "batch_size is True"),
        ({"batch_size": torch.tensor(True)}, r"batch_size is tensor\(True\)"),
        ({"epochs": "2"}, "epochs is '2'"),
        ({"learning_rate": [0.1]}, r"learning_rate is \[0.1\]"),
        ({"learning_rate": 0}, "learning_rate is 0"),
        ({"skip": 1.0}, "skip is 1.0; it must be at least 0 and below 1"),
        ({"label_smoothing": 1.5}, "label_smoothing is 1.5"),
        ({"schedule": "cosine"}, "schedule is 'cosine'"),
        ({"seed": 2**32}, "seed is 4294967296.*from 0 to 4294967295"),
        ({"device": "gpu"}, "device is 'gpu'; this computer has .*cpu"),
        ({"train": [1, 2]}, "train is a list"),
        ({"train": EMPTY}, "train is empty"),
        ({"train": FIVE}, "labels of train go from 0 to 5.*2 logits.*0 … 1"),
        ({"validation": NEGATIVE}, "labels of validation"),
        ({"optimizer": OTHERS}, "none of this model's parameters"),
        ({"model": nn.Flatten(0)}, "shape"),
        ({"model": Small().requires_grad_(False)}, "nothing to train"),
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


def test_what_cannot_be_counted_or_contradicts_is_refused():
    for part in (EMPTY, FIVE, NEGATIVE):
        with pytest.raises(ValueError, match="test"):
            evaluate(Small(), part)
    for views in (lambda images: [], lambda images: [images[:1]], lambda images: images):
        with pytest.raises(ValueError, match="views returned"):
            evaluate(Small(), halves(20), views=views)
    with pytest.raises(ValueError, match="learning_rate is 0.5, but the optimizer"):
        fit(START, halves(20), epochs=1, optimizer=OTHERS, learning_rate=0.5, **QUIET)


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


NOTEBOOK = """
import sys; sys.path.insert(0, "tests/package")
from cnnbook.training import fit
from test_training import Small, halves, interrupt
fit(Small(), halves(100), epochs=3, batch_size=10, validation=halves(20))
---
fit(Small(at=15, action=interrupt), halves(100), epochs=3, batch_size=10)
"""


def test_a_saved_notebook_holds_the_finished_curve(pytestconfig):
    import nbclient
    import nbformat

    cells = [nbformat.v4.new_code_cell(code) for code in NOTEBOOK.split("---")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    resources = {"metadata": {"path": str(pytestconfig.rootpath)}}
    nbclient.NotebookClient(notebook, timeout=120, resources=resources).execute()
    for cell, steps, validated, said in zip(
        notebook.cells, (30, 14), (3, 0), ("남겼습니다", "14단계에서 멈췄습니다"), strict=True
    ):
        line, bar, curve, note, table = cell["outputs"]
        assert line["name"] == note["name"] == "stdout"
        assert line["text"].startswith("Small (") and said in note["text"]
        assert list(bar["data"]) == ["text/plain"] and f"{steps}/30" in bar["data"]["text/plain"]
        state = curve["data"]["application/vnd.cnnbook.figure+json"]["state"]
        assert state["points"][-1][0] == pytest.approx(steps / 10) and not state["running"]
        assert len(state["validation"]) == validated and (state["kept"] > 0 or not validated)
        assert "에포크" in curve["data"]["text/plain"] and "image/png" in curve["data"]
        assert "<table>" in table["data"]["text/html"]


# ---- the fast way ----------------------------------------------------------------------------


def test_mirror_swaps_about_half_and_nothing_else():
    images = torch.randn(400, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    mirrored = mirror(images)
    swapped = (mirrored == images.flip(3)).all((1, 2, 3))
    assert ((mirrored == images).all((1, 2, 3)) ^ swapped).all() and 150 < swapped.sum() < 250
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


def test_augmentation_sees_normalised_batches_and_the_network_what_it_returns():
    model, part, seen = Small(), halves(40), []

    def blacken(images):
        seen.append(images)
        return torch.zeros_like(images)

    fit(model, part, epochs=2, batch_size=10, augment=blacken, **QUIET)
    assert [len(images) for images in seen] == [10] * 8
    once = torch.cat(seen[:4]).flatten(1).sum(1).sort().values
    torch.testing.assert_close(once, normalise(part.images).flatten(1).sum(1).sort().values)
    assert all((batch == 0).all() for batch in model.batches)


def test_whitened_answers_are_of_one_strength_and_independent():
    """On the very patches they were computed from: second moments are the unit matrix, nearly."""
    train = fashion_mnist("mini").train[:300]
    images, model = normalise(train.images), SpeedrunCNN()
    whiten(model, train.images)
    with torch.inference_mode():
        answers = model.conv1(images).transpose(0, 1).flatten(1)  # (16, windows)
    assert torch.equal(answers[:8], -answers[8:])
    moments = (answers[:8] @ answers[:8].T / answers.shape[1]).double()
    assert moments.diag().max() <= 1.0001 and moments.diag().min() > 0.6  # 0.01 keeps them below 1
    assert (moments - moments.diag().diag()).abs().max() < 1e-3
    # the largest directions, not any: together they hold nearly all that varies
    patches = functional.unfold(images, 5, padding=2, stride=2).transpose(1, 2).reshape(-1, 25)
    basis = torch.linalg.qr(model.conv1.weight[:8].reshape(8, 25).T).Q
    assert ((patches @ basis) ** 2).sum() / (patches**2).sum() > 0.9
    # the layer stays so, and costs no gradient
    assert type(model.norm1) is nn.Identity
    before = weights(model)
    fit(model, train, epochs=1, **QUIET)
    assert torch.equal(before["conv1.weight"], model.conv1.weight)
    assert model.conv1.weight.grad is None and model.conv2.weight.grad is not None


@pytest.mark.parametrize("channels", [(15, 32), (52, 32)])
def test_whitening_names_the_filters_it_cannot_fill(channels):
    with pytest.raises(ValueError, match=f"conv1 has {channels[0]} filters.*at most 50"):
        whiten(SpeedrunCNN(channels), fashion_mnist("mini").train.images)


@pytest.mark.parametrize(
    "views, corners",
    [(two_views, [(1, 1)]), (ten_views, [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)])],
)
def test_looking_several_times_averages_the_logits(views, corners):
    """Of the picture, moved within a black frame, and of the mirror images."""
    test = fashion_mnist("mini").test[:200]
    torch.manual_seed(0)
    model = SpeedrunCNN()
    framed = functional.pad(test.images, (1, 1, 1, 1))
    seen = [framed[..., row : row + 28, column : column + 28] for row, column in corners]
    seen += [images.flip(3) for images in seen]
    logits = [evaluate(model, Part(images, test.labels)).logits for images in seen]
    found = evaluate(model, test, views=views).logits
    torch.testing.assert_close(found, sum(logits) / len(logits))
    assert not torch.allclose(found, logits[0])


def test_what_is_known_is_left_out_and_the_rest_counts_more():
    """Two kinds of pictures: one learned at once, the other with labels that say nothing."""
    part = halves(200)
    part.labels[100:] = torch.arange(100) // 2 % 2
    model = Small()
    history = fit(model, part, epochs=8, skip=0.5, batch_size=10, **QUIET)
    assert len(history.steps) == 160 and len(history.rows) > 8  # the time of 8 passes for more
    which = torch.cdist(torch.cat(model.batches).flatten(1), normalise(part.images).flatten(1))
    which = which.argmin(1)
    assert len(which[:200].unique()) == 200  # the first pass shows every picture
    ends = [round(20 * row["epoch"]) for row in history.rows[:5]]
    lengths = [end - start for start, end in zip(ends, ends[1:], strict=False)]
    assert min(lengths) < 19 and all(13 <= steps <= 20 for steps in lengths)
    # those that are learned are left out, not the others
    later = which[200:1300]
    assert (later < 100).sum() < 0.85 * (later >= 100).sum()


def test_leaving_out_keeps_the_gradient_right_on_average():
    """The gradients of a pass add up, over many draws, to those of a pass with every picture."""

    def once(skip, seed):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
        options = {"batch_size": 400, "learning_rate": 1e-9, "label_smoothing": 0, **QUIET}
        history = fit(model, halves(400), epochs=2, skip=skip, seed=seed, **options)
        size = history.steps[-1][2]  # of the second and last step
        return size, model[1].weight.grad * size / 400  # the mean over those kept → the sum

    _, whole = once(0.0, 0)
    sizes, gradients = zip(*(once(0.75, seed) for seed in range(60)), strict=True)
    assert max(sizes) < 350 and min(sizes) > 100
    average, spread = torch.stack(gradients).mean(0), torch.stack(gradients).std(0) / 60**0.5
    assert ((average - whole).abs() < 5 * spread + 1e-6).all()
    assert (average - whole).norm() < 0.1 * whole.norm()


SLIM = {"channels": (8, 12), "hidden": 20}
CHANGED = {"network": SLIM, "batch_size": 50, "learning_rate": 0.5, "betas": (0.5, 0.6)}


@pytest.mark.parametrize("goal, changes", [*((goal, {}) for goal in RECIPES), (90, CHANGED)])
def test_every_recipe_runs_as_it_is_written_or_changed(goal, changes):
    recipe, before = RECIPES[goal] | changes, copy.deepcopy(RECIPES)
    train = fashion_mnist("mini").train[: 2 * recipe["batch_size"]]
    model, history = speedrun(train, goal, epochs=1, **changes, **QUIET)
    assert (model.conv1.out_channels, model.conv2.out_channels) == recipe["network"]["channels"]
    assert model.fc1.out_features == recipe["network"]["hidden"]
    assert [pictures for _, _, pictures, _ in history.steps] == [recipe["batch_size"]] * 2
    assert history.steps[0][3] == pytest.approx(recipe["learning_rate"] * triangle(0.25))
    assert (recipe["views"] is None) == (recipe["augment"] is None)
    (group,) = recipe_optimizer(model, recipe).param_groups
    assert (group["betas"], group["fused"]) == (recipe["betas"], True)
    assert len(group["params"]) == len(list(model.parameters())) - 1  # all but the frozen layer
    assert before == RECIPES


def test_what_no_recipe_has_is_named():
    for options, message in (
        ({"goal": 95}, "goal is 95; there are recipes for 90, 92, 93, 94"),
        ({"epoch": 1}, "no recipe has epoch; it has network, epochs, batch_size"),
    ):
        with pytest.raises(ValueError, match=message):
            speedrun(fashion_mnist("mini").train, **options)
