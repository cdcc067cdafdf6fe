"""Why did the network answer so? Five ways to ask, each a few lines, all explained in chapter 5.4.

    grad_cam(model, pictures, target=7, layer="conv2")

Every method takes a trained `model` in `eval()` mode that turns pictures `x`, float (N, C, H, W),
into scores (N, classes). `target` is the class to explain: one number for all pictures, or one
number a picture, whole numbers (N,). Scores are what the model returns: logits, when there is no
softmax at its end. `layer` is a dotted name, as in ``dict(model.named_modules())``, or the module
itself.

What a map says about a class is signed: above zero speaks for it, below zero against it. Results
are detached; the model, its parameters and their `.grad` are left as they were, and so is `x`.
They agree with captum 0.9 (`IntegratedGradients` with ``method="riemann_middle"``).

Raises ValueError if the model is in training mode or returns no scores, if `x` holds no real
numbers or is of another type or on another device than the model, if `target` is no class, if
there is no such layer (the message lists those there are), or if no gradient reaches it.
"""

from itertools import product

import torch
from torch import nn

from cnnbook.arrays import whole_number, whole_numbers

Target = int | torch.Tensor


def feature_maps(model: nn.Module, x: torch.Tensor, layer: str | nn.Module) -> torch.Tensor:
    """What `layer` makes of `x`: (N, channels, h, w) for a convolutional layer.

    A layer that runs several times in one pass gives its last output.
    """
    _check(model, x)
    with torch.no_grad():
        _, maps = _run(model, x, layer)
    return maps.clone()


def saliency(
    model: nn.Module, x: torch.Tensor, target: Target, absolute: bool = True
) -> torch.Tensor:
    """How fast the score of `target` changes with each input value: the gradient, shaped like `x`.

    With ``absolute=False`` it keeps its sign. (Simonyan et al. 2014, arXiv:1312.6034, section 3.)
    """
    _check(model, x)
    with torch.inference_mode(False), torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        gradient = _gradient(_scores(_answer(model, x), target), x)
    return gradient.abs() if absolute else gradient


def occlusion(
    model: nn.Module,
    x: torch.Tensor,
    target: Target,
    window: int | tuple[int, ...],
    stride: int | tuple[int, ...] = 1,
    baseline: float | torch.Tensor = 0.0,
) -> torch.Tensor:
    """How much the score of `target` falls when a window of `x` is covered; shaped like `x`.

    The window moves from the top left corner in steps of `stride` until it reaches the other side;
    the last one is cut off at the edge. Each value gets the mean over all windows that cover it.

    window : height and width as one number or a pair, across all channels; or a triple with the
        number of channels first
    stride : likewise; at most the window, or some values would never be covered
    baseline : what covers: a number, or a tensor that broadcasts against `x`. Zero is black only
        if the pictures were not normalised.

    (Zeiler, Fergus 2014, arXiv:1311.2901, section 4.2.)
    """
    _check(model, x)
    size, step = _triple("window", window, x), _triple("stride", stride, x)
    if any(s > n or t > s < n for n, s, t in zip(x.shape[1:], size, step, strict=True)):
        raise ValueError(
            f"window is {size}, stride {step}, a picture {tuple(x.shape[1:])}; the window must"
            " fit into the picture, and the stride may not be larger than the window"
        )
    starts = [range(0, n - s + t, t) for n, s, t in zip(x.shape[1:], size, step, strict=True)]
    cover = _like("baseline", baseline, x)
    total, count = (torch.zeros_like(x, dtype=_exact(x)) for _ in range(2))
    with torch.no_grad():
        before = _scores(_answer(model, x), target)
        for corner in product(*starts):
            place = [slice(a, a + s) for a, s in zip(corner, size, strict=True)]
            place = (slice(None), *place)  # the same place in all pictures
            covered = x.clone()
            covered[place] = cover[place]
            fall = before - _scores(_answer(model, covered), target)  # (N,)
            total[place] += fall.reshape(-1, 1, 1, 1)
            count[place] += 1
    return (total / count).to(x.dtype)


def grad_cam(
    model: nn.Module, x: torch.Tensor, target: Target, layer: str | nn.Module, relu: bool = False
) -> torch.Tensor:
    """The feature maps of `layer`, weighted by their mean gradient and added: (N, 1, h, w).

    As large as the maps; ``torch.nn.functional.interpolate`` brings it to the size of `x`. With
    ``relu=True`` only what speaks for `target` is left, as in the paper.
    (Selvaraju et al. 2017, arXiv:1610.02391, section 3.)
    """
    _check(model, x)
    with torch.inference_mode(False), torch.enable_grad():
        answer, maps = _run(model, x.detach().clone().requires_grad_(), layer)
        gradient = _gradient(_scores(answer, target), maps)
    places = tuple(range(2, gradient.ndim))  # height and width
    weights = gradient.mean(places, keepdim=True) if places else gradient  # one a map
    cam = (weights * maps.detach()).sum(dim=1, keepdim=True)
    return cam.relu() if relu else cam


def integrated_gradients(
    model: nn.Module,
    x: torch.Tensor,
    target: Target,
    baseline: float | torch.Tensor = 0.0,
    steps: int = 50,
) -> torch.Tensor:
    """The share of each input value in the change of the score from `baseline` to `x`.

    The gradient is taken at the middle of `steps` equal pieces of the straight line from
    `baseline` to `x`, averaged and multiplied by ``x - baseline``. The shares of a picture add up
    to ``score(x) - score(baseline)``, the better the more steps. `baseline` is a number or a
    tensor that broadcasts against `x`. (Sundararajan et al. 2017, arXiv:1703.01365, section 3.)
    """
    _check(model, x)
    steps = whole_number("steps", steps, 1)
    with torch.inference_mode(False), torch.enable_grad():
        x = x.detach().clone()
        total = torch.zeros_like(x, dtype=_exact(x))
        start = _like("baseline", baseline, x)
        for step in range(steps):
            point = (start + (step + 0.5) / steps * (x - start)).detach().requires_grad_()
            total += _gradient(_scores(_answer(model, point), target), point)
        return (total / steps * (x - start)).to(x.dtype)


def _run(model, x, layer):
    """The model's answer to `x`, and what `layer` puts out on the way."""
    named = model.named_modules(remove_duplicate=False)
    modules = {name: module for name, module in named if name}
    module = modules.get(layer) if isinstance(layer, str) else layer
    if module is None or module not in modules.values():
        raise ValueError(f"layer is {layer!r}; the model has {', '.join(modules)}")
    outputs = []

    def keep(module, inputs, output):
        outputs.append(output)
        # a copy: ReLU(inplace=True) behind the layer would overwrite the output
        return output.clone() if torch.is_tensor(output) else output

    handle = module.register_forward_hook(keep)
    try:
        answer = _answer(model, x)
    finally:
        handle.remove()
    if not outputs:
        raise ValueError(f"layer is {layer!r}, which the model has but does not use")
    if not torch.is_tensor(outputs[-1]):
        raise ValueError(f"layer is {layer!r}, which puts out {_said(outputs[-1])}; ask one inside")
    return answer, outputs[-1]


def _check(model, x):
    for name, module in model.named_modules():
        if module.training:
            name = name or "the model"
            raise ValueError(f"{name} is in training mode; call model.eval() first")
    if not torch.is_tensor(x) or not x.is_floating_point() or not len(x):
        kind = f"{x.dtype} {tuple(x.shape)}" if torch.is_tensor(x) else type(x).__name__
        raise ValueError(f"x is {kind}; it must be a tensor of real numbers, (N, C, H, W)")
    if any(nn.parameter.is_lazy(values) for values in model.parameters()):
        with torch.inference_mode(False), torch.no_grad():  # or they could never be trained
            _answer(model, x.clone())


def _answer(model, x):
    """``model(x)``; where it fails because the model is of another type, the message says so."""
    try:
        return model(x)
    except RuntimeError as error:
        for name, values in model.named_parameters():
            if values.is_floating_point() and (values.dtype, values.device) != (x.dtype, x.device):
                raise ValueError(
                    f"x is {x.dtype} on {x.device}, but the model's {name} is {values.dtype} on"
                    f" {values.device}; give x.to({str(values.device)!r}, {values.dtype})"
                ) from error
        raise


def _scores(answer, target):
    """The score of `target` for each picture, (N,), out of the model's answer (N, classes)."""
    if not torch.is_tensor(answer) or answer.ndim != 2 or not answer.is_floating_point():
        raise ValueError(
            f"the model answers {_said(answer)}; it must be one tensor of scores, (N, classes)"
        )
    count, classes = answer.shape
    try:
        target = torch.as_tensor(target, device=answer.device)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"target is {target!r}; give one class, or {count} of them") from None
    real = target.is_floating_point() or target.is_complex() or target.dtype == torch.bool
    if real or target.ndim > 1 or target.numel() not in (1, count):
        raise ValueError(f"target is {target.tolist()}; give one class, or {count} of them")
    target = target.to(torch.int64)
    if target.min() < 0 or target.max() >= classes:
        raise ValueError(f"target is {target.tolist()}; the classes are 0 to {classes - 1}")
    return answer.gather(1, target.expand(count).unsqueeze(1)).squeeze(1)


def _gradient(scores, values):
    """The derivative of each picture's score with respect to `values`."""
    found = None
    if scores.requires_grad and values.requires_grad:
        (found,) = torch.autograd.grad(scores.sum(), values, allow_unused=True)
    if found is None:
        raise ValueError(
            "no gradient reaches the values asked for: something behind them cuts it off, such as"
            " torch.no_grad(), .detach(), or a layer that the scores do not depend on"
        )
    return found


def _said(answer):
    """What a model or a layer returned, in words: "(2, 10)", "tuple (Tensor, Tensor)"."""
    if torch.is_tensor(answer):
        kind = "" if answer.is_floating_point() else f"{answer.dtype} "
        return f"{kind}{tuple(answer.shape)}"
    inside = answer if isinstance(answer, (tuple, list)) else []
    kinds = ", ".join(type(one).__name__ for one in inside)
    return f"a {type(answer).__name__}" + (f" ({kinds})" if kinds else "")


def _exact(x):
    """The type to add up in: half precision would lose the sum."""
    return torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype


def _like(name, value, x):
    """`value` as a tensor shaped like `x`."""
    try:
        return torch.as_tensor(value, dtype=x.dtype, device=x.device).detach().expand_as(x)
    except (TypeError, ValueError, RuntimeError):
        fit = f"it must be a number or fit x {tuple(x.shape)}"
        raise ValueError(f"{name} is {value!r}; {fit}") from None


def _triple(name, value, x):
    """A `window` or `stride` as (channels, height, width); as large as `x` in its channels."""
    numbers = whole_numbers(value, 1) or ()
    numbers = numbers * 2 if len(numbers) == 1 else numbers
    triple = (x.shape[1], *numbers) if len(numbers) == 2 and x.ndim == 4 else numbers
    if len(triple) != 3 or x.ndim != 4:
        raise ValueError(
            f"{name} is {value!r}; it must be a number above 0 or a pair (h, w), for x (N, C, H, W)"
        )
    return triple
