"""The ways to train that ours is compared with, written from their published settings.

- The course's way: its CNN, torchvision's data set through a `DataLoader`, Adam.
- LeNet as in "Dive into Deep Learning" (Zhang, Lipton, Li, Smola; d2l.ai), section 7.6 "LeNet"
  (6.6 in the first edition, whose learning rate and batch size these are).
- The network of PyTorch's "Quickstart" tutorial (pytorch.org, Learn the Basics).
"""

import struct
import time
from functools import partial

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torchvision import datasets
from torchvision.transforms import ToTensor

from cnnbook.models import FashionCNN


def write_idx(path, array):
    """Write the uint8 `array` as an IDX file: type, number of dimensions, sizes, elements."""
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim)
    header += struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(header + array.tobytes())


def torchvision_dataset(train, test, folder):
    """torchvision's own FashionMNIST of the pictures in `train`, read from files in `folder`.

    The files are written from our tensors, so that no network is needed.
    """
    raw = folder / "FashionMNIST" / "raw"
    if not raw.exists():
        raw.mkdir(parents=True)
        for name, part in (("train", train), ("t10k", test)):
            write_idx(raw / f"{name}-images-idx3-ubyte", part.images[:, 0].numpy())
            write_idx(raw / f"{name}-labels-idx1-ubyte", part.labels.byte().numpy())
    return datasets.FashionMNIST(folder, train=True, download=False, transform=ToTensor())


def lenet():
    """Sigmoids and average pooling, weights after Xavier Glorot."""
    convolutions = [nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Conv2d(6, 16, kernel_size=5)]
    lines = [nn.Linear(16 * 5 * 5, 120), nn.Linear(120, 84), nn.Linear(84, 10)]
    for layer in convolutions + lines:
        nn.init.xavier_uniform_(layer.weight)
    first, second = ([layer, nn.Sigmoid(), nn.AvgPool2d(2)] for layer in convolutions)
    return nn.Sequential(
        *first, *second, nn.Flatten(), lines[0], nn.Sigmoid(), lines[1], nn.Sigmoid(), lines[2]
    )


def quickstart():
    """Three fully connected layers with ReLU."""
    first, second, last = nn.Linear(28 * 28, 512), nn.Linear(512, 512), nn.Linear(512, 10)
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), second, nn.ReLU(), last)


PEERS = [
    {
        "name": "course",
        "settings": "FashionCNN; torchvision FashionMNIST + ToTensor, DataLoader(batch_size=100, "
        "shuffle=True); Adam 1e-3; 5 epochs, or until 90%",
        "network": FashionCNN,
        "optimizer": partial(torch.optim.Adam, lr=1e-3),
        "loader": {"batch_size": 100, "shuffle": True},
        "epochs": 5,
    },
    {
        "name": "lenet",
        "settings": "d2l.ai, section 7.6 (6.6 in the first edition): sigmoid, average pooling, "
        "Xavier; DataLoader(batch_size=256, shuffle=True); SGD 0.9; 10 epochs",
        "network": lenet,
        "optimizer": partial(torch.optim.SGD, lr=0.9),
        "loader": {"batch_size": 256, "shuffle": True},
        "epochs": 10,
    },
    {
        "name": "quickstart",
        "settings": "PyTorch tutorial Quickstart: 784-512-512-10, ReLU; "
        "DataLoader(batch_size=64), not shuffled; SGD 1e-3; 5 epochs",
        "network": quickstart,
        "optimizer": partial(torch.optim.SGD, lr=1e-3),
        "loader": {"batch_size": 64},
        "epochs": 5,
    },
]


def accuracy_on(model, test):
    """Share of `test` that `model`, which takes pixels from 0 to 1, answers rightly.

    Each layer is in training mode again afterwards.
    """
    model.eval()
    correct = 0
    with torch.inference_mode():
        for images, labels in zip(test.images.split(500), test.labels.split(500), strict=True):
            correct += (model(images.float() / 255).argmax(1) == labels).sum().item()
    model.train()
    return correct / len(test)


def train_peer(peer, dataset, test, seed, until):
    """Train one of `PEERS`; returns {"seed", "until", "points": [[seconds, accuracy], …]}.

    The test set is looked at every quarter of an epoch; the clock stands still for that. Looking
    so often, and stopping at `until` per cent, flatters the peer: ours is judged once, at its end.
    """
    torch.manual_seed(seed)
    began = time.perf_counter()
    model = peer["network"]()
    optimizer = peer["optimizer"](model.parameters())
    loader = DataLoader(dataset, **peer["loader"])
    steps = len(loader)
    looks = {max(1, round(steps * quarter / 4)) for quarter in (1, 2, 3, 4)}
    points, seconds = [], 0.0
    for _ in range(peer["epochs"]):
        for step, (images, labels) in enumerate(loader, start=1):
            loss = functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step in looks:
                seconds += time.perf_counter() - began
                points.append([round(seconds, 3), round(accuracy_on(model, test), 4)])
                if points[-1][1] >= until / 100:
                    return {"seed": seed, "until": until, "points": points}
                began = time.perf_counter()
    return {"seed": seed, "until": until, "points": points}
