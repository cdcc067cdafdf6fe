"""Record MobileNetV2's features for chapter 5.3: cnnbook/assets/transfer_features.npz.

    python tools/make_transfer_features.py

Needs the backbone (``cnnbook.transfer.backbone`` finds or downloads it) and half a minute. The
features are those that the chapter defines: its cells are run here, so that what is taught, what
is recorded and what is measured is one code. Recorded are the first 200 training pictures of each
class of Fashion-MNIST *mini* and the first 1,500 test pictures: the middle (layer 11, 2 × 2 parts
of the map, 256 numbers) in 32 steps from the smallest to the largest value of each number, the
last layer (1,280 numbers) in 16.

Another machine may round single values to the neighbouring step.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from assets import report, write_npz

from cnnbook import transfer
from cnnbook.data import fashion_mnist
from cnnbook.files import ASSETS

CHAPTER = Path(__file__).parents[1] / "notebooks" / "ko" / "5_3_transfer_learning.ipynb"
CELLS = ("libraries-code", "prepare-code", "features-code", "head-code", "linear-head-code")
CELLS += ("probe-code", "tune-network", "tune-depth", "tune-code")
EACH, TESTED = 200, 1_500
STEPS = {"middle": 32, "last": 16}


def from_the_chapter(names=CELLS, defined=None):
    """What the cells `names` of the chapter define, as a dict; what they print is not printed.

    `defined` : what earlier cells defined; it is added to.
    """
    cells = {cell["id"]: cell for cell in json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]}
    if defined is None:
        nothing = torch.zeros(3, 8, 8, dtype=torch.uint8)
        defined = {"photos": {"none": nothing}, "print": lambda *_: None}
    for name in names:
        exec("".join(cells[name]["source"]), defined)
    return defined


def places(part, each):
    """The places of the first `each` pictures of every class, in order."""
    chosen = [(part.labels == label).nonzero()[:each, 0] for label in part.labels.unique()]
    return torch.cat(chosen).sort().values


def set_aside(part):
    """The places of 1,000 training pictures that no experiment of the chapter draws: validation."""
    rest = torch.ones(len(part), dtype=torch.bool)
    rest[places(part, EACH)] = False
    kept = rest.nonzero()[:, 0]
    return kept[places(part[kept], 100)]


def pack(x, steps):
    """float32 (N, D) → (codes uint8 (N, D), low float32 (D,), step float32 (D,))."""
    low, step = x.min(0).values, (x.max(0).values - x.min(0).values) / (steps - 1)
    codes = ((x - low) / step.clamp(min=1e-12)).round().to(torch.uint8)
    return codes.numpy(), low.numpy(), step.numpy()


def exact_features(backbone, train, test):
    """{"middle" | "last": float32 (train + test, D)}, as they are recorded."""
    features = from_the_chapter()["features"]
    images = torch.cat([train.images, test.images])
    return {
        "middle": features(backbone.features[:11], images, pool=2),
        "last": features(backbone.features, images, pool=1),
    }


def main(folder=ASSETS):
    torch.set_num_threads(1)
    backbone = transfer.backbone()
    if backbone is None:
        sys.exit(1)
    fashion = fashion_mnist("mini")
    chosen = {"train": places(fashion.train, EACH), "test": torch.arange(TESTED)}
    train, test = fashion.train[chosen["train"]], fashion.test[chosen["test"]]
    arrays = {f"{part}_places": where.numpy().astype("<i2") for part, where in chosen.items()}
    for name, x in exact_features(backbone, train, test).items():
        codes, arrays[f"{name}_low"], arrays[f"{name}_step"] = pack(x, STEPS[name])
        # Fortran order: a number of all pictures lies together, which packs better.
        arrays[f"train_{name}"] = np.asfortranarray(codes[: len(train)])
        arrays[f"test_{name}"] = np.asfortranarray(codes[len(train) :])
    write_npz(folder / "transfer_features.npz", arrays, level=9)
    report(folder / "transfer_features.npz")


if __name__ == "__main__":
    main()
