"""cnnbook: the helper package of an interactive textbook on convolutional neural networks.

``import cnnbook`` is cheap: it loads neither torch nor matplotlib. Each room of the house
(`cnnbook.convolution`, `cnnbook.data`, `cnnbook.models`, …) loads what it needs when it is
imported.
"""

__version__ = "0.1.0"


def setup(language: str = "ko", *, seed=0, threads=None) -> None:
    """Make this notebook ready; see :func:`cnnbook.environment.setup`."""
    from cnnbook import environment

    environment.setup(language, seed=seed, threads=threads)
