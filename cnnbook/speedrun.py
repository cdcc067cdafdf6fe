"""The fast way (chapter 5.6): recipes that reach an accuracy on Fashion-MNIST within seconds."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from cnnbook.data import MEAN, STD, Part, normalise
from cnnbook.history import History
from cnnbook.models import SpeedrunCNN
from cnnbook.training import fit, seeded


def mirror(images: torch.Tensor) -> torch.Tensor:
    """Swap left and right in every other picture, drawn at random; (B, C, H, W) → the same."""
    draws = torch.rand(len(images), 1, 1, 1, dtype=torch.float32, device=images.device)
    return torch.where(draws < 0.5, images.flip(3), images)


def move(images: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """Pictures (B, C, H, W) moved by one pixel (or 0) each way; black comes in at the rim."""
    height, width = images.shape[2:]
    framed = functional.pad(images, (1, 1, 1, 1), value=-MEAN / STD)
    return framed[:, :, 1 - down : 1 - down + height, 1 - right : 1 - right + width]


def mirror_and_move(images: torch.Tensor) -> torch.Tensor:
    """`mirror`, and `move` the whole batch to one of nine places, drawn at random."""
    down, right = torch.randint(-1, 2, (2,), device="cpu").tolist()
    return move(mirror(images), down, right)


def two_views(images: torch.Tensor) -> list[torch.Tensor]:
    """The pictures (B, C, H, W) and their mirror images, for ``evaluate(..., views=two_views)``."""
    return [images, images.flip(3)]


def ten_views(images: torch.Tensor) -> list[torch.Tensor]:
    """The pictures, moved by one pixel to each of four sides, and the mirror images of these."""
    sides = ((-1, 0), (1, 0), (0, -1), (0, 1))
    views = [images] + [move(images, down, right) for down, right in sides]
    return views + [view.flip(3) for view in views]


def whiten(model: nn.Module, images: torch.Tensor) -> None:
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
    conv: Any = model.conv1
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
RECIPES: dict[int, dict[str, Any]] = {
    90: {
        "network": {"channels": (16, 32), "hidden": 64},
        "epochs": 1.25,
        "batch_size": 250,
        "learning_rate": 0.02,
        "betas": (0.9, 0.95),
        "skip": 0.0,
        "augment": None,
        "views": None,
    },
}
RECIPES[92] = RECIPES[90] | {
    "network": {"channels": (32, 64), "hidden": 128},
    "epochs": 3,
    "batch_size": 125,
    "learning_rate": 0.01,
    "betas": (0.9, 0.99),
    "augment": mirror,
    "views": two_views,
}
RECIPES[93] = RECIPES[92] | {
    "epochs": 7,
    "skip": 0.5,
    "augment": mirror_and_move,
    "views": ten_views,
}
RECIPES[94] = RECIPES[93] | {
    "network": {"channels": (32, 64), "hidden": 128, "deep": True},
    "epochs": 17,
}


def speedrun(
    train: Part, goal: int = 90, seed: int = 0, progress=True, curve=True, **changes: Any
) -> tuple[SpeedrunCNN, History]:
    """Train a `SpeedrunCNN` by the recipe for `goal`; returns ``(model, history)``.

    train : `Part` of 28 × 28 pictures; the goals were set for all 60,000 of Fashion-MNIST
    goal : 90, 92, 93 or 94, the test accuracy in % to be reached; ``RECIPES[goal]`` says how
    seed : for first weights, order and augmentation
    changes : entries of the recipe to be otherwise, such as ``epochs=2, batch_size=100``

    What makes it fast is taken apart in chapter 5.6; what each goal took and reached, seed by seed,
    stands in ``assets/speed_results.json``, made by `make bench`. A network that saw changed
    pictures in training (all goals but 90) wants ``evaluate(..., views=RECIPES[goal]["views"])``.
    Raises ValueError for another goal, or for a change of what no recipe has.
    """
    if goal not in RECIPES:
        raise ValueError(f"goal is {goal!r}; there are recipes for {', '.join(map(str, RECIPES))}")
    unknown = [name for name in changes if name not in RECIPES[goal]]
    if unknown:
        raise ValueError(f"no recipe has {', '.join(unknown)}; it has {', '.join(RECIPES[goal])}")
    recipe = RECIPES[goal] | changes
    with seeded(seed):
        model = SpeedrunCNN(**recipe["network"])
    whiten(model, train.images)
    history = fit(
        model,
        train,
        optimizer=recipe_optimizer(model, recipe),
        **{name: recipe[name] for name in ("epochs", "batch_size", "augment", "skip")},
        seed=seed,
        progress=progress,
        curve=curve,
    )
    return model, history


def recipe_optimizer(model: nn.Module, recipe: dict[str, Any]) -> torch.optim.AdamW:
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
