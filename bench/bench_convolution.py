"""Convolution by hand: one 28 × 28 picture, 32 kernels of 3 × 3, no padding.

"loops" is the code of the chapter, one product after the other; "sliding windows" is
`cnnbook.convolution.conv2d`; "torch" is what torch does. Each time is the shortest of several.
"""

from machine import best_seconds


def measure(seeds, quick):
    """{"rows": [{"way", "milliseconds", "times_torch"}, …]}"""
    import numpy as np
    import torch
    from torch.nn import functional

    from cnnbook.convolution import conv2d, conv2d_loops

    random = np.random.default_rng(0)
    picture = random.standard_normal((1, 1, 28, 28)).astype(np.float32)
    kernels = random.standard_normal((32, 1, 3, 3)).astype(np.float32)
    picture_there, kernels_there = torch.from_numpy(picture), torch.from_numpy(kernels)
    expected = functional.conv2d(picture_there, kernels_there).numpy()
    ways = [
        ("loops", lambda: conv2d_loops(picture, kernels), 1 if quick else 5),
        ("sliding windows", lambda: conv2d(picture, kernels), 10 if quick else 500),
        ("torch", lambda: functional.conv2d(picture_there, kernels_there), 10 if quick else 2000),
    ]
    rows = []
    with torch.inference_mode():
        for way, convolve, repeats in ways:
            if not np.allclose(convolve(), expected, atol=1e-4):
                raise AssertionError(f"{way} computes something else than torch")
            rows.append({"way": way, "milliseconds": 1000 * best_seconds(convolve, repeats)})
    for row in rows:
        row["times_torch"] = round(row["milliseconds"] / rows[-1]["milliseconds"], 2)
        row["milliseconds"] = round(row["milliseconds"], 4)
    return {"rows": rows}


def show(result):
    print(f"{'32 kernels on one picture':28}{'time':>14}{'times torch':>14}")
    for row in result["rows"]:
        print(f"{row['way']:28}{row['milliseconds']:11.3f} ms{row['times_torch']:14,.1f}")
