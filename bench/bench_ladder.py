"""What each change buys: from the course's way to the recipe, one change at a time (chapter 5.6).

`UP` goes up a ladder: each rung keeps the changes of those below. `WITHOUT` takes the finished
recipe and changes what its line says, mostly one thing; `HIGHER` does so with the recipe for 93%.
Every run of the first two makes `EPOCHS` passes over 55,000 pictures of the training set; all are
judged on the 5,000 set aside; the test set is not looked at. Seconds are of the training alone.

Rungs that take seconds are run by turns, every rung once with one seed, then every rung with the
next: a machine that slows down meanwhile slows all of them.
"""

import tempfile
from pathlib import Path

import torch
from bench_race import our_model
from peers import torchvision_dataset
from record import clothes, mean_of, median_of, say, timed
from torch.nn import functional
from torch.utils.data import DataLoader
from torchvision import transforms

from cnnbook.data import MEAN, STD, batches
from cnnbook.models import FashionCNN, SpeedrunCNN
from cnnbook.speedrun import mirror, ten_views, two_views, whiten
from cnnbook.training import evaluate, triangle

EPOCHS = 2
COURSE = {
    "model": FashionCNN,
    "loader": True,  # torchvision's data set through a DataLoader: a picture at a time
    "channels_last": False,
    "batch_size": 100,
    "optimizer": "Adam",
    "learning_rate": 0.001,
    "betas": (0.9, 0.999),  # of Adam and AdamW; torch's own
    "weight_decay": 0.0,
    "fused": False,  # all parameters in one loop
    "schedule": False,  # the learning rate stays what it is
    "whiten": False,
    "smoothing": 0.0,
    "augment": None,
    "views": None,  # of the test pictures: see `evaluate`
    "threads": None,  # as many as torch takes
}
UP = [
    ("course", {}),
    ("memory", {"loader": False}),
    ("channels_last", {"channels_last": True}),
    ("batch", {"batch_size": 250, "learning_rate": 0.002}),
    ("shape", {"model": SpeedrunCNN}),
    ("schedule", {"schedule": True}),
    ("rate", {"learning_rate": 0.02}),
    ("whiten", {"whiten": True}),
    ("betas", {"betas": (0.9, 0.95)}),
    ("decay", {"optimizer": "AdamW", "weight_decay": 0.02}),
    ("fused", {"fused": True}),
    ("smoothing", {"smoothing": 0.1}),
]
WITHOUT = [
    ("schedule", {"schedule": False}),
    ("schedule_low", {"schedule": False, "learning_rate": 0.002}),
    ("low_rate", {"learning_rate": 0.002}),
    ("course_shape", {"model": FashionCNN, "whiten": False, "learning_rate": 0.004}),
    ("whiten", {"whiten": False}),
    ("smoothing", {"smoothing": 0.0}),
    ("channels_last", {"channels_last": False}),
    ("loader", {"loader": True}),
    ("batch_500", {"batch_size": 500, "learning_rate": 0.03}),
    ("batch_125", {"batch_size": 125, "learning_rate": 0.01}),
    ("batch_32", {"batch_size": 32, "learning_rate": 0.004}),
    ("sgd", {"optimizer": "SGD", "learning_rate": 0.1, "weight_decay": 5e-4}),
    ("mirror", {"augment": mirror, "views": two_views}),
    ("mirror_test_only", {"views": two_views}),
    ("one_thread", {"threads": 1}),
]
HIGHER = [("recipe", {}), ("all_pictures", {"skip": 0.0}), ("as_they_are", {"augment": None})]
HIGHER_SEEDS = 2
VIEWS = {"one": None, "mirrored": two_views, "all": ten_views}
SLOW = {"course", "memory", "channels_last", "batch"}  # one seed each: minutes
SEEDS = 3  # of each of the others


def recipe(changes):
    """`COURSE` with the changes of a list of (name, changes), one after the other."""
    settings = dict(COURSE)
    for _, change in changes:
        settings |= change
    return settings


def make_optimizer(settings, model):
    rate, decay = settings["learning_rate"], settings["weight_decay"]
    mine = [values for values in model.parameters() if values.requires_grad]
    if settings["optimizer"] == "SGD":
        return torch.optim.SGD(mine, lr=rate, momentum=0.9, nesterov=True, weight_decay=decay)
    kind = getattr(torch.optim, settings["optimizer"])  # Adam or AdamW, as the recipes' own
    options = {"betas": settings["betas"], "weight_decay": decay, "fused": settings["fused"]}
    return kind(mine, lr=rate, **options)


def train(settings, part, dataset, seed, epochs=EPOCHS):
    """One training by hand, with nothing of `fit` in it; returns the model.

    `dataset` holds the pictures of `part` as torchvision gives them.
    """
    torch.manual_seed(seed)
    model = settings["model"]()
    if settings["whiten"]:
        whiten(model, part.images)
    if settings["channels_last"]:
        model = model.to(memory_format=torch.channels_last)
    optimizer = make_optimizer(settings, model)
    batch_size, step = settings["batch_size"], 0
    total = max(1, round(epochs * (len(part) // batch_size)))
    while step < total:
        if settings["loader"]:
            feed = DataLoader(dataset, batch_size, shuffle=True, drop_last=True)
        else:
            feed = batches(part, batch_size, shuffle=True, drop_last=True)
        for images, labels in feed:
            if step == total:
                break
            if settings["schedule"]:
                rate = settings["learning_rate"] * triangle((step + 0.5) / total)
                optimizer.param_groups[0]["lr"] = rate
            if settings["augment"]:
                images = settings["augment"](images)
            loss = functional.cross_entropy(
                model(images), labels, label_smoothing=settings["smoothing"]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
    return model


def run(settings, rest, dataset, aside, seed, epochs):
    """{"seed", "seconds", "accuracy"} of one training, judged on `aside`."""
    threads = torch.get_num_threads()
    torch.set_num_threads(settings["threads"] or threads)
    model, seconds = timed(train, settings, rest, dataset, seed, epochs)
    torch.set_num_threads(threads)
    accuracy = evaluate(model, aside, views=settings["views"]).accuracy
    return {"seed": seed, "seconds": seconds, "accuracy": accuracy}


def rungs():
    """[(list of the result, name, settings), …] for `UP` and `WITHOUT`."""
    up = [("up", name, recipe(UP[: place + 1])) for place, (name, _) in enumerate(UP)]
    return up + [("without", name, recipe(UP) | change) for name, change in WITHOUT]


def higher(changes, rest, aside, seed):
    """The recipe for 93% with `changes`; judged with one view of a picture, with two, with ten."""
    model, seconds = our_model(rest, 93, seed, **changes)
    found = {"seed": seed, "seconds": seconds}
    for name, views in VIEWS.items():
        found[name] = evaluate(model, aside, views=views).accuracy
    return found


def measure(seeds, quick):
    """The lists, measured: {"epochs", "training", "validation", "up", "without", "higher"}.

    A twelfth of the training set is set aside for judging.
    """
    part = clothes(quick).train
    rest, aside = part.split(len(part) // 12, generator=torch.Generator().manual_seed(7))
    epochs = 0.1 if quick else EPOCHS
    runs = {(place, name): [] for place, name, _ in rungs()}
    with tempfile.TemporaryDirectory() as folder:
        dataset = torchvision_dataset(rest, aside, Path(folder))
        normalise = transforms.Normalize(MEAN, STD)
        dataset.transform = transforms.Compose([transforms.ToTensor(), normalise])
        train(recipe(UP), rest, dataset, 0, 0.05)  # the first steps of a process are slow
        for turn, seed in enumerate(seeds[:SEEDS]):
            for place, name, settings in rungs():
                if not (turn and place == "up" and name in SLOW):
                    one = run(settings, rest, dataset, aside, seed, epochs)
                    runs[place, name].append(one)
                    say(f"{place} {name}", one)
    result = {"epochs": epochs, "training": len(rest), "validation": len(aside)}
    result |= {"up": [], "without": []}
    for (place, name), found in runs.items():
        numbers = {"seconds": median_of(found, "seconds"), "accuracy": mean_of(found, "accuracy")}
        result[place].append({"name": name, "runs": found, **numbers})
    result["higher"] = [{"name": name, "runs": []} for name, _ in HIGHER]
    for seed in seeds[:HIGHER_SEEDS]:
        for row, (name, changes) in zip(result["higher"], HIGHER, strict=True):
            one = higher({**changes, "epochs": 1} if quick else changes, rest, aside, seed)
            row["runs"].append(one)
            say(f"93%, {name}", {**one, "accuracy": one["all"]})
    return result
