"""Convolution by hand: one 28 × 28 picture, 32 kernels of 3 × 3, no padding.

"loops" is the code of the chapter, one product after the other; "sliding windows" is
`cnnbook.convolution.conv2d`; "torch" is what torch does. Each time is the shortest of several.
"""

import numpy as np
import torch
from record import best_seconds
from torch.nn import functional

from cnnbook.convolution import conv2d, conv2d_loops


def measure(seeds, quick):
    """{"rows": [{"way", "milliseconds", "times_torch"}, …]}"""
    random = np.random.default_rng(0)
    picture = random.standard_normal((1, 1, 28, 28)).astype(np.float32)
    kernels = random.standard_normal((32, 1, 3, 3)).astype(np.float32)
    tensors = torch.from_numpy(picture), torch.from_numpy(kernels)
    expected = functional.conv2d(*tensors).numpy()
    ways = [
        ("loops", lambda: conv2d_loops(picture, kernels), 5),
        ("sliding windows", lambda: conv2d(picture, kernels), 500),
        ("torch", lambda: functional.conv2d(*tensors), 2000),
    ]
    times = {}
    with torch.inference_mode():
        for way, convolve, repeats in ways:
            if not np.allclose(convolve(), expected, atol=1e-4):
                raise AssertionError(f"{way} computes something else than torch")
            times[way] = 1000 * best_seconds(convolve, repeats // 50 + 1 if quick else repeats)
    rows = [
        {"way": way, "milliseconds": round(time, 4), "times_torch": round(time / times["torch"], 2)}
        for way, time in times.items()
    ]
    return {"rows": rows}
