"""The networks of the chapters.

Each takes pictures of shape (N, 1, 28, 28) and returns ten logits a picture, (N, 10). There is no
softmax at the end: the cross-entropy of torch takes logits, and so does `argmax`.

Layers carry the names that the text uses, so ``model.conv1`` is the layer the chapter talks of.
"""

import io

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from cnnbook import files


class FashionDNN(nn.Module):
    """The course's network without convolution: the picture is flattened first.

    784 → 256 → 128 → 10, a quarter of the 256 units dropped while training. 235,146 parameters.
    """

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(28 * 28, 256)
        self.dropout = nn.Dropout(0.25)
        self.fc2 = nn.Linear(256, 128)
        self.fc3 = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures (N, 1, 28, 28) to logits (N, 10)."""
        x = x.flatten(1)  # (N, 784): from here on nothing knows which pixels were neighbours
        x = functional.relu(self.fc1(x))  # (N, 256)
        x = self.dropout(x)
        x = functional.relu(self.fc2(x))  # (N, 128)
        return self.fc3(x)  # (N, 10)


class FashionCNN(nn.Module):
    """The course's convolutional network: two convolutional layers, three fully connected ones.

    1,475,338 parameters; 1,383,000 of them are in `fc1`, the first layer after flattening.
    """

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernel_size=3, padding=1)
        self.norm1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3)
        self.norm2 = nn.BatchNorm2d(64)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(64 * 6 * 6, 600)
        # `Dropout`, not `Dropout2d`: this drops single units of a vector; there is no map to drop.
        self.dropout = nn.Dropout(0.25)
        self.fc2 = nn.Linear(600, 120)
        self.fc3 = nn.Linear(120, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures (N, 1, 28, 28) to logits (N, 10)."""
        x = functional.relu(self.norm1(self.conv1(x)))  # (N, 32, 28, 28)
        x = self.pool(x)  # (N, 32, 14, 14)
        x = functional.relu(self.norm2(self.conv2(x)))  # (N, 64, 12, 12): no padding here
        x = self.pool(x)  # (N, 64, 6, 6)
        x = x.flatten(1)  # (N, 2304)
        x = functional.relu(self.fc1(x))  # (N, 600)
        x = self.dropout(x)
        x = functional.relu(self.fc2(x))  # (N, 120)
        return self.fc3(x)  # (N, 10)


class SpeedrunCNN(nn.Module):
    """A small network that learns in seconds on two CPU cores.

    The strides do what pooling does elsewhere, so no output is computed only to be thrown away.
    106,234 parameters and 0.4 million multiplications a picture; `FashionCNN` needs 4.3 million.
    For higher goals chapter 5.6 makes it wider and deeper: `channels` are the feature maps of its
    convolutional layers, `hidden` the units of the fully connected one, and with `deep` a third
    convolutional layer corrects what the second one found.

    Measured on mini with ``fit(model, train, epochs=4)``: test accuracy .876 to .881 (5 seeds, with
    1 and with 2 threads), 3.8 s of processor time on one thread. Faster: `speedrun.speedrun`.
    """

    def __init__(self, channels: tuple[int, int] = (16, 32), hidden: int = 64, deep: bool = False):
        super().__init__()
        first, second = channels
        # No bias where a BatchNorm follows: it subtracts the mean, and the bias with it.
        self.conv1 = nn.Conv2d(1, first, kernel_size=5, stride=2, padding=2, bias=False)
        self.norm1 = nn.BatchNorm2d(first)
        self.conv2 = nn.Conv2d(first, second, kernel_size=3, stride=2, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(second)
        self.conv3 = (
            nn.Conv2d(second, second, kernel_size=3, padding=1, bias=False) if deep else None
        )
        self.norm_of_conv3 = nn.BatchNorm2d(second) if deep else None
        self.fc1 = nn.Linear(second * 7 * 7, hidden, bias=False)
        self.norm3 = nn.BatchNorm1d(hidden)
        self.fc2 = nn.Linear(hidden, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures (N, 1, 28, 28) to logits (N, 10)."""
        x = functional.relu(self.norm1(self.conv1(x)))  # (N, 16, 14, 14)
        x = functional.relu(self.norm2(self.conv2(x)))  # (N, 32, 7, 7)
        if self.conv3 is not None and self.norm_of_conv3 is not None:
            x = x + functional.relu(self.norm_of_conv3(self.conv3(x)))
        x = x.permute(0, 2, 3, 1).flatten(1)  # (N, 1568); as channels-last has them in memory
        x = functional.relu(self.norm3(self.fc1(x)))  # (N, 64)
        return self.fc2(x)  # (N, 10)


class SmallCNN(nn.Module):
    """A network small enough to look at every number it computes: figure `NetworkExplorer`.

    9,098 parameters, no BatchNorm and no dropout: each value is a sum of products, plus a bias.
    """

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, kernel_size=3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(16 * 7 * 7, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures (N, 1, 28, 28) to logits (N, 10)."""
        x = functional.relu(self.conv1(x))  # (N, 8, 28, 28)
        x = self.pool(x)  # (N, 8, 14, 14)
        x = functional.relu(self.conv2(x))  # (N, 16, 14, 14)
        x = self.pool(x)  # (N, 16, 7, 7)
        x = x.flatten(1)  # (N, 784)
        return self.fc(x)  # (N, 10)


def small_cnn(quiet: bool = False) -> SmallCNN:
    """A `SmallCNN` with the weights that ship with the book, in `eval()` mode.

    Trained by tools/train_small_network.py; ``assets/small_cnn.json`` is the log of that run, with
    the accuracy it reached. Prints which weights were loaded, unless `quiet`. Raises
    ``files.DataError`` if the file is missing or was changed.
    """
    packed = files.asset("small_cnn.npz")
    model = SmallCNN()
    with np.load(io.BytesIO(packed)) as arrays:
        weights = {name: torch.from_numpy(arrays[name]).float() for name in model.state_dict()}
    model.load_state_dict(weights)
    if not quiet:
        print(f"SmallCNN ← small_cnn.npz (SHA-256 {files.digest(packed)[:12]}…)")
    return model.eval()
