"""Convolution and pooling by hand, in NumPy: what the chapters derive and what the book trusts.

Every function takes and returns arrays in torch's order, ``(N, C, *size)``: N pictures, C
channels, then the size. Argument names are those of ``torch.nn.functional``, so that a reader can
move between the two. What deep learning calls convolution is cross-correlation: the kernel is not
flipped (Goodfellow, Bengio & Courville 2016, *Deep Learning*, §9.1).

`conv2d_loops` is the definition, written as the sum it is. `conv2d` computes the same sums as one
matrix product over sliding windows and is some thousand times faster. The functions that end in
``_gradients`` or ``_gradient`` run backwards: from how a loss changes with the output of a layer to
how it changes with what the layer was given (Goodfellow, Bengio & Courville 2016, §9.5).
"""

from collections.abc import Iterable
from math import prod
from numbers import Integral
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from cnnbook.arrays import numbers_of, shortened, whole_numbers

Sizes = int | tuple[int, ...]  # one number for all axes, or one an axis
Gradients = tuple[np.ndarray, np.ndarray, np.ndarray]  # for x, weight and bias


@np.errstate(over="ignore", invalid="ignore")  # inf and NaN pass without a word, as in torch
def conv2d_loops(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> np.ndarray:
    """2-D convolution as nested loops: slow, and nothing hidden.

    Arguments, result and errors are those of :func:`conv2d`.
    """
    x, weight, bias, stride, dilation, before_after, dtype = _checked(
        x, weight, bias, stride, padding, dilation, groups, axes=2
    )
    padded = _pad(x, before_after)
    pictures, filters = len(x), len(weight)
    channels, kernel_height, kernel_width = weight.shape[1:]
    height, width = _positions(padded.shape[2:], weight.shape[2:], stride, dilation)
    result = np.zeros((pictures, filters, height, width), dtype=x.dtype)

    for n in range(pictures):
        for f in range(filters):
            first_channel = f // (filters // groups) * channels  # of the group that filter f reads
            for i in range(height):
                for j in range(width):
                    total = bias[f]
                    for c in range(channels):
                        for u in range(kernel_height):
                            for v in range(kernel_width):
                                row = i * stride[0] + u * dilation[0]
                                column = j * stride[1] + v * dilation[1]
                                pixel = padded[n, first_channel + c, row, column]
                                total += pixel * weight[f, c, u, v]
                    result[n, f, i, j] = total
    return _as_type(result, dtype)


def conv1d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> np.ndarray:
    """1-D convolution: `x` (N, C, L), `weight` (F, C // groups, K) → (N, F, L_out).

    The other arguments and the errors are those of :func:`conv2d`.
    """
    return _convolve(x, weight, bias, stride, padding, dilation, groups, axes=1)


def conv2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> np.ndarray:
    """2-D convolution, by sliding windows and one matrix product.

    x : array (N, C, H, W). Lists, arrays or tensors. Whole numbers are computed exactly, in int64
        (so uint8 pictures do not overflow), half precision in float32 and then rounded.
    weight : array (F, C // groups, KH, KW). F filters, each with one kernel a channel.
    bias : array (F,), optional. One number a filter, added to every position.
    stride, dilation : int or (int, int), at least 1. Steps, in pixels, between two windows, and
        between two cells of one window.
    padding : int, (int, int), "valid" or "same". Zeros added on both sides of each axis. "valid"
        adds none; "same" keeps H and W, needs stride 1, and puts an odd zero at the end, as torch
        does.
    groups : int. The channels and the filters are cut into this many groups that do not see each
        other.

    Returns an array (N, F, H_out, W_out), with the sizes of :func:`output_size`. Raises ValueError
    if shapes or numbers do not fit together, or a sum of whole numbers does not fit into int64.
    (Dumoulin & Visin 2016, *A guide to convolution arithmetic for deep learning*, §2.)

    >>> conv2d([[[[1, 2], [3, 4]]]], [[[[1, 0], [0, 10]]]])
    array([[[[41]]]])
    """
    return _convolve(x, weight, bias, stride, padding, dilation, groups, axes=2)


def conv3d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> np.ndarray:
    """3-D convolution: `x` (N, C, D, H, W), `weight` (F, C // groups, KD, KH, KW).

    The other arguments and the errors are those of :func:`conv2d`.
    """
    return _convolve(x, weight, bias, stride, padding, dilation, groups, axes=3)


@np.errstate(over="ignore", invalid="ignore")
def conv2d_gradients_loops(
    output_gradient: ArrayLike,
    x: ArrayLike,
    weight: ArrayLike,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Gradients:
    """The backward pass of :func:`conv2d` as nested loops: slow, and nothing hidden.

    Each product of the forward pass has two factors; each factor gets the gradient of the output
    times the other factor. Arguments, result and errors are those of :func:`conv2d_gradients`.
    """
    gradient, x, weight, stride, dilation, before_after, dtype = _checked_backward(
        output_gradient, x, weight, stride, padding, dilation, groups, axes=2
    )
    padded = _pad(x, before_after)
    filters, channels, kernel_height, kernel_width = weight.shape
    padded_gradient, weight_gradient = np.zeros_like(padded), np.zeros_like(weight)
    bias_gradient = np.zeros(filters, dtype=weight.dtype)

    for n, f, i, j in np.ndindex(gradient.shape):
        first_channel = f // (filters // groups) * channels  # of the group that filter f reads
        g = gradient[n, f, i, j]
        bias_gradient[f] += g
        for c in range(channels):
            for u in range(kernel_height):
                for v in range(kernel_width):
                    row = i * stride[0] + u * dilation[0]
                    column = j * stride[1] + v * dilation[1]
                    place = n, first_channel + c, row, column
                    padded_gradient[place] += g * weight[f, c, u, v]
                    weight_gradient[f, c, u, v] += g * padded[place]
    x_gradient = _without_padding(padded_gradient, before_after, x)
    return x_gradient.astype(dtype), weight_gradient.astype(dtype), bias_gradient.astype(dtype)


def conv1d_gradients(
    output_gradient: ArrayLike,
    x: ArrayLike,
    weight: ArrayLike,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Gradients:
    """The backward pass of :func:`conv1d`; see :func:`conv2d_gradients`."""
    return _gradients(output_gradient, x, weight, stride, padding, dilation, groups, axes=1)


def conv2d_gradients(
    output_gradient: ArrayLike,
    x: ArrayLike,
    weight: ArrayLike,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Gradients:
    """The backward pass of :func:`conv2d`: (x_gradient, weight_gradient, bias_gradient).

    output_gradient : array (N, F, H_out, W_out). How a number that depends on the output, such as
        a loss, grows with each output value.
    x, weight, stride, padding, dilation, groups : those of the forward pass

    Returns how that number grows with each value of `x` (N, C, H, W), of `weight`
    (F, C // groups, KH, KW) and of a bias (F,): what ``backward`` of torch leaves in ``.grad``.
    Whole numbers are computed as float64. Raises ValueError as :func:`conv2d` does, and if
    `output_gradient` has not the shape of the output.

    >>> x_gradient, weight_gradient, bias_gradient = conv2d_gradients(
    ...     [[[[10, 1]]]], [[[[1, 2, 3]]]], [[[[5, 7]]]]
    ... )
    >>> x_gradient.tolist(), weight_gradient.tolist(), bias_gradient.tolist()
    ([[[[50.0, 75.0, 7.0]]]], [[[[12.0, 23.0]]]], [11.0])
    """
    return _gradients(output_gradient, x, weight, stride, padding, dilation, groups, axes=2)


def conv3d_gradients(
    output_gradient: ArrayLike,
    x: ArrayLike,
    weight: ArrayLike,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Gradients:
    """The backward pass of :func:`conv3d`; see :func:`conv2d_gradients`."""
    return _gradients(output_gradient, x, weight, stride, padding, dilation, groups, axes=3)


def max_pool2d(
    x: ArrayLike,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
) -> np.ndarray:
    """The largest value of every window.

    x : array (N, C, H, W)
    kernel_size, dilation : int or (int, int), at least 1
    stride : int or (int, int), at least 1. Steps between two windows; `kernel_size` if not given,
        so that windows do not overlap.
    padding : int or (int, int). At most half of the window. What is added never wins: it counts as
        minus infinity.
    ceil_mode : bool. Keep a last window that hangs over the edge, as long as it starts inside.

    Returns an array (N, C, H_out, W_out); raises ValueError if shapes or numbers do not fit.

    >>> max_pool2d([[[[1, 2, 5], [3, 4, 6]]]], 2, ceil_mode=True)
    array([[[[4, 6]]]])
    """
    x = _array(x, "x", 4)
    plan = _pool_plan(x, kernel_size, stride, padding, dilation, ceil_mode)
    return _pool_windows(x, plan, _lowest(x), _lowest(x)).max(axis=(-2, -1))


@np.errstate(over="ignore", invalid="ignore")
def avg_pool2d(
    x: ArrayLike,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> np.ndarray:
    """The mean of every window.

    Arguments, result and errors are those of :func:`max_pool2d`, but for

    padding : int or (int, int)
        At most half of the window; zeros are added.
    count_include_pad : bool
        Whether added zeros count when the sum is divided. What hangs over the edge in `ceil_mode`
        never counts.

    >>> avg_pool2d([[[[1.0, 2.0], [3.0, 6.0]]]], 2)
    array([[[[3.]]]])
    """
    x = _array(x, "x", 4)
    dtype = x.dtype if x.dtype.kind == "f" else np.float64
    x = x.astype(np.float32 if dtype == np.float16 else dtype)
    plan = _pool_plan(x, kernel_size, stride, padding, 1, ceil_mode)
    total = _pool_windows(x, plan, 0, 0).sum(axis=(-2, -1))
    return _as_type(total / _pool_counts(x, plan, count_include_pad), dtype)


def max_pool2d_gradient(
    output_gradient: ArrayLike,
    x: ArrayLike,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
) -> np.ndarray:
    """The backward pass of :func:`max_pool2d`: each window gives its gradient to its largest cell.

    output_gradient : array (N, C, H_out, W_out)

    The other arguments are those of the forward pass. Returns an array like `x`. Of several that
    are equally large the first gets all, as in torch (and of several NaN the last). Raises
    ValueError as :func:`max_pool2d` does, and if `output_gradient` has not the shape of the output.

    >>> max_pool2d_gradient([[[[10]]]], [[[[3, 7], [7, 2]]]], 2).tolist()
    [[[[0.0, 10.0], [0.0, 0.0]]]]
    """
    x = _array(x, "x", 4)
    plan = _pool_plan(x, kernel_size, stride, padding, dilation, ceil_mode)
    windows = _pool_windows(x, plan, _lowest(x), _lowest(x))
    inside = _pool_windows(np.ones((1, 1, *x.shape[2:])), plan, 0, 0) == 1
    gradient, dtype = _gradient_like(output_gradient, windows.shape[:4], x.dtype)
    winners = (windows == windows.max(axis=(-2, -1), keepdims=True)) & inside
    size = prod(windows.shape[4:])
    cells = winners.reshape(*gradient.shape, size).argmax(axis=-1)  # the first one
    if x.dtype.kind == "f":
        unknown = np.isnan(windows).reshape(*gradient.shape, size)
        last = size - 1 - unknown[..., ::-1].argmax(axis=-1)
        cells = np.where(unknown.any(axis=-1), last, cells)
    return _spread(x, plan, lambda cell: np.where(cells == cell, gradient, 0)).astype(dtype)


@np.errstate(over="ignore", invalid="ignore")
def avg_pool2d_gradient(
    output_gradient: ArrayLike,
    x: ArrayLike,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> np.ndarray:
    """The backward pass of :func:`avg_pool2d`: each window shares its gradient among its cells.

    Arguments, result and errors are those of :func:`max_pool2d_gradient`, but for
    `count_include_pad`, which is that of the forward pass.

    >>> avg_pool2d_gradient([[[[10]]]], [[[[3, 7], [7, 2]]]], 2).tolist()
    [[[[2.5, 2.5], [2.5, 2.5]]]]
    """
    x = _array(x, "x", 4)
    plan = _pool_plan(x, kernel_size, stride, padding, 1, ceil_mode)
    counts = _pool_counts(x, plan, count_include_pad)
    gradient, dtype = _gradient_like(output_gradient, (*x.shape[:2], *counts.shape[2:]), x.dtype)
    return _spread(x, plan, lambda cell: gradient / counts).astype(dtype)


def output_size(
    size: Sizes,
    kernel_size: Sizes,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
) -> Any:
    """How many positions a window has along an axis.

    ``⌊(size + 2·padding − dilation·(kernel_size − 1) − 1) / stride⌋ + 1``.

    Each argument is an int, or a tuple with an entry an axis (then the answer is a tuple);
    `padding` may also be "valid" or "same", as in :func:`conv2d`. ValueError if a number is out of
    range or the window does not fit. (Dumoulin & Visin 2016, relationship 14.)

    >>> output_size(28, 5, stride=2)
    12
    >>> output_size((6, 8), 3, padding=(0, 1))
    (4, 8)
    """
    arguments = (size, kernel_size, stride, padding, dilation)
    lengths = {np.size(one) for one in arguments if np.ndim(one)}
    axes = max(lengths, default=1)
    size = _per_axis(size, axes, "size", 1)
    kernel_size = _per_axis(kernel_size, axes, "kernel_size", 1)
    stride = _per_axis(stride, axes, "stride", 1)
    dilation = _per_axis(dilation, axes, "dilation", 1)
    before_after = _padding(padding, kernel_size, stride, dilation)
    padded = [n + sum(both) for n, both in zip(size, before_after, strict=True)]
    result = _positions(padded, kernel_size, stride, dilation)
    return result if lengths else result[0]


def receptive_field(layers: Iterable) -> Any:
    """How many input pixels, along an axis, one value of the last layer can see.

    Returns an int, or a tuple with an entry an axis when a layer's sizes are tuples. Raises
    ValueError if a layer has no kernel size, can be read in two ways, or a number is below 1.
    (Araujo, Norris & Sim 2019, *Computing receptive fields of convolutional neural networks*.)

    layers : sequence, first layer first. Each is a kernel size, a tuple ``(kernel_size, stride)``
        or ``(kernel_size, stride, dilation)``, or a layer of torch: a convolution, a pooling, or
        one that looks at one pixel at a time (an activation, a batch norm, dropout), which changes
        nothing. An ``nn.Sequential`` counts as the layers in it.

        ``(3, 3)`` is refused, since it is read in two ways. A 3 × 3 kernel is ``3`` or
        ``((3, 3), 1)``; a kernel of 3 with a stride of 3 is ``(3, 3, 1)``. ``(2, 2)`` is the usual
        pooling, 2 × 2 with a stride of 2.

    >>> receptive_field([3, 3])
    5
    >>> receptive_field([(3, 1), (2, 2), (3, 1)])
    8
    """
    if not isinstance(layers, Iterable):
        raise ValueError(f"layers is {shortened(layers)}; it must be a list of layers")
    field, jump, several_axes = np.ones(1, int), np.ones(1, int), False
    for numbers in _layer_numbers(layers):
        axes = max(np.size(one) if np.ndim(one) else 0 for one in numbers)
        if axes and several_axes and axes != len(field):
            raise ValueError(f"a layer has {axes} axes, those before it have {len(field)}")
        several_axes = several_axes or axes > 0
        kernel_size, stride, dilation = (
            np.array(_per_axis(n, max(axes, 1), name, 1))
            for n, name in zip(numbers, ("kernel_size", "stride", "dilation"), strict=True)
        )
        field = field + (kernel_size - 1) * dilation * jump
        jump = jump * stride
    return tuple(field.tolist()) if several_axes else int(field[0])


# The rest is what the functions above share.


PIXELWISE = {f"torch.nn.modules.{name}" for name in ("activation", "batchnorm", "dropout")}


def _layer_numbers(layers):
    """(kernel_size, stride, dilation) of each of `layers`, one after the other."""
    for layer in layers:
        kinds = [kind for kind in type(layer).__mro__ if kind.__module__.startswith("torch.nn")]
        names = {kind.__name__ for kind in kinds}
        if names & {"Sequential", "ModuleList"}:
            yield from _layer_numbers(layer)
        elif kinds and (kinds[0].__module__ in PIXELWISE or "Identity" in names):
            yield 1, 1, 1
        elif kinds and not _looks_through_windows(layer, names):
            raise ValueError(
                f"layer is {shortened(layer)}; it is no convolution, pooling, activation, batch"
                " norm or dropout (of a network of your own, give the layers in order)"
            )
        elif kinds:
            stride = layer.kernel_size if layer.stride is None else layer.stride
            yield layer.kernel_size, stride, getattr(layer, "dilation", 1)
        else:
            yield _numbers_of_tuple(layer)


def _looks_through_windows(layer, names):
    upwards = any("Transpose" in n or "Unpool" in n or n == "Fold" for n in names)
    return hasattr(layer, "kernel_size") and hasattr(layer, "stride") and not upwards


def _numbers_of_tuple(layer):
    numbers = layer.tolist() if isinstance(layer, np.ndarray) else layer
    numbers = tuple(numbers) if isinstance(numbers, (tuple, list)) else (numbers,)
    whole = all(np.ndim(n) or isinstance(n, Integral) for n in numbers)
    if not whole or not 1 <= len(numbers) <= 3:
        raise ValueError(
            f"layer is {shortened(layer)}; it must be a kernel_size, a tuple (kernel_size, stride)"
            " or (kernel_size, stride, dilation), or a layer of torch"
        )
    size = numbers[0]
    if not np.ndim(size) and size > 2 and numbers == (size, size):
        raise ValueError(
            f"layer is {layer!r}: write {size} for a {size} × {size} kernel, or ({size}, {size}, 1)"
            f" for a kernel of {size} with a stride of {size}"
        )
    return (*numbers, 1, 1)[:3]


@np.errstate(over="ignore", invalid="ignore")
def _convolve(x, weight, bias, stride, padding, dilation, groups, axes):
    x, weight, bias, stride, dilation, before_after, dtype = _checked(
        x, weight, bias, stride, padding, dilation, groups, axes
    )
    windows = _windows(_pad(x, before_after), weight.shape[2:], stride, dilation)
    cells = range(-axes, 0)  # with the channels: what one output value sums over
    results = [
        np.tensordot(group_weight, group_windows, axes=((1, *cells), (1, *cells)))
        for group_weight, group_windows in zip(
            np.split(weight, groups), np.split(windows, groups, axis=1), strict=True
        )
    ]  # each (F / groups, N, *positions)
    result = np.concatenate(results) if groups > 1 else results[0]
    result += bias.reshape(-1, *[1] * (axes + 1))
    return _as_type(np.ascontiguousarray(result.swapaxes(0, 1)), dtype)  # (N, F, *positions)


@np.errstate(over="ignore", invalid="ignore")
def _gradients(output_gradient, x, weight, stride, padding, dilation, groups, axes):
    gradient, x, weight, stride, dilation, before_after, dtype = _checked_backward(
        output_gradient, x, weight, stride, padding, dilation, groups, axes
    )
    padded = _pad(x, before_after)
    padded_gradient, weight_gradient = np.zeros_like(padded), np.zeros_like(weight)
    windows, to_windows = (
        _windows(one, weight.shape[2:], stride, dilation) for one in (padded, padded_gradient)
    )  # (N, C, *positions, *kernel)
    sides = (0, *range(2, 2 + axes))  # pictures and positions
    for cell in np.ndindex(weight.shape[2:]):
        for group in range(groups):
            filters, channels = (
                slice(group * size // groups, (group + 1) * size // groups)
                for size in (len(weight), x.shape[1])
            )
            seen = (slice(None), channels, ..., *cell)  # what this cell of the kernel saw
            its_weight = weight[(filters, slice(None), *cell)]  # (F / groups, C / groups)
            to_x = np.tensordot(its_weight, gradient[:, filters], axes=(0, 1))
            to_windows[seen] += to_x.swapaxes(0, 1)  # (N, C / groups, *positions)
            weight_gradient[(filters, slice(None), *cell)] = np.tensordot(
                gradient[:, filters], windows[seen], axes=(sides, sides)
            )
    x_gradient = _without_padding(padded_gradient, before_after, x)
    bias_gradient = gradient.sum(axis=sides)
    return x_gradient.astype(dtype), weight_gradient.astype(dtype), bias_gradient.astype(dtype)


def _checked_backward(output_gradient, x, weight, stride, padding, dilation, groups, axes):
    """`_checked`, for real numbers, and the gradient of the output in front."""
    x, weight, _, stride, dilation, before_after, dtype = _checked(
        x, weight, None, stride, padding, dilation, groups, axes
    )
    padded_size = [n + sum(both) for n, both in zip(x.shape[2:], before_after, strict=True)]
    positions = _positions(padded_size, weight.shape[2:], stride, dilation)
    expected = (len(x), len(weight), *positions)
    gradient, dtype = _gradient_like(output_gradient, expected, dtype)
    x, weight = x.astype(gradient.dtype), weight.astype(gradient.dtype)
    return gradient, x, weight, stride, dilation, before_after, dtype


def _gradient_like(output_gradient, shape, other):
    """`output_gradient` as an array to compute with, and the type of the result."""
    gradient = numbers_of(output_gradient, "output_gradient")
    if gradient.shape != shape:
        raise ValueError(f"output_gradient has shape {gradient.shape}; the output has {shape}")
    real = [dtype for dtype in (gradient.dtype, other) if dtype.kind == "f"]
    dtype = np.result_type(*real) if real else np.dtype(np.float64)
    return gradient.astype(np.float32 if dtype == np.float16 else dtype), dtype


def _without_padding(padded, before_after, x):
    inner = [slice(b, b + n) for (b, _), n in zip(before_after, x.shape[2:], strict=True)]
    return padded[(slice(None), slice(None), *inner)]


def _windows(padded, kernel_size, stride, dilation):
    """Views, not copies, of every window: (N, C, *positions, *kernel_size)."""
    axes = len(kernel_size)
    spans = _spans(kernel_size, dilation)
    _positions(padded.shape[2:], kernel_size, stride, dilation)  # refuses a window that is too big
    places = tuple(range(2, 2 + axes))
    windows = sliding_window_view(padded, spans, axis=places, writeable=padded.flags.writeable)
    steps = [slice(None, None, step) for step in (*stride, *dilation)]
    return windows[(slice(None), slice(None), *steps)]


def _lowest(x):
    return -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min


def _pool_plan(x, kernel_size, stride, padding, dilation, ceil_mode):
    """The numbers of a pooling, an axis each, and what is added: as padding, and over the edge."""
    kernel_size = _per_axis(kernel_size, 2, "kernel_size", 1)
    stride = kernel_size if stride is None else _per_axis(stride, 2, "stride", 1)
    padding = _per_axis(padding, 2, "padding", 0)
    dilation = _per_axis(dilation, 2, "dilation", 1)
    spans = _spans(kernel_size, dilation)
    if any(2 * pad > span for pad, span in zip(padding, spans, strict=True)):
        raise ValueError(f"padding is {padding}; it must be at most half of the window {spans}")
    over = [(0, 0)] * 2
    if ceil_mode:
        for axis, (pad, span, step) in enumerate(zip(padding, spans, stride, strict=True)):
            size = x.shape[2 + axis] + 2 * pad
            positions = -((span - size) // step) + 1  # rounded up
            if (positions - 1) * step >= size - pad:
                positions -= 1  # it would start in the padding behind the picture
            over[axis] = (0, max((positions - 1) * step + span - size, 0))
    return kernel_size, stride, dilation, [(pad, pad) for pad in padding], over


def _pool_windows(x, plan, padding_value, over_value):
    kernel_size, stride, dilation, padding, over = plan
    padded = _pad(_pad(x, padding, padding_value), over, over_value)
    return _windows(padded, kernel_size, stride, dilation)


def _pool_counts(x, plan, count_include_pad):
    """By how many an average is divided, (1, 1, H_out, W_out)."""
    ones = np.ones((1, 1, *x.shape[2:]), dtype=x.dtype)
    return _pool_windows(ones, plan, 1 if count_include_pad else 0, 0).sum(axis=(-2, -1))


def _spread(x, plan, given):
    """What each cell of `x` gets: ``given(k)`` (N, C, H_out, W_out) of a window for its cell k."""
    kernel_size, stride, dilation, padding, over = plan
    padded = _pad(_pad(np.zeros(x.shape, given(0).dtype), padding), over)
    windows = _windows(padded, kernel_size, stride, dilation)
    for number, cell in enumerate(np.ndindex(kernel_size)):
        windows[(..., *cell)] += given(number)
    return _without_padding(padded, padding, x)


def _checked(
    x, weight, bias, stride, padding, dilation, groups, axes
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple, tuple, list, np.dtype]:
    """The arguments of a convolution as arrays to compute with and tuples, and the type of the
    result; or a ValueError."""
    x, weight = _array(x, "x", axes + 2), _array(weight, "weight", axes + 2)
    (groups,) = _per_axis(groups, 1, "groups", 1)
    filters, channels = weight.shape[:2]
    if filters % groups or x.shape[1] % groups:
        raise ValueError(
            f"groups is {groups}; it must divide the {x.shape[1]} channels of x {x.shape} "
            f"and the {filters} filters of weight {weight.shape}"
        )
    if channels != x.shape[1] // groups:
        raise ValueError(
            f"weight has shape {weight.shape}; for x of shape {x.shape} and {groups} group(s) "
            f"its second entry must be {x.shape[1] // groups}"
        )
    bias = np.zeros(filters, weight.dtype) if bias is None else numbers_of(bias, "bias")
    if bias.shape != (filters,):
        raise ValueError(f"bias has shape {bias.shape}; it must be ({filters},), one a filter")
    kernel_size = _per_axis(weight.shape[2:], axes, "kernel size", 1)
    stride = _per_axis(stride, axes, "stride", 1)
    dilation = _per_axis(dilation, axes, "dilation", 1)
    dtype = np.result_type(x, weight, bias)
    if all(array.dtype.kind != "f" for array in (x, weight, bias)):
        dtype = np.dtype(np.int64)  # also of uint64 and int64, which NumPy would join to float64
    before_after = _padding(padding, kernel_size, stride, dilation)
    computed = np.float32 if dtype == np.float16 else dtype  # half precision would lose the sums
    if dtype == np.int64:
        largest_sum = _largest(x) * _largest(weight) * prod(weight.shape[1:]) + _largest(bias)
        computed = np.int64 if largest_sum < 2**63 else object  # object: Python's, of any size
    x, weight, bias = (array.astype(computed, copy=False) for array in (x, weight, bias))
    return x, weight, bias, stride, dilation, before_after, dtype


def _largest(array):
    """The largest absolute value, as an int of Python, which cannot overflow."""
    return max(abs(int(array.min())), abs(int(array.max()))) if array.size else 0


def _as_type(result, dtype):
    """`result` in the type promised; a whole number that does not fit is refused."""
    if result.dtype == object and result.size:
        for total in (result.min(), result.max()):
            if not -(2**63) <= total < 2**63:
                raise ValueError(f"a sum is {total}, which int64 cannot hold; pass floats")
    return result.astype(dtype, copy=False)


def _array(values, name, dimensions):
    array = numbers_of(values, name)
    if array.dtype == bool:
        array = array.astype(np.int64)
    if array.ndim != dimensions:
        order = {3: "(N, C, L)", 4: "(N, C, H, W)", 5: "(N, C, D, H, W)"}[dimensions]
        raise ValueError(
            f"{name} has shape {array.shape}; it must have {dimensions} dimensions, like {order}"
        )
    if prod(array.shape[1:]) == 0:
        raise ValueError(f"{name} has shape {array.shape}; only the first entry may be 0")
    return array


def _per_axis(value, axes, name, least):
    """`value` as a tuple of `axes` ints, each at least `least`."""
    values = whole_numbers(value, least)
    if values is None or len(values) not in (1, axes):
        shape = "an int" if axes == 1 else f"an int or a tuple of {axes}"
        raise ValueError(f"{name} is {value!r}; it must be {shape}, each at least {least}")
    return values * axes if len(values) == 1 else values


def _padding(padding, kernel_size, stride, dilation):
    """Zeros before and after, an axis: [(before, after), …]."""
    if isinstance(padding, str):
        if padding == "valid":
            return [(0, 0)] * len(kernel_size)
        if padding != "same":
            raise ValueError(f'padding is {padding!r}; as a word it must be "valid" or "same"')
        if any(step != 1 for step in stride):
            raise ValueError(f'padding is "same", which needs stride 1; stride is {stride}')
        missing = [span - 1 for span in _spans(kernel_size, dilation)]
        return [(m // 2, m - m // 2) for m in missing]
    return [(pad, pad) for pad in _per_axis(padding, len(kernel_size), "padding", 0)]


def _pad(x, before_after, value=0):
    if not any(before or after for before, after in before_after):
        return x
    return np.pad(x, [(0, 0), (0, 0), *before_after], constant_values=value)


def _spans(kernel_size, dilation):
    """How far a window reaches: a dilated kernel has holes."""
    return tuple(d * (k - 1) + 1 for k, d in zip(kernel_size, dilation, strict=True))


def _positions(padded_size, kernel_size, stride, dilation):
    """How many windows fit, an axis."""
    spans = _spans(kernel_size, dilation)
    if any(span > size for span, size in zip(spans, padded_size, strict=True)):
        raise ValueError(
            f"the window spans {spans} (kernel_size {tuple(kernel_size)}, dilation "
            f"{tuple(dilation)}); it does not fit into the padded size {tuple(padded_size)}"
        )
    return tuple(
        (size - span) // step + 1
        for size, span, step in zip(padded_size, spans, stride, strict=True)
    )
