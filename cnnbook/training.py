"""Training a network and testing it: `fit`, `evaluate`, seeds, and the fast way: `speedrun`."""

import math
import random
import time
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from cnnbook.data import MEAN, STD, batches, normalise
from cnnbook.history import History, Screen
from cnnbook.language import text
from cnnbook.models import SpeedrunCNN


def seed_everything(seed):
    """Start the random numbers of Python, NumPy and torch from `seed` (0 … 2³² − 1).

    The same seed gives the same numbers on the same machine with the same thread count, not on
    every machine: sums are taken in another order there.
    """
    _check_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def triangle(progress, warm_up=0.15):
    """Share of the highest learning rate: up from 0 until `warm_up`, then down to 0 at the end.

    Small steps at the start, when the gradients are still wild; large ones in the middle; small
    ones at the end, to settle. (Smith 2018, "Super-convergence", arXiv:1708.07120.)
    """
    return min(progress / warm_up, (1 - progress) / (1 - warm_up))


def fit(
    model,
    train,
    *,
    epochs,
    validation=None,
    batch_size=100,
    learning_rate=None,
    optimizer=None,
    schedule="triangle",
    label_smoothing=0.1,
    augment=None,
    skip=0.0,
    seed=0,
    progress=True,
    curve=True,
    device=None,
):
    """Train `model` in place and return the :class:`History` of the run.

    With `validation`, the weights of the epoch with the best validation accuracy are kept;
    without, those of the last. Never give the test set here: what chooses cannot also judge.
    Interrupt (■ or Ctrl-C) loses nothing: the best weights so far stay in the model and the
    history comes back. Afterwards the model is in `eval()` mode, on the device it came from.

    Parameters
    ----------
    model : module that takes (N, 1, H, W) float pictures and returns (N, classes) logits
    train, validation : parts with `images` uint8 (N, 1, H, W) and `labels` int64 (N,)
    epochs : float above 0; 2.6 stops in the middle of the third pass
    learning_rate : the highest one, default 0.1; for the default optimizer, SGD with Nesterov
        momentum 0.9 and weight decay 5e-4
    optimizer : another one, made from ``model.parameters()``, with its own learning rate
    schedule : "triangle" (:func:`triangle`) or "constant"
    label_smoothing : 0 … 1; how much of the wanted probability is spread over all classes
    augment : what is done to a batch of normalised pictures (B, 1, H, W) before the network sees
        it, such as :func:`mirror`; takes and returns a tensor, draws from torch's global generator
    skip : 0 … below 1; of the pictures whose loss was below the average, this share is left out of
        the next pass, and the others of them count more, so that the gradient stays right on
        average. The time stays that of `epochs`; it is used for more passes. Not in the first
        pass nor in the last 15 % of the steps. (Qin et al. 2024, "InfoBatch", arXiv:2303.04947.)
    seed : for the order of the pictures, for dropout and `augment`; the model brings its own
        first weights
    progress, curve : the bar and a line on what is trained; the live figure (in notebooks)
    device : default: the first there is of cuda, mps, cpu

    Raises
    ------
    ValueError
        If an argument is out of range, a part is empty, or labels and logits do not fit.
    RuntimeError
        If the loss or a weight is no longer a finite number. The model then holds the best
        weights of the epochs before (the first weights, when there was none).
    """
    device, home = _device(device), _device_of(model)
    _check_numbers(epochs, batch_size, label_smoothing, schedule, skip, seed)
    _check_part(model, train, "train")
    if validation is not None:
        _check_part(model, validation, "validation")
    optimizer = _optimizer(model, optimizer, learning_rate)
    peaks = [group["lr"] for group in optimizer.param_groups]
    loss_function = nn.CrossEntropyLoss(label_smoothing=label_smoothing)
    loss_of_each = nn.CrossEntropyLoss(label_smoothing=label_smoothing, reduction="none")
    alone = batch_size > 1 and len(train) > 1 and len(train) % batch_size == 1
    steps_per_epoch = math.ceil(len(train) / batch_size) - alone
    total = max(1, round(epochs * steps_per_epoch))
    source = _source(model, train, batch_size, optimizer, seed, device)
    history = History(source, total, steps_per_epoch, validation is not None)
    order = torch.Generator().manual_seed(seed)
    random_state = torch.get_rng_state()
    torch.manual_seed(seed)  # for dropout and `augment`
    model.to(device, memory_format=torch.channels_last)  # faster convolutions on CPUs
    best_weights = _copy_of_weights(model)
    known = torch.full((len(train),), math.inf)  # the loss of each picture when last seen
    screen = Screen(history, progress, curve)
    history.started = time.perf_counter()
    step = 0
    try:
        while step < total:
            model.train()
            skipping = skip if history.rows and step < 0.85 * total else 0
            chosen, counts = _choose(known, skipping, order)
            for places in chosen.split(batch_size):
                if step == total or (len(places) == 1 < min(batch_size, len(train))):
                    break  # one picture alone has no variance for BatchNorm to divide by
                if schedule == "triangle":
                    for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                        group["lr"] = peak * triangle((step + 0.5) / total)
                images = normalise(train.images[places]).to(device)
                images = images if augment is None else augment(images)
                labels = train.labels[places].to(device)

                logits = model(images)
                if skip:
                    each = loss_of_each(logits, labels)
                    known[places] = each.detach().cpu()
                    loss = (each * counts[places].to(device)).mean()
                else:
                    loss = loss_function(logits, labels)
                if not math.isfinite(loss.item()):
                    raise _not_finite(step + 1, max(peaks))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

                step += 1
                correct = (logits.argmax(1) == labels).sum().item()
                rate = optimizer.param_groups[0]["lr"]
                # without label smoothing, so that it compares with the validation loss
                plain_loss = functional.cross_entropy(logits.detach(), labels).item()
                history.add_step(plain_loss, correct, len(labels), rate)
                screen.update()

            weights = _copy_of_weights(model)
            if not all(values.isfinite().all() for values in weights.values()):
                raise _not_finite(step, max(peaks))
            history.add_epoch(None if validation is None else _evaluate(model, validation, device))
            if history.best is history.rows[-1]:
                best_weights = weights
    except KeyboardInterrupt:
        history.interrupt()
        if history.rows and history.best is history.rows[-1]:
            best_weights = _copy_of_weights(model)
    finally:
        model.load_state_dict(best_weights)
        model.to(home, memory_format=torch.contiguous_format).eval()
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak
        torch.set_rng_state(random_state)
        screen.close()
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

    def __repr__(self):
        correct, count = int(self.confusion.diag().sum()), len(self.predictions)
        values = {"accuracy": self.accuracy, "correct": correct, "count": count, "loss": self.loss}
        return text("training.evaluation", **values)


def evaluate(model, test, batch_size=100, device=None, mirrored=False, moved=False):
    """Let `model` answer every picture of `test` and count; returns an :class:`Evaluation`.

    With `mirrored` it sees each picture a second time, left and right swapped, with `moved` four
    times more, one pixel to each side; the logits of all views are averaged. That helps a network
    that saw such pictures in training, and only that.

    Nothing in the model changes: it answers in `eval()` mode, where dropout is off and BatchNorm
    uses what it learned instead of the statistics of the test pictures, and without gradients.
    Afterwards each layer is in the mode it was in. `device` : default: where the model is.

    Raises ValueError if the part is empty, or its labels do not fit the logits.
    """
    home = _device_of(model)
    device = home if device is None else _device(device)
    _check_part(model, test, "test")
    model.to(device, memory_format=torch.channels_last)  # faster convolutions on CPUs
    result = _evaluate(model, test, device, batch_size, mirrored, moved)
    model.to(home, memory_format=torch.contiguous_format)
    return result


def _evaluate(model, test, device, batch_size=100, mirrored=False, moved=False):
    """`evaluate` for a model that is on `device` already, and stays as it is laid out."""
    answers = []
    with _answering(model):
        for images, _ in batches(test, batch_size):
            views = [images.to(device)]
            if moved:
                sides = ((-1, 0), (1, 0), (0, -1), (0, 1))
                views += [move(views[0], down, right) for down, right in sides]
            if mirrored:
                views += [view.flip(3) for view in views]
            answers.append(sum(map(model, views)).cpu() / len(views))
    logits = torch.cat(answers)
    predictions, classes = logits.argmax(1), logits.shape[1]
    cells = test.labels * classes + predictions  # of the table, counted row by row
    confusion = cells.bincount(minlength=classes**2).reshape(classes, classes)
    return Evaluation(
        accuracy=(predictions == test.labels).double().mean().item(),
        loss=functional.cross_entropy(logits, test.labels).item(),
        confusion=confusion,
        per_class=confusion.diag() / confusion.sum(1),
        predictions=predictions,
        probabilities=logits.softmax(1),
        logits=logits,
    )


def mirror(images):
    """Swap left and right in every other picture, drawn at random; (B, C, H, W) → the same."""
    chosen = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    return torch.where(chosen, images.flip(3), images)


def move(images, down, right):
    """Pictures (B, C, H, W) moved by one pixel (or 0) each way; black comes in at the rim."""
    height, width = images.shape[2:]
    framed = functional.pad(images, (1, 1, 1, 1), value=-MEAN / STD)
    return framed[:, :, 1 - down : 1 - down + height, 1 - right : 1 - right + width]


def mirror_and_move(images):
    """`mirror`, and `move` the whole batch to one of nine places, drawn at random."""
    down, right = torch.randint(-1, 2, (2,)).tolist()
    return move(mirror(images), down, right)


def whiten(model, images):
    """Compute the filters of ``model.conv1`` from pictures instead of learning them; freeze them.

    The filters are the directions in which patches of the pictures vary most (eigenvectors of
    their second moments), scaled so that each answers with about the same strength, and once more
    with the other sign, so that ReLU loses nothing. ``model.norm1`` has no work left and becomes
    ``nn.Identity``. As the first layer learns nothing, no gradient has to go back that far.

    images : uint8 (N, 1, H, W), of the training set; the first 300 are used.
    Raises ValueError if `conv1` has an odd number of filters, or more than twice its window.
    (Coates and Ng 2012, "Learning feature representations with k-means", section 2.1; as a frozen
    first layer: Jordan 2024, arXiv:2404.00498, section 3.2.)
    """
    conv = model.conv1
    filters, _, height, width = conv.weight.shape
    half = filters // 2
    if filters % 2 or half > height * width:
        raise ValueError(
            f"conv1 has {filters} filters; whitening needs an even number,"
            f" at most {2 * height * width} for a {height} × {width} window"
        )
    patches = functional.unfold(
        normalise(images[:300]), (height, width), padding=conv.padding, stride=conv.stride
    )
    patches = patches.transpose(1, 2).reshape(-1, height * width)  # (all windows, 25)
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))  # smallest first
    directions = (vectors / (values + 0.01).sqrt())[:, -half:].T.reshape(half, 1, height, width)
    conv.weight.data.copy_(torch.cat([directions, -directions]))
    conv.requires_grad_(False)
    model.norm1 = nn.Identity()


# For each goal (test accuracy in %) a network and a number of epochs that reached it with room to
# spare on 5,000 training pictures set aside. Chapter 5.6 tells where the test set was looked at
# before the end.
RECIPES = {
    90: {
        "network": {"channels": (16, 32), "hidden": 64},
        "epochs": 1.25,
        "batch_size": 250,
        "learning_rate": 0.02,
        "betas": (0.9, 0.95),
        "skip": 0.0,
        "augment": None,
        "mirrored": False,
        "moved": False,
    },
}
RECIPES[92] = RECIPES[90] | {
    "network": {"channels": (32, 64), "hidden": 128},
    "epochs": 3,
    "batch_size": 125,
    "learning_rate": 0.01,
    "betas": (0.9, 0.99),
    "augment": mirror,
    "mirrored": True,
}
RECIPES[93] = RECIPES[92] | {
    "epochs": 7,
    "skip": 0.5,
    "augment": mirror_and_move,
    "moved": True,
}
RECIPES[94] = RECIPES[93] | {
    "network": {"channels": (32, 64), "hidden": 128, "deep": True},
    "epochs": 17,
}


def speedrun(train, goal=90, seed=0, progress=True, curve=True, **changes):
    """Train a `SpeedrunCNN` by the recipe for `goal`; returns ``(model, history)``.

    train : `Part` of 28 × 28 pictures; the goals were set for all 60,000 of Fashion-MNIST
    goal : 90, 92, 93 or 94, the test accuracy in % to be reached; ``RECIPES[goal]`` says how
    seed : for first weights, order and augmentation
    changes : entries of the recipe to be otherwise, such as ``epochs=2, batch_size=100``

    What makes it fast is taken apart in chapter 5.6; what each goal took and reached, seed by seed,
    stands in ``assets/speed_results.json``, made by `make bench`. Trained with mirrored pictures
    (all goals but 90), the network wants ``evaluate(..., mirrored=True)``, from 93 on with
    ``moved=True`` too. Raises ValueError for another goal, or for a change of what no recipe has.
    """
    if goal not in RECIPES:
        raise ValueError(f"goal is {goal!r}; there are recipes for {', '.join(map(str, RECIPES))}")
    recipe = RECIPES[goal] | changes
    unknown = [name for name in changes if name not in RECIPES[goal]]
    if unknown:
        raise ValueError(f"no recipe has {', '.join(unknown)}; it has {', '.join(RECIPES[goal])}")
    seed_everything(seed)
    model = SpeedrunCNN(**recipe["network"])
    whiten(model, train.images)
    history = fit(
        model,
        train,
        epochs=recipe["epochs"],
        batch_size=recipe["batch_size"],
        optimizer=recipe_optimizer(model, recipe),
        augment=recipe["augment"],
        skip=recipe["skip"],
        seed=seed,
        progress=progress,
        curve=curve,
    )
    return model, history


def recipe_optimizer(model, recipe):
    """The optimizer of a recipe: AdamW for what `model` has to learn; `whiten` froze the rest.

    (Loshchilov and Hutter 2019, "Decoupled weight decay regularization", arXiv:1711.05101.)
    """
    return torch.optim.AdamW(
        [values for values in model.parameters() if values.requires_grad],
        lr=recipe["learning_rate"],
        betas=recipe["betas"],
        weight_decay=0.02,
        fused=True,  # all parameters in one loop: a small network's step is mostly overhead
    )


@contextmanager
def _answering(model):
    """Within: `eval()` and no gradients. Afterwards every layer is in the mode it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module, training in modes:
            module.training = training


def _choose(known, skip, generator):
    """The places of one pass in their order, and how much each picture counts: (M,), (N,).

    `known` (N,) is the loss of each picture when last seen. Of those below the average the share
    `skip` is left out; the others of them count 1 / (1 - skip).
    """
    chosen = torch.randperm(len(known), generator=generator)
    counts = torch.ones(len(known))
    if skip:
        easy = known < known[known.isfinite()].mean()
        counts[easy] = 1 / (1 - skip)
        left_out = torch.rand(len(known), generator=generator) < skip
        chosen = chosen[~(easy & left_out)[chosen]]
    return chosen, counts


def _device(device):
    if device is not None:
        return torch.device(device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _device_of(model):
    return next((values.device for values in model.parameters()), torch.device("cpu"))


def _copy_of_weights(model):
    return {name: values.detach().clone() for name, values in model.state_dict().items()}


def _optimizer(model, optimizer, learning_rate):
    mine = [values for values in model.parameters() if values.requires_grad]
    if not mine:
        raise ValueError("the model has no parameter with requires_grad=True: nothing to train")
    if optimizer is None:
        learning_rate = 0.1 if learning_rate is None else learning_rate
        if not 0 < learning_rate < math.inf:
            raise ValueError(f"learning_rate is {learning_rate}; it must be a number above 0")
        return torch.optim.SGD(
            mine, lr=learning_rate, momentum=0.9, nesterov=True, weight_decay=5e-4
        )
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


def _not_finite(step, rate):
    return RuntimeError(text("training.not_finite", step=step, rate=rate, lower=rate / 10))


def _source(model, train, batch_size, optimizer, seed, device):
    return text(
        "training.source",
        model=type(model).__name__,
        parameters=sum(values.numel() for values in model.parameters()),
        pictures=len(train),
        batch_size=batch_size,
        optimizer=type(optimizer).__name__,
        learning_rate=optimizer.param_groups[0]["lr"],
        seed=seed,
        device=device,
    )


def _check_seed(seed):
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"seed is {seed!r}; it must be a whole number from 0 to 4294967295")


def _check_numbers(epochs, batch_size, label_smoothing, schedule, skip, seed):
    if not 0 < epochs < math.inf:
        raise ValueError(f"epochs is {epochs}; it must be a number above 0")
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size is {batch_size!r}; it must be a whole number, 1 or more")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing is {label_smoothing}; it must lie between 0 and 1")
    if not 0 <= skip < 1:
        raise ValueError(f"skip is {skip}; it must be at least 0 and below 1")
    if schedule not in ("triangle", "constant"):
        raise ValueError(f'schedule is {schedule!r}; it must be "triangle" or "constant"')
    _check_seed(seed)


def _check_part(model, part, name):
    if len(part) == 0:
        raise ValueError(f"{name} is empty; it needs at least one picture")
    with _answering(model):
        images, _ = next(batches(part[:1], 1))
        shape = tuple(model(images.to(_device_of(model))).shape)
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
