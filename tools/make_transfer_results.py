"""Measure with the whole backbone what chapter 5.3 shows: cnnbook/assets/transfer_results.json.

    python tools/make_transfer_results.py [FOLDER]

Needs the backbone and about half an hour on one thread. FOLDER holds photographs of two classes in
``train/Cat``, ``train/Dog``, ``test/Cat``, ``test/Dog``; without it those results stay as they are
in the file. What is measured runs the chapter's own cells. Every result is a list over the seeds 0
to 4, in percent; a seed draws the training pictures and orders them.
"""

import json
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

import torch
from assets import only_argument
from make_transfer_features import ASSETS, CELLS, from_the_chapter, set_aside
from PIL import Image

from cnnbook import transfer
from cnnbook.data import fashion_mnist, square
from cnnbook.files import write_atomically

SEEDS, COUNTS = range(5), (5, 10, 20, 50)
SIZES = (28, 64, 96, 128)
COMPARED = ("shapes-code", "recorded-code", "compare-heads", "scratch-code")
defined: dict[str, Any] = from_the_chapter(CELLS)
defined["fashion"] = fashion_mnist("mini")  # the same dict: the chapter's functions look into it
accuracy, draw, features, linear_head = (
    defined[name] for name in ("accuracy", "draw", "features", "linear_head")
)


def on(train, test, x, count=20):
    """Accuracy of linear heads on `count` labels a class, one a seed; `x` holds the features of
    the pictures of `train`, then of `test`."""
    found = []
    for seed in SEEDS:
        few = draw(count, seed, train.labels)
        head = linear_head(x[few], train.labels[few])
        found.append(round(accuracy(head, x[len(train) :], test.labels), 2))
    return found


def of_every_layer(backbone, images, size, pool=2):
    """The features of the layers 1 to 19, each averaged over `pool` × `pool` parts of the map."""
    found = [[] for _ in backbone.features]
    with torch.no_grad():
        for few in images.split(100):
            maps = defined["prepare"](few, size)
            for place, layer in enumerate(backbone.features):
                maps = layer(maps)
                few_features = torch.nn.functional.adaptive_avg_pool2d(maps, pool).flatten(1)
                found[place].append(few_features)
    return [torch.cat(parts) for parts in found]


def scratch_tuning():
    """{labels a class: {"rate updates": mean accuracy on 1,000 pictures that are never drawn}} of
    the chapter's CNN from scratch, over three seeds."""
    from cnnbook.models import SmallCNN
    from cnnbook.training import evaluate, fit, seed_everything

    train, fashion = defined["train"], defined["fashion"].train
    validation = fashion[set_aside(fashion)]
    found = {}
    for count, rate, updates in product((5, 50), (0.01, 0.03, 0.1), (75, 150, 300, 600)):
        scores = []
        for seed in range(3):
            few = train[draw(count, seed, train.labels)]
            seed_everything(seed)
            network, size = SmallCNN(), min(50, len(few))
            options = {"epochs": updates * size / len(few), "batch_size": size, "seed": seed}
            fit(network, few, learning_rate=rate, progress=False, curve=False, **options)
            scores.append(100 * evaluate(network, validation).accuracy)
        mean = sum(scores) / len(scores)
        found.setdefault(str(count), {})[f"{rate:g} {updates}"] = round(mean, 2)
    return found


def answers(backbone):
    """What the backbone calls the four photographs, with and without normalised channels."""
    from torchvision.models import MobileNet_V2_Weights

    names = MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"]
    found = {"normalised": {}, "not normalised": {}}
    for photo in ("cat", "coffee", "camera", "rocket"):
        image = square(Image.open(ASSETS / f"photo_{photo}.jpg"), 224)  # as the chapter reads it
        for kind in found:
            with torch.no_grad():
                x = defined["prepare"](image[None], 224, kind == "normalised")
                top = backbone(x).softmax(1)[0].topk(3)
            best = zip(top.indices.tolist(), top.values.tolist(), strict=True)
            found[kind][photo] = [[names[i], round(p, 2)] for i, p in best]
    return found


def of_photographs(backbone, folder):
    """The folder of two classes: the last layer at 128 px, and every layer with 20 labels."""
    train, classes = transfer.photo_folder(Path(folder) / "train", 128)
    test, _ = transfer.photo_folder(Path(folder) / "test", 128, classes)
    both = torch.cat([train.images, test.images])
    last = features(backbone.features, both, size=128, pool=1)
    pixels = both.flatten(1) / 255
    grey = both.float().mean(1, keepdim=True).round().to(torch.uint8)
    layers = {
        name: [on(train, test, x, 20) for x in of_every_layer(backbone, images, 128, pool)]
        for name, images, pool in (("2", both, 2), ("1", both, 1), ("grey", grey, 1))
    }
    return layers, {
        "classes": classes,
        "training pictures": len(train),
        "test pictures": len(test),
        "last layer": {count: on(train, test, last, count) for count in (5, 20, 150)},
        "pixels": {count: on(train, test, pixels, count) for count in (20, 150)},
    }


def main(folder):
    torch.set_num_threads(1)
    started = time.perf_counter()
    target = ASSETS / "transfer_results.json"
    results = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    backbone: Any = transfer.backbone()
    if backbone is None:
        sys.exit(1)
    # Section 4 of the chapter as it stands: on the recorded features, for the live figure.
    from_the_chapter(COMPARED, defined)
    train, test = defined["train"], defined["test"]
    images = torch.cat([train.images, test.images])

    results |= {
        "what": "accuracies in percent, one a seed from 0 to 4; see tools/make_transfer_results.py",
        "backbone": f"mobilenet_v2, SHA-256 {transfer.SHA256['mobilenet_v2']}",
        "torch": torch.__version__.partition("+")[0],
        "training pictures": len(train),
        "test pictures": len(test),
        "photographs": answers(backbone),
        "scratch tuning": scratch_tuning(),
        "few labels": {name: found.round(2).tolist() for name, found in defined["scores"].items()},
    }
    print(f"{time.perf_counter() - started:.0f} s", flush=True)
    layers = results.setdefault("layers", {})
    one = results.setdefault("layers, one cell", {})
    for found, pool in ((layers, 2), (one, 1)):
        found["fashion"] = [on(train, test, x) for x in of_every_layer(backbone, images, 64, pool)]
    if folder:
        by_kind, results["photo folder"] = of_photographs(backbone, folder)
        layers["photos"], one["photos"] = by_kind["2"], by_kind["1"]
        one["photos in grey"] = by_kind["grey"]
    print(f"{time.perf_counter() - started:.0f} s", flush=True)

    kinds = {"middle": (backbone.features[:11], 2), "last": (backbone.features, 1)}
    results["sizes"], results["normalisation"] = {}, {}
    for kind, (part, pool) in kinds.items():
        sized = {size: features(part, images, size=size, pool=pool) for size in SIZES}
        results["sizes"][kind] = {size: on(train, test, x) for size, x in sized.items()}
        good = sized[64]
        bare = features(part, images, pool=pool, normalised=False)
        mixed = torch.cat([good[: len(train)], bare[len(train) :]])
        results["normalisation"][kind] = {
            "always": on(train, test, good),
            "never": on(train, test, bare),
            "only in training": on(train, test, mixed),
        }
        small = sized[28]
        mixed = torch.cat([good[: len(train)], small[len(train) :]])
        results["sizes"][kind]["64, tested at 28"] = on(train, test, mixed)
    print(f"{time.perf_counter() - started:.0f} s", flush=True)

    text = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
    write_atomically(target, text)


if __name__ == "__main__":
    main(only_argument(__doc__) if len(sys.argv) > 1 else None)
