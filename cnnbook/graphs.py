"""Graphs: the normalised adjacency matrix, the graph convolutional layer, and two graphs to try.

    graph = karate_club()                                # 34 people, 78 friendships
    network = GCN(34, 16, 2)
    logits = network(graph.features, normalised_adjacency(graph.adjacency))   # (34, 2)

Kipf, Welling, "Semi-supervised classification with graph convolutional networks", ICLR 2017,
arXiv:1609.02907.
"""

import io
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from cnnbook import files

# Zachary, "An information flow model for conflict and fission in small groups", Journal of
# Anthropological Research 33 (1977): who met whom outside the club, who left with the president
# (33) when it split, and places for a drawing that were chosen for this book.
FRIENDS = """0-1 0-2 0-3 0-4 0-5 0-6 0-7 0-8 0-10 0-11 0-12 0-13 0-17 0-19 0-21 0-31 1-2 1-3 1-7
1-13 1-17 1-19 1-21 1-30 2-3 2-7 2-8 2-9 2-13 2-27 2-28 2-32 3-7 3-12 3-13 4-6 4-10 5-6 5-10 5-16
6-16 8-30 8-32 8-33 9-33 13-33 14-32 14-33 15-32 15-33 18-32 18-33 19-33 20-32 20-33 22-32 22-33
23-25 23-27 23-29 23-32 23-33 24-25 24-27 24-31 25-31 26-29 26-33 27-33 28-31 28-33 29-32 29-33
30-32 30-33 31-32 31-33 32-33"""
WITH_THE_PRESIDENT = [9, 14, 15, 18, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33]
PLACES = """38-34 47-38 56-40 43-55 22-25 15-18 12-27 40-46 65-38 69-59 24-15 18-47 30-58 52-49
93-38 89-62 0-17 37-21 92-53 55-30 98-46 30-44 80-62 84-21 71-0 80-3 100-29 74-20 70-30 90-28 66-48
65-21 82-44 76-37"""


@dataclass(repr=False, eq=False)
class Graph:
    """A graph with N nodes; a part of the nodes has labels to learn from.

    Attributes
    ----------
    features : float32 (N, F), one row a node
    labels : int64 (N,), the class of each node
    adjacency : float32 (N, N), 1 where an edge is; symmetric; dense, or sparse COO
    train, validation, test : int64, the numbers of the nodes in each part
    places : float32 (N, 2) for a drawing, x to the right and y upwards, or None
    """

    features: torch.Tensor
    labels: torch.Tensor
    adjacency: torch.Tensor
    train: torch.Tensor
    validation: torch.Tensor
    test: torch.Tensor
    places: torch.Tensor | None = None

    def __repr__(self) -> str:
        edges = int(self.adjacency.sum()) // 2
        return f"Graph({len(self.labels)} nodes, {edges} edges, {self.features.shape[1]} features)"


def normalised_adjacency(adjacency: torch.Tensor) -> torch.Tensor:
    """D̃^(-1/2) Ã D̃^(-1/2): self-loops added, then each edge divided by √(its two degrees).

    Ã is `adjacency` with weight 1 on the diagonal wherever it is 0; a self-loop that is there
    keeps its weight. D̃ holds the row sums of Ã, so a node without neighbours keeps its own value.

    `adjacency` (N, N) is symmetric but for the last digits, with weights of 0 or more; dense,
    sparse COO, CSR or CSC. Whole numbers and bool become float32. Returns (N, N) in its layout.

    Raises ValueError if it is not square, not symmetric, or holds a negative, complex or
    non-finite weight.

    Reference: Kipf and Welling (2017), equation 2.
    """
    if adjacency.ndim != 2 or adjacency.shape[0] != adjacency.shape[1]:
        raise ValueError(f"adjacency has shape {tuple(adjacency.shape)}; it must be (N, N)")
    if adjacency.is_complex():
        raise ValueError(f"adjacency holds {adjacency.dtype}; weights must be real numbers")
    kind = adjacency.dtype if adjacency.is_floating_point() else torch.float32
    edges = adjacency.to_sparse_coo().coalesce()
    edges = edges.to(torch.float64 if kind == torch.float64 else torch.float32)
    (row, column), weight = edges.indices(), edges.values()
    bad = weight[~(weight.isfinite() & (weight >= 0))]
    if len(bad):
        raise ValueError(f"adjacency holds {bad[0]}; weights must be finite and 0 or more")
    _check_symmetry(edges, kind)

    loops = torch.ones(len(adjacency), dtype=weight.dtype, device=weight.device)
    loops[row[(row == column) & (weight > 0)]] = 0  # these nodes have one already
    nodes = torch.arange(len(adjacency), device=row.device)
    row, column = torch.cat([row, nodes]), torch.cat([column, nodes])
    weight = torch.cat([weight, loops])
    degree = torch.zeros_like(loops).index_add(0, row, weight)
    weight = weight / (degree[row] * degree[column]).sqrt()
    result = _sparse(torch.stack([row, column]), weight.to(kind), adjacency.shape)
    if adjacency.layout == torch.strided:
        return result.to_dense()
    return result.to_sparse(layout=adjacency.layout)


def _check_symmetry(edges: torch.Tensor, kind: torch.dtype) -> None:
    """ValueError if `edges` (sparse COO) differ from their transpose by more than rounding does:
    the last digits of a weight, and of the largest one, in their `kind` of number."""
    if not len(edges.values()):
        return
    last_digits = 8 * torch.finfo(kind).eps
    difference = (edges - edges.T).coalesce()
    size = (edges + edges.T).coalesce().values() / 2  # the same cells, in the same order
    allowed = max(1e-5, last_digits) * size + last_digits * edges.values().max()
    bad = difference.indices()[:, difference.values().abs() > allowed].T
    if len(bad):
        i, j = bad[0].tolist()
        raise ValueError(f"adjacency[{i}, {j}] differs from adjacency[{j}, {i}]; they must agree")


def _sparse(places: torch.Tensor, values: torch.Tensor, shape: tuple) -> torch.Tensor:
    return torch.sparse_coo_tensor(places, values, shape, check_invariants=False).coalesce()


class GCNLayer(nn.Module):
    """One graph convolution: multiply every node's features, then add up over the neighbours.

    ``layer(x, normalised_adjacency)``: x (N, in_features), dense or sparse, and (N, N), dense or
    sparse, to (N, out_features). There is no activation inside. Weights start as in Glorot and
    Bengio (2010), the bias at 0.
    """

    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(in_features, out_features))
        self.bias = nn.Parameter(torch.zeros(out_features))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: torch.Tensor, normalised_adjacency: torch.Tensor) -> torch.Tensor:
        messages = x @ self.weight  # (N, out_features)
        return normalised_adjacency @ messages + self.bias


class GCN(nn.Module):
    """The network of Kipf and Welling: two layers, dropout before each, ReLU between.

    ``network(x, normalised_adjacency)``: (N, in_features), dense or sparse, to logits (N, classes).
    """

    def __init__(self, in_features: int, hidden_features: int, classes: int, dropout: float = 0.5):
        super().__init__()
        self.layer1 = GCNLayer(in_features, hidden_features)
        self.layer2 = GCNLayer(hidden_features, classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, normalised_adjacency: torch.Tensor) -> torch.Tensor:
        if x.layout == torch.strided:
            x = self.dropout(x)
        else:  # zeros stay zeros: drop among the others only
            x = x.to_sparse_coo().coalesce()
            values = self.dropout(x.values())
            x = torch.sparse_coo_tensor(
                x.indices(), values, x.shape, check_invariants=False, is_coalesced=True
            )
        hidden = functional.relu(self.layer1(x, normalised_adjacency))  # (N, hidden_features)
        return self.layer2(self.dropout(hidden), normalised_adjacency)  # (N, classes)


def karate_club() -> Graph:
    """Zachary's karate club (1977): 34 members, 78 friendships, two parties after a quarrel.

    Returns a `Graph`: the features only say who a node is (the identity matrix); label 0 stayed
    with the instructor (node 0), 1 left with the president (node 33); these two are ``train``,
    the other 32 ``test``.
    """
    friends, places = (
        torch.tensor([[int(number) for number in pair.split("-")] for pair in pairs.split()])
        for pairs in (FRIENDS, PLACES)
    )
    adjacency = torch.zeros(34, 34)
    adjacency[friends[:, 0], friends[:, 1]] = 1
    labels = torch.zeros(34, dtype=torch.int64)
    labels[WITH_THE_PRESIDENT] = 1
    parts = torch.tensor([0, 33]), torch.arange(0), torch.arange(1, 33)
    return Graph(torch.eye(34), labels, adjacency + adjacency.T, *parts, places.float())


def cora() -> Graph:
    """Cora with the published Planetoid split; it ships with the book.

    2,708 papers, 5,278 citations between them (whichever way they point), 1,433 words that a
    paper holds (1) or not (0), 7 fields of research; 140 nodes to train, 500 to validate, 1,000
    to test, in the order of the published files.

    Yang, Cohen, Salakhutdinov, "Revisiting semi-supervised learning with graph embeddings", ICML
    2016, arXiv:1603.08861.

    Returns a `Graph`: ``features`` float32 (2708, 1433) of 0 and 1, ``adjacency`` sparse COO
    without self-loops. Raises files.DataError if the file is missing or was changed.
    """
    with np.load(io.BytesIO(files.asset("cora.npz"))) as packed:
        arrays = {name: torch.tensor(packed[name].astype(int)) for name in packed.files}
    papers = torch.arange(2708)
    features = torch.zeros(2708, 1433)
    features[papers.repeat_interleave(arrays["word_counts"]), arrays["words"]] = 1
    edges = arrays["edges"].T  # (2, 5278), each once
    edges = torch.cat([edges, edges.flip(0)], dim=1)  # (2, 10556), both ways
    adjacency = _sparse(edges, torch.ones(edges.shape[1]), (2708, 2708))
    train, validation, _, test = papers.split([140, 500, 1068, 1000])
    return Graph(features, arrays["labels"], adjacency, train, validation, test)
