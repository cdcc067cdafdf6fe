"""Training a network and testing it: `fit`, `evaluate`, and the seeds of random numbers."""

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import SupportsFloat, SupportsIndex

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.parameter import is_lazy

from cnnbook.arrays import whole_number
from cnnbook.data import Part, normalise
from cnnbook.history import History
from cnnbook.language import printable, text

SEEDS = (0, 2**32 - 1)  # the least and the greatest that Python, NumPy and torch all take


def seed_everything(seed: SupportsIndex) -> None:
    """Start the random numbers of Python, NumPy and torch from `seed` (0 … 2³² − 1).

    The same seed gives the same numbers on the same machine with the same thread count, not on
    every machine: sums are taken in another order there.
    """
    seed = whole_number("seed", seed, *SEEDS)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextmanager
def seeded(seed: SupportsIndex, device: torch.device | str = "cpu") -> Iterator[None]:
    """Within: torch's random numbers start from `seed`. Afterwards the reader's go on as before."""
    kind = torch.device(device).type
    accelerator = getattr(torch, kind) if kind in ("cuda", "mps") else None
    state, there = torch.get_rng_state(), accelerator and accelerator.get_rng_state()
    torch.manual_seed(whole_number("seed", seed, *SEEDS))
    try:
        yield
    finally:
        torch.set_rng_state(state)
        if accelerator:
            accelerator.set_rng_state(there)


def choose_device(device: torch.device | str | None = None) -> torch.device:
    """`device`, or by default the first there is of cuda, mps, cpu; ValueError if it is missing."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    here = [name for name, available in there.items() if available] + ["cpu"]
    try:
        chosen = torch.device(here[0] if device is None else device)
    except (RuntimeError, TypeError):
        chosen = None
    if chosen is None or not there.get(chosen.type, True):
        raise ValueError(f"device is {device!r}; this computer has {', '.join(here)}")
    return chosen


def triangle(progress: float, warm_up: float = 0.15) -> float:
    """Share of the highest learning rate: up from 0 until `warm_up`, then down to 0 at the end.

    Small steps at the start, when the gradients are still wild; large ones in the middle; small
    ones at the end, to settle. (Smith 2018, "Super-convergence", arXiv:1708.07120.)
    """
    return min(progress / warm_up, (1 - progress) / (1 - warm_up))


SCHEDULES = {"triangle": triangle, "constant": lambda progress: 1.0}


class Sampler:
    """Cuts each pass over `count` pictures into batches, in a new order every time.

    ``len(sampler)`` is the number of batches when every picture is seen. A single picture that is
    left over waits for the next pass: BatchNorm over one value cannot train.
    """

    def __init__(self, count: int, batch_size: int, seed: int, skip: float):
        self.batch_size, self.skip = batch_size, skip
        self.generator = torch.Generator("cpu").manual_seed(seed)
        # of each picture, when last seen
        self.losses = torch.full((count,), math.inf, dtype=torch.float32, device="cpu")

    def __len__(self) -> int:
        return len(self._split(self.losses))

    def batches(self, skipping: bool) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """One pass: of each batch the places (B,), and how much each picture counts (B,).

        With `skipping`, of the pictures whose loss was below the average the share `skip` is left
        out; the others of them count 1 / (1 - skip).
        """
        order = torch.randperm(len(self.losses), generator=self.generator, device="cpu")
        counts = torch.ones_like(self.losses)
        if skipping and self.skip:
            easy = self.losses < self.losses[self.losses.isfinite()].mean()
            left_out = torch.empty_like(counts).uniform_(generator=self.generator) < self.skip
            kept = order[~(easy & left_out)[order]]
            if self._split(kept):  # else all that was left would wait: then show every picture
                order = kept
                counts[easy] = 1 / (1 - self.skip)
        return [(places, counts[places]) for places in self._split(order)]

    def loss(self, logits, labels, smoothing, places, counts) -> torch.Tensor:
        """The mean loss of a batch, to learn from; that of each picture is kept for `batches`."""
        if not self.skip:
            return functional.cross_entropy(logits, labels, label_smoothing=smoothing)
        losses = functional.cross_entropy(
            logits, labels, label_smoothing=smoothing, reduction="none"
        )
        self.losses[places] = losses.detach().float().cpu()
        return (losses * counts.to(losses.device)).mean()

    def _split(self, order):
        least = min(2, self.batch_size, len(self.losses))
        return [places for places in order.split(self.batch_size) if len(places) >= least]


def fit(
    model: nn.Module,
    train: Part,
    *,
    epochs: SupportsFloat,
    validation: Part | None = None,
    batch_size: SupportsIndex = 100,
    learning_rate: SupportsFloat | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    schedule: str = "triangle",
    label_smoothing: SupportsFloat = 0.1,
    augment: Callable[[torch.Tensor], torch.Tensor] | None = None,
    skip: SupportsFloat = 0.0,
    seed: SupportsIndex = 0,
    progress: bool = True,
    curve: bool = True,
    device: torch.device | str | None = None,
) -> History:
    """Train `model` in place and return the :class:`History` of the run.

    With `validation`, the weights of the epoch with the best validation accuracy are kept;
    without, those of the last. Never give the test set here: what chooses cannot also judge.
    Interrupt (■ or Ctrl-C) loses nothing: the best weights so far stay in the model and the
    history comes back. Afterwards the model is in `eval()` mode, on the device it came from.

    Parameters
    ----------
    model : takes (N, 1, H, W) pictures in the number format of its weights, returns logits
        (N, classes). In `train()` mode, its layers in `eval()` mode stay so: a frozen BatchNorm
        keeps its statistics. In `eval()` mode it wakes up, but for layers that are all frozen.
    train, validation : parts with `images` uint8 (N, 1, H, W) and `labels` int64 (N,)
    epochs : float above 0; 2.6 stops in the middle of the third pass
    learning_rate : the highest one, default 0.1; for the default optimizer, SGD with Nesterov
        momentum 0.9 and weight decay 5e-4
    optimizer : another one, made from ``model.parameters()``, with its own learning rate
    schedule : "triangle" (:func:`triangle`) or "constant"
    label_smoothing : 0 … 1; how much of the wanted probability is spread over all classes
    augment : changes a batch of normalised pictures (B, 1, H, W) before the network sees it, such
        as `speedrun.mirror`; draws from torch's generator
    skip : 0 … below 1; of the pictures whose loss was below the average, this share is left out of
        the next pass, and the others of them count more, so that the gradient stays right on
        average. The time stays that of `epochs`; it is used for more passes. Not in the first
        pass nor in the last 15% of the steps. (Qin et al. 2024, "InfoBatch", arXiv:2303.04947.)
    seed : for the order of the pictures, dropout and `augment`, not for the first weights
    progress, curve : the bar and a line on what is trained; the live figure (in notebooks)
    device : default: the first there is of cuda, mps, cpu

    Raises ValueError if an argument is out of range, a part is empty, or labels and logits do not
    fit; RuntimeError if the loss or a weight is no longer a finite number. The model then holds the
    best weights of the epochs before (the first weights, when there was none).
    """
    from cnnbook.progress import Screen  # knows the figures: only when a reader trains

    batch_size, seed = whole_number("batch_size", batch_size, 1), whole_number("seed", seed, *SEEDS)
    epochs, smoothing, skip = _check_numbers(epochs, label_smoothing, skip, schedule)
    device, resting = choose_device(device), _resting_layers(model)
    with _prepared(model, device, train=train, validation=validation), seeded(seed, device):
        optimizer = _optimizer(model, optimizer, learning_rate)
        peaks = [group["lr"] for group in optimizer.param_groups]
        sampler = Sampler(len(train), batch_size, seed, skip)
        total = max(1, round(epochs * len(sampler)))
        how = _in_words(model, optimizer, schedule, smoothing, augment, skip)
        source = text("training.source", pictures=len(train), batch=batch_size, seed=seed, **how)
        history = History(source, total, len(sampler), validation is not None)
        best_weights = _copy_of_weights(model)
        screen = Screen(history, progress, curve)
        try:
            while (step := len(history.steps)) < total:
                _train_mode(model, resting)
                skipping = bool(history.rows) and step < 0.85 * total
                for places, counts in sampler.batches(skipping)[: total - step]:
                    progressed = (len(history.steps) + 0.5) / total
                    _set_rates(optimizer, peaks, SCHEDULES[schedule](progressed))
                    images = _pictures(model, train, places)
                    logits = _logits(model, images if augment is None else augment(images))
                    labels = train.labels[places].to(logits.device)
                    loss = sampler.loss(logits, labels, smoothing, places, counts)
                    if not math.isfinite(loss.item()):
                        raise _not_finite(len(history.steps) + 1, peaks)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    history.add_step(*_results(logits.detach(), labels, optimizer))
                    screen.update()
                weights = _finite_weights(model, best_weights, len(history.steps), peaks)
                history.add_epoch(None if validation is None else _evaluate(model, validation))
                if history.best is history.rows[-1]:
                    best_weights = weights
        except KeyboardInterrupt:
            if history.interrupt():
                best_weights = _copy_of_weights(model)
        finally:
            _load(model, best_weights)
            _set_rates(optimizer, peaks)
            screen.close()
    model.eval()
    return history


@dataclass(repr=False, eq=False)
class Evaluation:
    """How a network did on a part; K is the number of classes.

    Attributes
    ----------
    accuracy : float in 0 … 1
    loss : float, mean cross-entropy without label smoothing, in nats
    confusion : int64 (K, K); row = true class, column = answer
    per_class : float (K,), accuracy within each true class; nan where a class does not occur
    predictions : int64 (N,), the class with the greatest logit
    probabilities : float (N, K), softmax of the logits
    logits : float (N, K)
    """

    accuracy: float
    loss: float
    confusion: torch.Tensor
    per_class: torch.Tensor
    predictions: torch.Tensor
    probabilities: torch.Tensor
    logits: torch.Tensor

    def __repr__(self) -> str:
        correct, count = int(self.confusion.diag().sum()), len(self.predictions)
        values = {"accuracy": self.accuracy, "correct": correct, "count": count, "loss": self.loss}
        return printable(text("training.evaluation", **values))


def evaluate(
    model: nn.Module,
    test: Part,
    batch_size: SupportsIndex = 100,
    device: torch.device | str | None = None,
    views: Callable[[torch.Tensor], list[torch.Tensor]] | None = None,
) -> Evaluation:
    """Let `model` answer every picture of `test` and count; returns an :class:`Evaluation`.

    views : what the model sees of a batch of normalised pictures (B, 1, H, W): takes the batch and
        returns a list of such batches, for example ``[images, images.flip(3)]``; the logits of all
        views are averaged. That helps a network that saw such pictures in training, and only that.
        See `speedrun.two_views` and `ten_views`.
    device : default: where the model is

    Nothing in the model changes: it answers in `eval()` mode, where dropout is off and BatchNorm
    uses what it learned instead of the statistics of the test pictures, and without gradients.
    Afterwards, also after an error or ■, each layer is where and in the mode it was.

    Raises ValueError if the part is empty, or its labels do not fit the logits.
    """
    batch_size = whole_number("batch_size", batch_size, 1)
    device = None if device is None else choose_device(device)
    with _prepared(model, device, test=test):
        return _evaluate(model, test, batch_size, views)


@torch.no_grad()
def _evaluate(model, test, batch_size=100, views=None):
    """`evaluate` for a model that is prepared already; leaves it in `eval()` mode."""
    model.eval()
    answers = []
    for places in torch.arange(len(test), device="cpu").split(batch_size):
        images = _pictures(model, test, places)
        seen = [images] if views is None else list(views(images))
        if not seen or any(len(view) != len(images) for view in seen):
            raise ValueError(f"views returned {len(seen)} batches; each must hold every picture")
        answers.append(sum(_logits(model, view).cpu() for view in seen) / len(seen))
    logits, labels = torch.cat(answers), test.labels.cpu()
    predictions, classes = logits.argmax(1), logits.shape[1]
    cells = labels * classes + predictions  # of the table, counted row by row
    confusion = cells.bincount(minlength=classes**2).reshape(classes, classes)
    return Evaluation(
        accuracy=(predictions == labels).double().mean().item(),
        loss=functional.cross_entropy(logits, labels).item(),
        confusion=confusion,
        per_class=confusion.diag() / confusion.sum(1),
        predictions=predictions,
        probabilities=logits.softmax(1),
        logits=logits,
    )


# ---- the model, its layers and its weights -------------------------------------------------------


@contextmanager
def _prepared(model, device=None, **parts):
    """Within: `model` is in `eval()` mode and on `device`, laid out for speed.

    Afterwards, whatever happened, its weights lie where and as they lay, with the values they have
    by then, and every layer is in the mode it was in. A model that is spread over several devices
    stays there. Raises ValueError if the model or the labels of `parts` cannot be worked with.
    """
    modes = {layer: layer.training for layer in model.modules()}
    homes = {}
    with torch.inference_mode(False), torch.enable_grad():
        try:
            model.eval()
            _check_parts(model, {name: part for name, part in parts.items() if part is not None})
            homes = {values: values.data for values in _tensors(model).values()}
            if device and len({home.device for home in homes.values()}) == 1:
                for values, home in homes.items():
                    _place(values, home.to(device))
            _lay_channels_last(model, next(iter(parts.values())))
            yield
        finally:
            if homes:
                _bring_home(model, homes)
            for layer, training in modes.items():
                layer.training = training


def _lay_channels_last(model, part):
    """Lay 4-D weights out as convolutions on CPUs and GPUs like them, if the model bears it.

    One that calls `view` on feature maps does not: that needs the usual order. So it is tried.
    """
    before = {values: values.data for values in _tensors(model).values() if values.ndim == 4}
    if not before or any(values.device.type == "mps" for values in before):
        return  # wrong gradients were reported there (pytorch issue 175189)
    learning = [values for values in model.parameters() if values.requires_grad]
    try:
        for values in before:
            _place(values, values.data.to(memory_format=torch.channels_last))
        with seeded(0, next(iter(before)).device):
            logits = _logits(model, _pictures(model, part, [0, 0]))
            if learning:
                torch.autograd.grad(logits.sum(), learning, allow_unused=True)
    except Exception:
        for values, data in before.items():
            _place(values, data)


def _place(values, data):
    """Let a parameter or buffer hold its numbers in the tensor `data`, and its gradient alike."""
    gradient = values.grad if values.is_leaf else None
    if gradient is not None:
        values.grad = None
    values.data = data
    if gradient is not None:
        values.grad = torch.empty_like(data).copy_(gradient)


def _tensors(model):
    """{name: parameter or buffer}, but for sparse ones and for lazy ones that were never used."""
    named = chain(model.named_parameters(), model.named_buffers())
    usable = (pair for pair in named if not is_lazy(pair[1]))
    return {name: values for name, values in usable if values.layout == torch.strided}


def _copy_of_weights(model):
    return {name: values.detach().clone() for name, values in _tensors(model).items()}


def _load(model, weights):
    for name, values in _tensors(model).items():
        if name in weights and weights[name].shape == values.shape:
            values.data.copy_(weights[name])


def _finite_weights(model, before, step, peaks):
    """A copy of the weights; RuntimeError if one that was a finite number before no longer is."""
    weights = _copy_of_weights(model)
    for name, values in weights.items():
        # a mask may hold infinities from the start
        if not values.isfinite().all() and name in before and before[name].isfinite().all():
            raise _not_finite(step, peaks)
    return weights


def _bring_home(model, homes):
    for values in _tensors(model).values():
        home = homes.get(values)
        if home is None or home.shape != values.shape:  # a buffer that was put there meanwhile
            values.data = values.data.to(next(iter(homes.values())).device)
        elif home.data_ptr() != values.data_ptr():
            _place(values, home.copy_(values.data))


def _resting_layers(model):
    """The layers that stay in `eval()` mode while `model` learns: see `fit`."""
    if model.training:
        return [layer for layer in model.modules() if not layer.training]
    frozen = []
    for layer in model.modules():
        learning = [values.requires_grad for values in layer.parameters()]
        if learning and not any(learning):
            frozen += [inner for inner in layer.modules() if not inner.training]
    return frozen


def _train_mode(model, resting):
    model.train()
    for layer in resting:
        layer.training = False


def _pictures(model, part, places):
    """Those pictures of `part`, normalised, on the device and in the number format of `model`."""
    device, number_format = torch.device("cpu"), torch.float32
    for values in chain(model.parameters(), model.buffers()):
        device = values.device
        if values.dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
            number_format = values.dtype
            break
    return normalise(part.images[places].to(device)).to(number_format)


def _logits(model, images):
    """What `model` answers, as float32 or finer; ValueError if that is no tensor of floats."""
    answer = model(images)
    if not isinstance(answer, torch.Tensor) or not answer.is_floating_point():
        found = f"a {type(answer).__name__}"
        if isinstance(answer, torch.Tensor):
            found = f"a tensor of {answer.dtype}"
        elif isinstance(answer, dict):
            found += f" with {', '.join(map(repr, answer))}"
        elif isinstance(answer, tuple | list):
            found += f" of {len(answer)}"
        raise ValueError(f"the model returned {found}; it must return logits, (N, classes) floats")
    return answer.to(torch.promote_types(answer.dtype, torch.float32))


# ---- the optimizer -------------------------------------------------------------------------------


def _optimizer(model, optimizer, learning_rate):
    mine = [values for values in model.parameters() if values.requires_grad]
    if not mine:
        raise ValueError("the model has no parameter with requires_grad=True: nothing to train")
    if optimizer is None:
        rate = 0.1 if learning_rate is None else learning_rate
        rate = _number("learning_rate", rate, "a number above 0", lambda x: 0 < x < math.inf)
        return torch.optim.SGD(mine, lr=rate, momentum=0.9, nesterov=True, weight_decay=5e-4)
    if learning_rate is not None:
        raise ValueError(
            f"learning_rate is {learning_rate}, but the optimizer has its own: give it there"
        )
    theirs = {id(values) for group in optimizer.param_groups for values in group["params"]}
    if not theirs & {id(values) for values in mine}:
        raise ValueError(
            "the optimizer holds none of this model's parameters; make it from model.parameters()"
        )
    return optimizer


def _set_rates(optimizer, peaks, share=1):
    for group, peak in zip(optimizer.param_groups, peaks, strict=True):
        group["lr"] = peak * share


def _results(logits, labels, optimizer):
    """Of a step: the loss without label smoothing, as in validation; right answers, of how many."""
    correct = int((logits.argmax(1) == labels).sum())
    rate = float(optimizer.param_groups[0]["lr"])
    return functional.cross_entropy(logits, labels).item(), correct, len(labels), rate


def _not_finite(step, rates):
    rate = float(max(rates))
    return RuntimeError(text("training.not_finite", step=step, rate=rate, lower=rate / 10))


# ---- the line that `fit` prints ------------------------------------------------------------------


def _in_words(model, optimizer, schedule, smoothing, augment, skip):
    """How `fit` trains: whatever plain SGD would not do is named."""
    momentum = "nesterov" if _setting(optimizer, "nesterov") else "momentum"
    settings = {
        momentum: _setting(optimizer, "momentum"),
        "betas": _setting(optimizer, "betas"),
        "weight_decay": _setting(optimizer, "weight_decay"),
        "label_smoothing": smoothing,
        "augment": augment and getattr(augment, "__name__", type(augment).__name__),
        "skip": skip,
        "channels_last": any(map(_is_channels_last, model.parameters())),
    }
    named = (text(f"training.{name}", value=value) for name, value in settings.items() if value)
    return {
        "model": type(model).__name__,
        "parameters": sum(values.numel() for values in model.parameters() if not is_lazy(values)),
        "optimizer": type(optimizer).__name__,
        "learning_rate": _setting(optimizer, "lr"),
        "schedule": text(f"training.{schedule}"),
        "settings": "".join(f" · {words}" for words in named),
        "device": next(model.parameters()).device,
    }


def _setting(optimizer, name):
    """The values of a setting in all groups of parameters, as text; empty where all are 0."""
    found = [group.get(name) or 0 for group in optimizer.param_groups]
    numbers = [tuple(map(float, np.atleast_1d(value))) for value in found]
    shown = (", ".join(f"{number:g}" for number in value) for value in numbers)
    return " / ".join(dict.fromkeys(shown)) if any(map(any, numbers)) else ""


def _is_channels_last(values):
    last = values.ndim == 4 and values.is_contiguous(memory_format=torch.channels_last)
    return last and not values.is_contiguous()


# ---- what is refused -----------------------------------------------------------------------------


def _number(name, value, rule, holds):
    try:
        number = math.nan if isinstance(value, str | bool | np.bool_) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not holds(number):
        raise ValueError(f"{name} is {value!r}; it must be {rule}")
    return number


def _check_numbers(epochs, smoothing, skip, schedule):
    if schedule not in SCHEDULES:
        raise ValueError(f'schedule is {schedule!r}; it must be "triangle" or "constant"')
    return (
        _number("epochs", epochs, "a number above 0", lambda x: 0 < x < math.inf),
        _number("label_smoothing", smoothing, "a number from 0 to 1", lambda x: 0 <= x <= 1),
        _number("skip", skip, "at least 0 and below 1", lambda x: 0 <= x < 1),
    )


def _check_parts(model, parts):
    """Show the model a picture, which also makes the weights of lazy layers; look at the labels."""
    for name, part in parts.items():
        if not (hasattr(part, "images") and hasattr(part, "labels")):
            raise ValueError(f"{name} is a {type(part).__name__}; it must be a cnnbook.data.Part")
        if len(part) == 0:
            raise ValueError(f"{name} is empty; it needs at least one picture")
        with torch.no_grad():
            shape = tuple(_logits(model, _pictures(model, part, [0])).shape)
        if len(shape) != 2 or shape[0] != 1:
            raise ValueError(
                f"the model answers one picture with shape {shape}; it must be (1, classes) logits"
            )
        low, high = int(part.labels.min()), int(part.labels.max())
        if low < 0 or high >= shape[1]:
            raise ValueError(
                f"labels of {name} go from {low} to {high}; "
                f"the model has {shape[1]} logits, so they must lie in 0 … {shape[1] - 1}"
            )
