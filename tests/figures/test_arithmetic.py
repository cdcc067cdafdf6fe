"""The sums in the page and the sums in Python are the same sums."""

import numpy as np

from cnnbook.convolution import conv2d
from cnnbook.figures import ConvolutionExplorer


def random_cases(count):
    random = np.random.default_rng(0)
    for _ in range(count):
        stride, padding, dilation = random.integers([1, 0, 1], [5, 4, 4])
        kernel = random.integers(-9, 10, size=random.integers(1, 6, size=2))
        least = dilation * (np.array(kernel.shape) - 1) + 1 - 2 * padding
        height, width = np.maximum(1, least) + random.integers(0, 8, size=2)
        image = random.integers(-255, 256, size=(height, width))
        yield image, kernel, int(stride), int(padding), int(dilation)


def test_javascript_convolves_as_numpy_does(open_figure):
    page = open_figure(ConvolutionExplorer())
    cases = list(random_cases(300))
    arguments = [[image.tolist(), kernel.tolist(), *rest] for image, kernel, *rest in cases]
    answers = page.evaluate(
        "(cases) => cases.map((c) => cnnbookFigures.convolution_explorer.convolve(...c))",
        arguments,
    )
    for (image, kernel, stride, padding, dilation), answer in zip(cases, answers, strict=True):
        expected = conv2d(
            image[None, None].astype(float),
            kernel[None, None].astype(float),
            stride=stride,
            padding=padding,
            dilation=dilation,
        )[0, 0]
        assert np.array_equal(answer, expected), (image.shape, kernel.shape, stride, padding)


def test_a_kernel_that_does_not_fit_has_no_output(open_figure):
    page = open_figure(ConvolutionExplorer())
    call = "cnnbookFigures.convolution_explorer.convolve([[1, 2]], [[1], [1]], 1, 0, 1)"
    assert page.evaluate(call) == []
