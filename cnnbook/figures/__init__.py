"""Live figures: drawn in the page, moved by the reader, read and set from Python.

A figure is a folder: ``figure.py`` (its state), ``figure.js`` (its drawing), ``figure.css`` and
``words.json``. What all figures share is in ``figure.py``, ``figure.css`` and ``kit``.
"""

from cnnbook.figures.channel_explorer.figure import ChannelExplorer
from cnnbook.figures.convolution_explorer.figure import ConvolutionExplorer
from cnnbook.figures.cost_explorer.figure import CostExplorer
from cnnbook.figures.explanation_explorer.figure import ExplanationExplorer
from cnnbook.figures.figure import Figure, StateError
from cnnbook.figures.gradient_flow.figure import GradientFlow
from cnnbook.figures.kernel_motion.figure import KernelMotion
from cnnbook.figures.message_passing.figure import MessagePassing
from cnnbook.figures.network_explorer.figure import NetworkExplorer
from cnnbook.figures.page import fragment, page, scripts, share, styles
from cnnbook.figures.pooling_explorer.figure import PoolingExplorer
from cnnbook.figures.receptive_field.figure import ReceptiveField
from cnnbook.figures.shape_tracer.figure import ShapeTracer
from cnnbook.figures.shuffle_explorer.figure import ShuffleExplorer
from cnnbook.figures.tables import KERNELS
from cnnbook.figures.training_curve.figure import TrainingCurve
from cnnbook.figures.transfer_explorer.figure import TransferExplorer

__all__ = [
    "KERNELS",
    "ChannelExplorer",
    "ConvolutionExplorer",
    "CostExplorer",
    "ExplanationExplorer",
    "Figure",
    "GradientFlow",
    "KernelMotion",
    "MessagePassing",
    "NetworkExplorer",
    "PoolingExplorer",
    "ReceptiveField",
    "ShapeTracer",
    "ShuffleExplorer",
    "StateError",
    "TrainingCurve",
    "TransferExplorer",
    "fragment",
    "page",
    "scripts",
    "share",
    "styles",
]
