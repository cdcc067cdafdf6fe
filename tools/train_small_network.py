"""Train the small network of the figure `NetworkExplorer`: cnnbook/assets/small_cnn.npz and .json.

    python tools/train_small_network.py

Needs the full Fashion-MNIST (``fashion_mnist("full")`` finds or downloads it) and a few minutes on
one thread. 5,000 of the 60,000 training pictures are set aside; their accuracy chooses the epoch.
The test set is looked at once, at the end, with the weights rounded to float16 as they ship.

Each training picture is moved by up to 3 pixels, every other one is mirrored, and one in eight
becomes a white silhouette: a reader's drawing is neither centred nor shaded as the photographs
are, nor does it face the same way. While it learns, a BatchNorm follows each convolution; then
it is multiplied into the weights, so that the figure need not explain it.

The same machine, torch and one thread give the same bytes again; other processors add in another
order and end at slightly different weights, of the same accuracy within about 0.3 points.
"""

import json
import time
from typing import Any

import torch
from assets import report, write_npz
from torch import nn
from torch.nn import functional

from cnnbook.data import Part, fashion_mnist, normalise
from cnnbook.files import ASSETS, write_atomically
from cnnbook.models import SmallCNN
from cnnbook.training import evaluate, triangle

EPOCHS = 14
BATCH = 125
LEARNING_RATE = 0.01
SEED = 0
ASIDE = 5_000  # pictures for validation
SHIFT = 3  # most pixels up, down, left, right; less is more frequent
MIRRORED = 1 / 2
SILHOUETTES = 1 / 8  # share of the pictures whose grey becomes white
GREY = 40  # pixels above it belong to the clothes


class Learner(nn.Module):
    """`SmallCNN` while it learns: with BatchNorm."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 16, kernel_size=3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(16)
        self.fc = nn.Linear(16 * 7 * 7, 10)

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.norm1(self.conv1(x))), 2)
        x = functional.max_pool2d(functional.relu(self.norm2(self.conv2(x))), 2)
        return self.fc(x.flatten(1))

    @torch.no_grad()
    def folded(self):
        """The `SmallCNN` that answers the same: s·(w·x − mean) + b = (s·w)·x + (b − s·mean)."""
        model = SmallCNN().eval()
        pairs: Any = (self.conv1, self.norm1, model.conv1), (self.conv2, self.norm2, model.conv2)
        for mine, norm, theirs in pairs:
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            theirs.weight.copy_(mine.weight * scale[:, None, None, None])
            theirs.bias.copy_(norm.bias - norm.running_mean * scale)
        model.fc.load_state_dict(self.fc.state_dict())
        return model


def shift(images, down, right):
    """Pictures (N, 1, 28, 28) moved by so many pixels; black comes in from outside."""
    padded = functional.pad(images, (SHIFT, SHIFT, SHIFT, SHIFT))
    return padded[:, :, SHIFT - down : SHIFT - down + 28, SHIFT - right : SHIFT - right + 28]


def silhouettes(images):
    """Every pixel either black or white."""
    return (images > GREY).to(torch.uint8) * 255


def vary(images, generator):
    """The batch as it is learned from; five pictures at a time get the same shift."""
    moved = []
    for few in images.split(5):
        far = torch.randint(1 - SHIFT, SHIFT, (2,), generator=generator)
        near = torch.randint(-1, 2, (2,), generator=generator)
        down, right = (far + near).tolist()
        moved.append(shift(few, down, right))
    images = torch.cat(moved)
    mirrored = torch.rand(len(images), generator=generator) < MIRRORED
    images[mirrored] = images[mirrored].flip(3)
    drawn = torch.rand(len(images), generator=generator) < SILHOUETTES
    images[drawn] = silhouettes(images[drawn])
    return images


def train(training, validation, epochs=EPOCHS, tell=print):
    """A trained `SmallCNN` and one row an epoch; the weights are those of the best epoch."""
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    model = Learner().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=1e-3)
    steps = len(training) // BATCH
    rows, best, kept = [], -1.0, SmallCNN()
    for epoch in range(epochs):
        total = 0.0
        model.train()
        order = torch.randperm(len(training), generator=generator)
        for step, places in enumerate(order[: steps * BATCH].split(BATCH)):
            progress = (epoch * steps + step + 0.5) / (epochs * steps)
            optimizer.param_groups[0]["lr"] = LEARNING_RATE * triangle(progress)
            images = normalise(vary(training.images[places], generator))
            loss = functional.cross_entropy(model(images), training.labels[places])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        accuracy = evaluate(model, validation).accuracy
        row = {"epoch": epoch + 1, "training_loss": round(total / steps, 4)}
        rows.append(row | {"validation_accuracy": round(accuracy, 4)})
        tell(rows[-1])
        if accuracy > best:
            best, kept = accuracy, model.folded()
    return kept, rows


def measure(model, part):
    """Accuracy on a part as it is, moved, and without its shades."""

    def accuracy(images):
        return evaluate(model, Part(images, part.labels)).accuracy

    corners = [(down, right) for down in (-SHIFT, SHIFT) for right in (-SHIFT, SHIFT)]
    moved = sum(accuracy(shift(part.images, *corner)) for corner in corners) / len(corners)
    return {
        "as it is": round(accuracy(part.images), 4),
        "moved by 3 pixels down or up and left or right": round(moved, 4),
        "as silhouettes": round(accuracy(silhouettes(part.images)), 4),
    }


def main(folder=ASSETS):
    torch.set_num_threads(1)
    started = time.perf_counter()
    clothes = fashion_mnist("full")
    training, validation = clothes.train.split(ASIDE, torch.Generator().manual_seed(SEED))
    model, rows = train(training, validation)
    arrays = {name: v.numpy().astype("<f2") for name, v in model.state_dict().items()}
    model.load_state_dict({name: torch.from_numpy(a).float() for name, a in arrays.items()})
    first = [int((clothes.test.labels == label).nonzero()[0]) for label in range(10)]
    arrays["pictures"] = clothes.test.images[first, 0].numpy()  # the first of each class
    write_npz(folder / "small_cnn.npz", arrays)
    log = {
        "what": "weights of cnnbook.models.SmallCNN, float16; "
        "pictures: the first of each class of the official test set, uint8 (10, 28, 28)",
        "made by": "tools/train_small_network.py",
        "torch": torch.__version__.partition("+")[0],
        "parameters": sum(v.numel() for v in model.parameters()),
        "training pictures": len(training),
        "validation pictures": len(validation),
        "recipe": f"AdamW, learning rate {LEARNING_RATE}, triangle, {EPOCHS} epochs, batch {BATCH},"
        f" seed {SEED}, BatchNorm folded; moved by up to {SHIFT} pixels, {MIRRORED:.0%} mirrored,"
        f" {SILHOUETTES:.1%} silhouettes",
        "epochs": rows,
        "kept epoch": max(rows, key=lambda row: row["validation_accuracy"])["epoch"],
        "validation accuracy": measure(model, validation),
        "test accuracy": measure(model, clothes.test),
    }
    text = json.dumps(log, indent=1, ensure_ascii=False) + "\n"
    write_atomically(folder / "small_cnn.json", text)
    print(f"{time.perf_counter() - started:.0f} s, test accuracy {log['test accuracy']}")
    report(folder / "small_cnn.npz", folder / "small_cnn.json")


if __name__ == "__main__":
    main()
