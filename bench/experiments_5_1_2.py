"""The recorded experiments of 5.1.2.2 and 5.1.2.3: shrinking without pooling, softmax twice.

All train on the first 9,000 training pictures of "mini", choose a learning rate by the other 1,000,
and report the accuracy on the 10,000 test pictures for every rate.
"""

import torch
from torch import nn
from torch.nn import functional

from cnnbook.data import fashion_mnist
from cnnbook.training import evaluate, fit, seed_everything

EPOCHS = 12


def convolution(channels, filters, stride):
    layer = nn.Conv2d(channels, filters, 3, stride, padding=1, bias=False)
    return [layer, nn.BatchNorm2d(filters), nn.ReLU()]


def halving(pool, deeper):
    """Two stages that halve the picture: by max pooling or by a stride, with or without one more
    convolution a stage; then the same fully connected layer."""
    layers, channels = [], 1
    for filters in (8, 16):
        stride = 1 if pool or deeper else 2
        layers += convolution(channels, filters, stride)
        if deeper:
            layers += convolution(filters, filters, 1 if pool else 2)
        if pool:
            layers.append(nn.MaxPool2d(2))
        channels = filters
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * 7 * 7, 10))


ARMS = {
    "pool": (True, False),
    "stride": (False, False),
    "pool_deeper": (True, True),
    "stride_deeper": (False, True),
}


def instead_of_pooling(seed):
    """{"arms": {arm: {learning rate: {"validation", "test"}}}}"""
    fashion = fashion_mnist("mini")
    train, validation = fashion.train[:9000], fashion.train[9000:]
    found = {}
    for arm, shape in ARMS.items():
        found[arm] = {}
        for rate in (0.03, 0.1, 0.3):
            seed_everything(seed)
            network = halving(*shape)
            how = {"epochs": EPOCHS, "seed": seed, "learning_rate": rate, "progress": False}
            fit(network, train, curve=False, **how)
            parts = {"validation": validation, "test": fashion.test}
            found[arm][str(rate)] = {
                name: evaluate(network, part).accuracy for name, part in parts.items()
            }
    return {"arms": found}


def softmax_twice(seed):
    """{"logits" or "softmax": {epochs: {learning rate: {"validation", "test"}}}}"""
    fashion = fashion_mnist("mini")
    images = fashion.train.images.flatten(1) / 255  # (10000, 784)
    parts = {"validation": (images[9000:], fashion.train.labels[9000:])}
    parts["test"] = (fashion.test.images.flatten(1) / 255, fashion.test.labels)
    found = {}
    for twice in (False, True):
        for epochs in (3, 30):
            for rate in (0.03, 0.1, 0.3, 1.0, 3.0):
                torch.manual_seed(seed)
                layer = nn.Linear(784, 10)
                optimizer = torch.optim.SGD(layer.parameters(), lr=rate)
                for _ in range(epochs):
                    for batch in torch.randperm(9000).split(100):
                        answer = layer(images[batch])
                        answer = answer.softmax(dim=1) if twice else answer
                        optimizer.zero_grad()
                        functional.cross_entropy(answer, fashion.train.labels[batch]).backward()
                        optimizer.step()
                accuracies = {
                    name: (layer(x).argmax(1) == y).double().mean().item()
                    for name, (x, y) in parts.items()
                }
                name = "softmax" if twice else "logits"
                found.setdefault(name, {}).setdefault(str(epochs), {})[str(rate)] = accuracies
    return found


EXPERIMENTS = {
    "softmax_twice": (softmax_twice, range(6)),
    "instead_of_pooling": (instead_of_pooling, range(4)),
}
