"""One figure of each class, and what it promises its reader: the contract's table.

`keys`: where the focus is, then each key with the traits it leaves.
`points`: what is pressed or dragged over which part, in shares of it, and the traits it leaves.
`changes`: states that Python may set and the page shows.
`plays`: Space on the board starts and stops it.
"""

import numpy as np
import torch

from cnnbook import figures
from cnnbook.data import fashion_mnist
from cnnbook.figures import Figure
from cnnbook.figures.tables import to_rows
from cnnbook.graphs import GCN, karate_club

LARGE = np.arange(28 * 28).reshape(28, 28) % 256
SMALL = np.arange(36).reshape(6, 6) % 7
SPOT = np.zeros((12, 20), int)
SPOT[2:9, 8:12] = 1 + np.arange(28).reshape(7, 4)
POINTS = [[0.5 * k, 2.0 / k, 1 - 1 / (k + 1), 0.1 / k] for k in range(1, 9)]
LAYER = {"kind": "convolution", "kernel": 3, "stride": 1, "padding": 0, "dilation": 1}
VALIDATION = [[1.0, 0.9, 0.6], [2.0, 0.6, 0.8], [3.0, 0.7, 0.75], [4.0, 0.8, 0.7]]


def message_passing():
    torch.manual_seed(1)
    snapshots = {10 * k: GCN(34, 3, 2).state_dict() for k in range(3)}
    return figures.MessagePassing(karate_club(), snapshots)


def shuffle_explorer(**state):
    accuracies = {"dense": [0.9] * 6, "convolution": [0.8] * 6}
    state |= {"shifted": accuracies, "mixed": {"dense": 0.9, "convolution": 0.5}}
    return figures.ShuffleExplorer(SPOT, SPOT[::-1] - 9, window=(2, 8), **state)


ROWS = "; ".join(["1 0 2 0 3 0"] * 6)
EXAMPLES = {
    "channel_explorer": {
        "make": lambda: figures.ChannelExplorer(position=(1, 2)),
        "keys": (".chan-boards", [
            ("Home", {"position": [0, 0]}), ("ArrowRight", {"position": [0, 1]}),
            ("ArrowDown", {"position": [1, 1]}), ("ArrowLeft", {"position": [1, 0]}),
            ("Escape", {"position": [1, 0]}), ("End", {"position": [3, 3]}),
            ("Home", {"position": [0, 0]}),
        ]),
        "plays": "position",
        "points": [
            ("hover", ".chan-output .chan-grid", [(0.9, 0.1)], {"position": [0, 3]}),
            ("mouse", ".chan-boards > :nth-child(4) canvas", [(0.6, 0.4)], {"position": [1, 2]}),
            ("touch", ".chan-boards > :nth-child(9) canvas", [(0.4, 0.9)], {"position": [3, 1]}),
        ],
        "changes": [
            {"chosen": 2, "position": [3, 3]}, {"biases": [0, 0, -2.5, 1]},
            {"image": [ROWS, ROWS, ROWS]}, {"chosen": 0},
            {"filters": [["1 2 3; 4 5 6; 7 8 9", *["0 0 0; 0 1 0; 0 0 0"] * 2]] * 4},
        ],
    },
    "convolution_explorer": {
        "make": lambda: figures.ConvolutionExplorer(position=(1, 2), pictures={"other": SMALL}),
        "keys": (".output .board", [
            ("Home", {"position": [0, 0]}), ("ArrowRight", {"position": [0, 1]}),
            ("ArrowDown", {"position": [1, 1]}),
            ("ArrowLeft", {"position": [1, 0]}), ("ArrowUp", {"position": [0, 0]}),
            ("ArrowUp", {"position": [0, 0]}), ("End", {"position": [3, 3]}),
            ("Escape", {"position": [3, 3]}), ("Home", {"position": [0, 0]}),
        ]),
        "plays": "position",
        "points": [
            ("hover", ".output .grid", [(0.9, 0.1)], {"position": [0, 3]}),
            ("mouse", ".input .grid", [(0.6, 0.4)], {"position": [1, 2]}),
            ("touch", ".output .grid", [(0.4, 0.9)], {"position": [3, 1]}),
        ],
        "changes": [
            {"kernel": "1 0 -1; 2 0 -2; 1 0 -1"}, {"stride": 3, "padding": 2}, {"dilation": 2},
            {"kernel": "1 2; 3 4", "position": [1, 1]}, {"padding": 0},
            {"kernel": "1 2 0 4; 5 6 7 8; 9 8 7 6; 5 4 3 2", "dilation": 1, "stride": 1},
            {"kernel": "; ".join(["1 2 3 4 5"] * 5), "position": [0, 1]},
            {"image": "1 2 3 4 5; 2 3 4 5 6; 3 4 5 6 7; 4 5 6 7 8"}, {"image": "1 2; 3 4"},
            {"image": to_rows(LARGE), "kernel": "1 2", "position": [27, 26]},
        ],
    },
    "cost_explorer": {
        "make": lambda: figures.CostExplorer(filters1=24),
        "keys": (".cost-name[tabindex='0']", [
            ("ArrowDown", {"layer": "pool1"}), ("ArrowDown", {"layer": "conv2"}),
            ("ArrowUp", {"layer": "pool1"}), ("End", {"layer": "fc2"}),
            ("Escape", {"layer": "fc2"}), ("Home", {"layer": "conv1"}),
        ]),
        "points": [
            (kind, "tbody tr:nth-child(3) .cost-bytes", [(0.5, 0.5)], {"layer": "conv2"})
            for kind in ("mouse", "touch")
        ],
        "changes": [{"layer": "pool2"}, {"pool2": False}, {"filters1": 8}, {"pool1": False},
                    {"hidden": 0, "batch": 1}, {"layer": "fc2"}],
    },
    "explanation_explorer": {
        "make": lambda: figures.ExplanationExplorer(view="patch", position=[14, 14]),
        "keys": (".xai-paper", [
            ("ArrowRight", {"position": [14, 15]}), ("ArrowDown", {"position": [15, 15]}),
            ("Shift+ArrowLeft", {"position": [15, 11]}), ("ArrowUp", {"position": [14, 11]}),
            ("Escape", {"position": [14, 11]}),
        ]),
        "points": [
            (kind, ".xai-paper", [(0.1, 0.1), (0.5, 0.5), (0.52, 0.77)], {"position": [21, 14]})
            for kind in ("mouse", "touch")
        ],
        "changes": [
            {"view": "saliency"}, {"view": "maps", "layer": "pool2", "channel": 1},
            {"view": "gradient_input", "target": 6}, {"position": [5, 5]},
            {"view": "patch", "size": 9, "cover": "white"},
        ],
    },
    "gradient_flow": {
        "make": lambda: figures.GradientFlow(SMALL[:4, :4], position=(0, 1)),
        "keys": (".flow-output .flow-board", [
            ("Home", {"position": [0, 0]}), ("ArrowRight", {"position": [0, 1]}),
            ("ArrowDown", {"position": [1, 1]}), ("ArrowLeft", {"position": [1, 0]}),
            ("Escape", {"position": [1, 0]}), ("End", {"position": [2, 2]}),
            ("Home", {"position": [0, 0]}),
        ]),
        "plays": "position",
        "points": [
            ("hover", ".flow-output .flow-grid", [(0.9, 0.1)], {"position": [0, 2]}),
            ("mouse", ".flow-input .flow-grid", [(0.1, 0.9)], {"position": [2, 0]}),
            ("touch", ".flow-output .flow-grid", [(0.9, 0.9)], {"position": [2, 2]}),
        ],
        "changes": [{"collect": True, "position": [1, 1]}, {"kernel": "1 0; 0 -1"},
                    {"image": "9 8 7 0; 6 5 4 0; 3 2 1 0; 1 1 1 1"},
                    {"upstream": "0 0.5 1; -2 1 0; 0 0 3"}],
    },
    "kernel_motion": {
        "make": lambda: figures.KernelMotion(directions=2, position=(0, 1, 1)),
        "keys": (".motion-boards", [
            ("Home", {"position": [0, 0, 0]}), ("ArrowRight", {"position": [0, 0, 1]}),
            ("ArrowDown", {"position": [0, 1, 1]}),
            ("PageDown", {"position": [0, 1, 1]}), ("ArrowLeft", {"position": [0, 1, 0]}),
            ("Escape", {"position": [0, 1, 0]}), ("Home", {"position": [0, 0, 0]}),
        ]),
        "plays": "position",
        "points": [
            (kind, ".motion-output [data-place='0,1,1']", [(0.5, 0.5)], {"position": [0, 1, 1]})
            for kind in ("mouse", "touch")
        ],
        "changes": [{"directions": 3, "position": [0, 0, 1]}, {"channels": 2},
                    {"directions": 1, "position": [0, 0, 1]},
                    {"directions": 3, "channels": 1, "position": [0, 0, 1]}],
    },
    "message_passing": {
        "make": message_passing,
        "keys": (".message-board", [
            ("ArrowRight", {"node": 1}), ("ArrowLeft", {"node": 0}), ("ArrowLeft", {"node": 33}),
            ("ArrowDown", {"layers": 0}), ("ArrowUp", {"layers": 1}), ("Escape", {"node": 33}),
            ("Home", {"node": 0}), ("End", {"node": 33}),
        ]),
        "points": [
            (kind, ".message-board [data-node='5']", [(0.5, 0.5)], {"node": 5})
            for kind in ("hover", "mouse", "touch")
        ],
        "changes": [{"node": 3}, {"edges": [[0, 1], [1, 2]]}, {"layers": 2}, {"snapshot": 1},
                    {"node": 33}],
    },
    "network_explorer": {
        "make": lambda: figures.NetworkExplorer(layer="pool1", position=(2, 3, 3)),
        "keys": (".net-pool1 .net-board", [
            ("ArrowRight", {"position": [2, 3, 4]}), ("ArrowDown", {"position": [2, 4, 4]}),
            ("Shift+ArrowRight", {"position": [3, 4, 4]}), ("Escape", {"position": [3, 4, 4]}),
            ("Enter", {"layer": "conv1"}), ("Backspace", {"layer": "pool1"}),
        ]),
        "points": [
            *((kind, ".net-pool1 .net-map:nth-child(3)", [(0.9, 0.04)], {"position": [2, 0, 12]})
              for kind in ("mouse", "touch")),
            *((kind, ".net-input .net-map", [(0.2, 0.2), (0.8, 0.8)], {"label": None})
              for kind in ("mouse", "touch")),
        ],
        "changes": [{"layer": "conv1", "position": [1, 4, 4]}, {"label": None},
                    {"layer": "logits", "position": [2, 0, 0]}],
    },
    "pooling_explorer": {
        "make": lambda: figures.PoolingExplorer(position=(1, 1), pictures={"other": SMALL}),
        "keys": (".pool-output .pool-board", [
            ("Home", {"position": [0, 0]}), ("ArrowRight", {"position": [0, 1]}),
            ("ArrowDown", {"position": [1, 1]}),
            ("ArrowLeft", {"position": [1, 0]}), ("ArrowUp", {"position": [0, 0]}),
            ("End", {"position": [2, 2]}), ("Escape", {"position": [2, 2]}),
            ("Home", {"position": [0, 0]}),
        ]),
        "plays": "position",
        "points": [
            ("hover", ".pool-output .pool-grid", [(0.9, 0.1)], {"position": [0, 2]}),
            ("mouse", ".pool-input .pool-grid", [(0.6, 0.4)], {"position": [1, 1]}),
            ("touch", ".pool-output .pool-grid", [(0.4, 0.9)], {"position": [2, 1]}),
        ],
        "changes": [{"kind": "average"}, {"stride": 1, "position": [2, 2]}, {"shift": [1, -1]},
                    {"gradient": True}, {"ceil": True, "window": 3, "stride": 2},
                    {"image": to_rows(LARGE), "position": [13, 13]},
                    {"image": "; ".join(["0 1 2 3"] * 4)}, {"window": 2, "position": [0, 1]}],
    },
    "receptive_field": {
        "make": lambda: figures.ReceptiveField(position=(1, 2)),
        "keys": (".field-maps", [
            ("Home", {"position": [0, 0]}), ("ArrowRight", {"position": [0, 1]}),
            ("ArrowDown", {"position": [1, 1]}), ("ArrowLeft", {"position": [1, 0]}),
            ("Enter", {"level": 2, "position": [2, 1]}), ("Escape", {"level": 2}),
            ("Backspace", {"level": 3, "position": [1, 0]}), ("End", {"position": [6, 6]}),
        ]),
        "points": [
            (kind, ".field-map:nth-child(2) .field-grid", [(0.5, 0.5), (0.01, 0.99)],
             {"level": 1, "position": [17, 0]})
            for kind in ("mouse", "touch")
        ],
        "changes": [
            {"level": 0, "position": [5, 5]}, {"size": 24},
            {"layers": [LAYER | {"dilation": 2}], "level": 1, "position": [3, 3]},
            {"layers": [LAYER, LAYER | {"padding": 1}, LAYER | {"kind": "pooling", "stride": 2}]},
            {"level": 3, "position": [0, 0]},
            {"layers": [LAYER] * 5, "level": 5, "position": [2, 2]},
        ],
    },
    "shape_tracer": {
        "make": lambda: figures.ShapeTracer(place=3, known=[0]),
        "keys": (".shape-tile[tabindex='0']", [
            ("Home", {"place": 0}), ("ArrowRight", {"place": 1}), ("ArrowDown", {"place": 2}),
            ("ArrowLeft", {"place": 1}), ("End", {"place": 11}), ("Escape", {"place": 11}),
        ]),
        "points": [
            (kind, ".shape-tile:nth-child(4)", [(0.5, 0.5)], {"place": 2})
            for kind in ("mouse", "touch")
        ],
        "changes": [{"known": [0, 11]}, {"place": 11}, {"known": [3]}, {"place": 7},
                    {"known": list(range(12))}],
    },
    "shuffle_explorer": {
        "make": shuffle_explorer,
        "keys": (".shuffle-moves", [
            ("End", {"shift": 5}), ("ArrowRight", {"shift": 5}), ("Home", {"shift": 0}),
            ("ArrowRight", {"shift": 1}), ("Space", {"shuffled": True}),
            ("Escape", {"shift": 1}), ("Home", {"shift": 0, "shuffled": False}),
            ("ArrowLeft", {"shift": -1}),
        ]),
        "points": [
            (kind, ".shuffle-moves", [(0.4, 0.5), (0.5, 0.5), (0.56, 0.5)], {"shift": 3})
            for kind in ("mouse", "touch")
        ],
        "changes": [{"shuffled": True}, {"shift": 5}, {"window": [0, 0]}, {"shift": -2}],
    },
    "training_curve": {
        "make": lambda: figures.TrainingCurve(
            points=POINTS, validation=VALIDATION, total=4.0, kept=2.0
        ),
        "keys": (".curve-panel", [
            ("Home", {"position": 0}), ("ArrowRight", {"position": 1}),
            ("ArrowUp", {"position": 2}), ("ArrowLeft", {"position": 1}),
            ("End", {"position": 7}), ("Escape", {"position": 7}), ("ArrowDown", {"position": 6}),
        ]),
        "points": [
            (kind, ".curve-panel svg", [(0.5, 0.5), (0.6, 0.5), (0.97, 0.5)], {"position": 7})
            for kind in ("mouse", "touch")
        ],
        "changes": [{"position": 2}, {"points": POINTS[:3]}, {"validation": []}, {"total": 8.0},
                    {"position": 1}, {"running": True}],
    },
    "transfer_explorer": {
        "make": lambda: figures.TransferExplorer(fashion_mnist("mini")),
        "keys": (".transfer-chart", [
            ("ArrowRight", {"place": 1}), ("End", {"place": 3}), ("Escape", {"place": 3}),
            ("ArrowLeft", {"place": 2}), ("Home", {"place": 0}),
        ]),
        "points": [
            (kind, ".transfer-chart svg", [(0.97, 0.5)], {"place": 3})
            for kind in ("mouse", "touch")
        ],
        "changes": [{"place": 3}, {"query": 4}],
    },
}  # fmt: skip


def all_figures():
    """The classes of live figures that the package has, by name."""
    kinds = [kind for kind in vars(figures).values() if isinstance(kind, type)]
    return {k.name: k for k in kinds if issubclass(k, Figure) and k is not Figure}
