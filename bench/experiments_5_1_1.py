"""The recorded experiments of 5.1.1: an MLP and a CNN until both are trained, with many pictures
and with few; and what a network's end makes of a shift.

The MLP and the CNN are those of the chapter. `fit` has its default settings; the learning rate of
each network is the one of RATES that does best on 1,000 validation pictures.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from cnnbook.data import Part, fashion_mnist
from cnnbook.training import evaluate, fit, seed_everything

RATES = (0.03, 0.1, 0.3)


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def cnn():
    first = [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    second = [nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*first, *second, *mlp())


def trained(make, part, seed, epochs, rate=0.1):
    seed_everything(seed)
    network = make()
    how = {"epochs": epochs, "seed": seed, "learning_rate": rate}
    fit(network, part, progress=False, curve=False, **how)
    return network


def by_epochs(make, part, validation, test, seed, all_epochs):
    """{epochs: {"rate", "test"}}: for each length of training the rate that does best on the
    validation pictures, and the test accuracy with it."""
    found = {}
    for epochs in all_epochs:
        networks = {rate: trained(make, part, seed, epochs, rate) for rate in RATES}
        best = max(RATES, key=lambda rate: evaluate(networks[rate], validation).accuracy)
        found[str(epochs)] = {"rate": best, "test": evaluate(networks[best], test).accuracy}
    return found


def until_trained(seed):
    """{network: what `by_epochs` finds}, with 9,000 pictures."""
    fashion = fashion_mnist("mini")
    parts = fashion.train[:9000], fashion.train[9000:], fashion.test
    return {
        name: by_epochs(make, *parts, seed, (1, 3, 11, 25))
        for name, make in (("MLP", mlp), ("CNN", cnn))
    }


def few_pictures(seed):
    """{network: what `by_epochs` finds}, with 50 pictures of each class."""
    fashion = fashion_mnist("mini")
    few = fashion.train[:9000].per_class(50, torch.Generator().manual_seed(seed))
    parts = few, fashion.train[9000:], fashion.test
    return {
        name: by_epochs(make, *parts, seed, (20, 60, 120))
        for name, make in (("MLP", mlp), ("CNN", cnn))
    }


def with_end(end):
    """Three convolutional layers, the same in all; then one of three ends."""
    layers, channels = [], 1
    for filters in (8, 16, 32):
        layer = nn.Conv2d(channels, filters, 3, padding=1, bias=False)
        layers += [layer, nn.BatchNorm2d(filters), nn.ReLU()]
        if filters < 32:
            layers.append(nn.MaxPool2d(2))
        channels = filters
    pool = {"flatten": nn.Identity, "maximum": lambda: nn.AdaptiveMaxPool2d(1)}
    pool["mean"] = lambda: nn.AdaptiveAvgPool2d(1)
    places = 49 if end == "flatten" else 1
    return nn.Sequential(*layers, pool[end](), nn.Flatten(), nn.Linear(32 * places, 10))


def shifted(part, cells):
    """The pictures moved by so many cells in each of four directions."""
    padded = functional.pad(part.images, (5, 5, 5, 5))
    ways = [(cells, 0), (-cells, 0), (0, cells), (0, -cells)]
    for down, right in ways if cells else [(0, 0)]:
        images = padded[:, :, 5 - down : 33 - down, 5 - right : 33 - right]
        yield Part(images, part.labels)


def end_and_shift(seed):
    """{end: [accuracy at a shift of 0, 1, …, 5 px]}, on the first 1,000 test pictures."""
    fashion = fashion_mnist("mini")
    found = {}
    for end in ("flatten", "maximum", "mean"):
        network = trained(lambda end=end: with_end(end), fashion.train, seed, 10)
        found[end] = [
            float(np.mean([evaluate(network, part).accuracy for part in parts]))
            for parts in (list(shifted(fashion.test[:1000], cells)) for cells in range(6))
        ]
    return found


EXPERIMENTS = {
    "until_trained": (until_trained, range(3)),
    "few_pictures": (few_pictures, range(4)),
    "end_and_shift": (end_and_shift, range(3)),
}
