"""The recorded experiments of 5.2: networks until they are trained, learning rates, optimizers,
overfitting and what helps against it, heads, batch normalization and shortcuts.

All learn from pictures of "mini": 9,000 for training, 1,000 for validation, the 10,000 official
ones for the test. Where a learning rate is chosen, the validation pictures choose it.
"""

import time

import torch
from torch import nn
from torch.nn import functional

from cnnbook.data import fashion_mnist
from cnnbook.models import FashionCNN, FashionDNN
from cnnbook.speedrun import mirror_and_move
from cnnbook.training import evaluate, fit, seed_everything

RATES = (0.03, 0.1, 0.3)


def parts():
    fashion = fashion_mnist("mini")
    train, validation = fashion.train.split(1000, torch.Generator().manual_seed(0))
    return train, validation, fashion.test


def trained(make, part, seed, **how):
    """A network, and the CPU seconds of its training."""
    seed_everything(seed)
    network, began = make(), time.process_time()
    fit(network, part, seed=seed, progress=False, curve=False, **how)
    return network, time.process_time() - began


def best_rate(make, seed, rates=RATES, **how):
    """What the rate that does best on the validation pictures gives."""
    train, validation, test = parts()
    tried = []
    for rate in rates:
        network, seconds = trained(make, train, seed, learning_rate=rate, **how)
        score = evaluate(network, validation).accuracy
        found = {"rate": rate, "test": evaluate(network, test).accuracy}
        tried.append((score, rate, found | {"seconds": round(seconds, 1)}))
    return max(tried, key=lambda one: one[:2])[2]


def curves(seed):
    """{network: {epochs: {"rate", "test", "seconds"}}}"""
    lengths = {"DNN": (FashionDNN, (2, 10, 30, 60)), "CNN": (FashionCNN, (1, 2, 5, 10))}
    return {
        name: {str(epochs): best_rate(make, seed, epochs=epochs) for epochs in all_epochs}
        for name, (make, all_epochs) in lengths.items()
    }


def rates(seed):
    """{learning rate: test accuracy} of a DNN after 5 epochs at a constant rate."""
    train, _, test = parts()
    found = {}
    for rate in (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0):
        try:
            how = {"epochs": 5, "learning_rate": rate, "schedule": "constant"}
            network, _ = trained(FashionDNN, train, seed, **how)
            found[str(rate)] = evaluate(network, test).accuracy
        except RuntimeError:  # the loss is no number any more
            found[str(rate)] = 0.1
    return found


OPTIMIZERS = {
    "SGD": lambda values, rate: torch.optim.SGD(values, lr=rate),
    "momentum": lambda values, rate: torch.optim.SGD(values, lr=rate, momentum=0.9),
    "weight decay": lambda values, rate: torch.optim.SGD(
        values, lr=rate, momentum=0.9, weight_decay=5e-4
    ),
    "Adam": lambda values, rate: torch.optim.Adam(values, lr=rate),
}


def optimizers(seed):
    """{optimizer: {"rate", "test"}} of a DNN after 5 epochs; each with the best of its rates."""
    train, validation, test = parts()
    found = {}
    for name, make in OPTIMIZERS.items():
        tried = []
        for rate in (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3):
            seed_everything(seed)
            network = FashionDNN()
            optimizer = make(network.parameters(), rate)
            try:
                fit(network, train, epochs=5, optimizer=optimizer, seed=seed, progress=False,
                    curve=False)  # fmt: skip
            except RuntimeError:
                continue
            score = evaluate(network, validation).accuracy
            tried.append((score, rate, evaluate(network, test).accuracy))
        _, rate, accuracy = max(tried)
        found[name] = {"rate": rate, "test": accuracy}
    return found


def plain_dnn(dropout=0.0):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


AGAINST = {  # what is changed, one thing each, against overfitting
    "nothing": {},
    "data": {"pictures": 9000},
    "augmentation": {"augment": mirror_and_move},
    "dropout": {"dropout": 0.5},
    "weight decay": {"weight_decay": 5e-3},
    "early stopping": {"stop": True},
}


def overfitting(seed):
    """A DNN on 1,000 pictures for 60 epochs, with and without something against overfitting.

    {"losses": {"training" or "validation": [of each epoch]}, "test": {what: {"test", "loss"}}}
    """
    train, validation, test = parts()
    few = train.per_class(100, torch.Generator().manual_seed(seed))
    found, losses = {}, {}
    for name, change in AGAINST.items():
        seed_everything(seed)
        network = plain_dnn(change.get("dropout", 0.0))
        sgd = torch.optim.SGD(network.parameters(), lr=0.03, momentum=0.9,
                              weight_decay=change.get("weight_decay", 0.0))  # fmt: skip
        pictures = change.get("pictures", 1000)
        part = train if pictures == 9000 else few
        history = fit(
            network, part, epochs=60 * 1000 / len(part), optimizer=sgd, schedule="constant",
            label_smoothing=0, augment=change.get("augment"), seed=seed,
            validation=validation if change.get("stop") or name == "nothing" else None,
            progress=False, curve=False,
        )  # fmt: skip
        if name == "nothing":
            losses["training"] = [round(v, 4) for v in history.column("loss")]
            losses["validation"] = [round(v, 4) for v in history.column("validation_loss")]
            seed_everything(seed)  # again, and keep the last weights
            network = plain_dnn()
            sgd = torch.optim.SGD(network.parameters(), lr=0.03, momentum=0.9)
            fit(network, few, epochs=60, optimizer=sgd, schedule="constant", label_smoothing=0,
                seed=seed, progress=False, curve=False)  # fmt: skip
        result = evaluate(network, test)
        found[name] = {"test": result.accuracy, "loss": round(result.loss, 4)}
    return {"losses": losses, "test": found}


def with_head(pooled):
    """The convolutional layers of the course's CNN, and an end."""
    layers = [
        nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
    ]  # fmt: skip
    if pooled:
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    dense = [nn.Linear(2304, 600), nn.ReLU(), nn.Dropout(0.25), nn.Linear(600, 120), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), *dense, nn.Linear(120, 10))


def heads(seed):
    """{"fully connected" or "pooled": {"rate", "test", "seconds"}} after 5 epochs."""
    return {
        name: best_rate(lambda pooled=pooled: with_head(pooled), seed, epochs=5)
        for name, pooled in (("fully connected", False), ("pooled", True))
    }


class Block(nn.Module):
    """Two convolutions, with or without batch normalization and the shortcut around them."""

    def __init__(self, normalised, shortcut):
        super().__init__()
        self.shortcut = shortcut
        norm = nn.BatchNorm2d if normalised else nn.Identity
        self.layers = nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1), norm(8), nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1), norm(8),
        )  # fmt: skip

    def forward(self, x):
        y = self.layers(x)
        return functional.relu(x + y if self.shortcut else y)


def deep(normalised, shortcut, blocks=8):
    start = [nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU()]
    middle = [Block(normalised, shortcut) for _ in range(blocks)]
    end = [nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 49, 10)]
    return nn.Sequential(*start, *middle, *end)


def depth(seed):
    """{arm: {"rate", "test", "seconds"}} of 17 convolutional layers after 4 epochs."""
    arms = {
        "plain": (False, False),
        "normalised": (True, False),
        "shortcut": (False, True),
        "both": (True, True),
    }
    return {
        name: best_rate(lambda arm=arm: deep(*arm), seed, rates=(0.01, 0.03, 0.1), epochs=4)
        for name, arm in arms.items()
    }


EXPERIMENTS = {
    "curves": (curves, range(3)),
    "rates": (rates, range(3)),
    "optimizers": (optimizers, range(4)),
    "overfitting": (overfitting, range(5)),
    "heads": (heads, range(3)),
    "depth": (depth, range(3)),
}
