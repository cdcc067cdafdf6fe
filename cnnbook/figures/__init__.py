"""Live figures: drawn in the page, moved by the reader, read and set from Python.

A figure is one ``NAME.py`` (its state), one ``NAME.js`` (its drawing) and, where it needs one, a
``NAME.css``. What all figures share is in ``figure.py``, ``kit.js`` and ``figure.css``.
"""

from cnnbook.figures.convolution_explorer import ConvolutionExplorer
from cnnbook.figures.cost_explorer import CostExplorer
from cnnbook.figures.explanation_explorer import ExplanationExplorer
from cnnbook.figures.figure import Figure, StateError, fragment, page, scripts, styles
from cnnbook.figures.kernel_motion import KernelMotion
from cnnbook.figures.message_passing import MessagePassing
from cnnbook.figures.network_explorer import NetworkExplorer
from cnnbook.figures.pooling_explorer import PoolingExplorer
from cnnbook.figures.shape_tracer import ShapeTracer
from cnnbook.figures.shuffle_explorer import ShuffleExplorer
from cnnbook.figures.tables import KERNELS
from cnnbook.figures.training_curve import TrainingCurve
from cnnbook.figures.transfer_explorer import TransferExplorer

__all__ = [
    "KERNELS",
    "ConvolutionExplorer",
    "CostExplorer",
    "ExplanationExplorer",
    "Figure",
    "KernelMotion",
    "MessagePassing",
    "NetworkExplorer",
    "PoolingExplorer",
    "ShapeTracer",
    "ShuffleExplorer",
    "StateError",
    "TrainingCurve",
    "TransferExplorer",
    "fragment",
    "page",
    "scripts",
    "styles",
]
