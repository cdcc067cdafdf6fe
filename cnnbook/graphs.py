"""Graphs: the normalised adjacency matrix, the graph convolutional layer, and two graphs to try.

    graph = karate_club()                                # 34 people, 78 friendships
    network = GCN(34, 16, 2)
    logits = network(graph.features, normalized_adjacency(graph.adjacency))   # (34, 2)

Kipf, Welling, "Semi-supervised classification with graph convolutional networks", ICLR 2017,
arXiv:1609.02907.
"""

import hashlib
import io
import os
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from cnnbook.data import CACHE, DataError, short
from cnnbook.language import text

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

# Cora as Yang, Cohen and Salakhutdinov published it with the "Planetoid" split (ICML 2016,
# arXiv:1603.08861): eight files ind.cora.NAME, the SHA-256 of each, and the names they use.
ADDRESS = "https://github.com/kimiyoung/planetoid/raw/master/data/"
# "graph" is downloaded last: where it is, all are.
FILES = {
    "x": "23cfa55d91c6f624233f5eb7b6e3f141f1bd2b2ae39608a63cf5d084bb27baab",
    "y": "94465c14eb53e04ca262198dcbb2521ee8af60fb3f3d546cd6ca24a511b0e7d1",
    "tx": "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a",
    "ty": "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad",
    "allx": "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543",
    "ally": "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71",
    "test.index": "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875",
    "graph": "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d",
}
NAMES = """numpy.ndarray numpy.dtype numpy.core.multiarray._reconstruct scipy.sparse.csr.csr_matrix
collections.defaultdict __builtin__.list""".split()


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

    def __repr__(self):
        edges = int(self.adjacency.sum()) // 2
        return f"Graph({len(self.labels)} nodes, {edges} edges, {self.features.shape[1]} features)"


def normalized_adjacency(adjacency):
    """D̃^(-1/2) Ã D̃^(-1/2): self-loops added, then each edge divided by √(its two degrees).

    Ã is `adjacency` with weight 1 on the diagonal wherever it is 0; a self-loop that is there
    keeps its weight. D̃ holds the row sums of Ã, so a node without neighbours keeps its own value.

    Parameters
    ----------
    adjacency : torch.Tensor (N, N)
        Symmetric, weights 0 or more; dense, sparse COO or sparse CSR. Whole numbers and bool
        become float32.

    Returns
    -------
    torch.Tensor (N, N)
        In the layout of `adjacency`.

    Raises
    ------
    ValueError
        If `adjacency` is not square, not symmetric, or holds a negative or non-finite weight.

    Reference: Kipf and Welling (2017), equation 2.
    """
    if adjacency.ndim != 2 or adjacency.shape[0] != adjacency.shape[1]:
        raise ValueError(f"adjacency has shape {tuple(adjacency.shape)}; it must be (N, N)")
    edges = adjacency.to_sparse_coo().coalesce()
    if not edges.is_floating_point():
        edges = edges.float()
    (row, column), weight = edges.indices(), edges.values()
    bad = weight[~(weight.isfinite() & (weight >= 0))]
    if len(bad):
        raise ValueError(f"adjacency holds {bad[0]}; weights must be finite and 0 or more")
    difference = (edges - edges.T).coalesce()
    bad = difference.indices()[:, difference.values() != 0].T
    if len(bad):
        i, j = bad[0].tolist()
        raise ValueError(f"adjacency[{i}, {j}] differs from adjacency[{j}, {i}]; they must agree")

    loops = torch.ones(len(adjacency), dtype=weight.dtype, device=weight.device)
    loops[row[(row == column) & (weight > 0)]] = 0  # these nodes have one already
    nodes = torch.arange(len(adjacency), device=row.device)
    row, column = torch.cat([row, nodes]), torch.cat([column, nodes])
    weight = torch.cat([weight, loops])
    degree = torch.zeros_like(loops).index_add(0, row, weight)
    weight = weight / (degree[row] * degree[column]).sqrt()
    result = _sparse(torch.stack([row, column]), weight, adjacency.shape)
    if adjacency.layout == torch.sparse_csr:
        return result.to_sparse_csr()
    return result.to_dense() if adjacency.layout == torch.strided else result


def _sparse(places, values, shape):
    return torch.sparse_coo_tensor(places, values, shape, check_invariants=False).coalesce()


class GCNLayer(nn.Module):
    """One graph convolution: multiply every node's features, then add up over the neighbours.

    ``layer(x, normalized_adjacency)``: x (N, in_features), dense or sparse, and (N, N), dense or
    sparse, to (N, out_features). There is no activation inside. Weights start as in Glorot and
    Bengio (2010), the bias at 0.
    """

    def __init__(self, in_features, out_features):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(in_features, out_features))
        self.bias = nn.Parameter(torch.zeros(out_features))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, normalized_adjacency):
        messages = x @ self.weight  # (N, out_features)
        return normalized_adjacency @ messages + self.bias


class GCN(nn.Module):
    """The network of Kipf and Welling: two layers, dropout before each, ReLU between.

    ``network(x, normalized_adjacency)``: (N, in_features), dense or sparse, to logits (N, classes).
    """

    def __init__(self, in_features, hidden_features, classes, dropout=0.5):
        super().__init__()
        self.layer1 = GCNLayer(in_features, hidden_features)
        self.layer2 = GCNLayer(hidden_features, classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, normalized_adjacency):
        if x.layout == torch.strided:
            x = self.dropout(x)
        else:  # zeros stay zeros: drop among the others only
            x = x.to_sparse_coo().coalesce()
            values = self.dropout(x.values())
            facts = {"check_invariants": False, "is_coalesced": True}
            x = torch.sparse_coo_tensor(x.indices(), values, x.shape, **facts)
        hidden = functional.relu(self.layer1(x, normalized_adjacency))  # (N, hidden_features)
        return self.layer2(self.dropout(hidden), normalized_adjacency)  # (N, classes)


def karate_club():
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


def planetoid(root=None, name="cora", download=True):
    """Load Cora with the published Planetoid split, and print where it came from.

    2,708 papers, 5,278 citations between them (whichever way they point), 1,433 words that a
    paper holds (1) or not (0), 7 fields of research; 140 nodes to train, 500 to validate, 1,000
    to test, in the order of the published files.

    Parameters
    ----------
    root : path, optional
        The folder with the eight files ``ind.cora.*`` (or with a subfolder ``planetoid`` that has
        them). Without it: the folder ``$CNNBOOK_DATA``, then the book's cache folder; then they
        are downloaded (0.6 MB) into the cache folder.
    name : "cora"
    download : bool
        May they be downloaded?

    Returns
    -------
    Graph
        ``features`` float32 (2708, 1433) of 0 and 1, ``adjacency`` sparse COO without self-loops.

    Raises
    ------
    ValueError
        If `name` is another one.
    DataError
        If a file is missing, or is not, byte for byte, the published one. The files are pickles,
        which can run programs: the hash is compared before one is read, and what reads them
        (`read_pickle`) calls nothing that a file names.
    """
    if name != "cora":
        raise ValueError(f'name is {name!r}; it must be "cora"')
    folder = _folder(root, download)
    content = {suffix: _checked(folder / f"ind.cora.{suffix}", FILES[suffix]) for suffix in FILES}
    order = np.array(content.pop("test.index").split(), dtype=int)
    parts = {suffix: read_pickle(raw, suffix) for suffix, raw in content.items()}

    features = np.vstack([_dense(parts["allx"]), _dense(parts["tx"])])
    one_hot = np.vstack([_array(parts["ally"]), _array(parts["ty"])])
    place = np.arange(len(features))
    place[order] = place[-len(order) :].copy()  # the rows of the test papers are mixed
    pairs = [(node, other) for node, others in parts["graph"].items() for other in others]
    edges = torch.tensor([pair for pair in pairs if pair[0] != pair[1]]).T
    edges = torch.cat([edges, edges.flip(0)], dim=1).unique(dim=1)
    adjacency = _sparse(edges, torch.ones(edges.shape[1]), (len(place), len(place)))
    papers = torch.arange(len(place))
    train, validation, _ = papers.split([140, 500, len(place) - 640])
    test = torch.from_numpy(np.sort(order))
    print(text("graphs.loaded", nodes=len(place), edges=edges.shape[1] // 2, source=short(folder)))
    labels = torch.from_numpy(one_hot[place].argmax(axis=1))
    return Graph(torch.from_numpy(features[place]), labels, adjacency, train, validation, test)


class _Stand(dict):
    """Stands for everything that a pickle names: keeps what it is given, and runs nothing."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __setstate__(self, state):
        self.state = state


class _Reader(pickle.Unpickler):
    def find_class(self, module, name):
        if f"{module}.{name}" not in NAMES:
            raise pickle.UnpicklingError(text("graphs.hostile", name=f"{module}.{name}"))
        return _Stand


def read_pickle(content, name):
    """Read the bytes of a Planetoid pickle without running anything that it names.

    Returns lists, dicts, and inert stand-ins for arrays and matrices. Raises DataError if the
    pickle names what those files do not use, or cannot be read; `name` is for the message.
    """
    try:
        return _Reader(io.BytesIO(content), encoding="latin1").load()
    except Exception as error:
        raise DataError(text("graphs.unreadable", file=name, error=error)) from None


def _array(stand):
    """The NumPy array whose parts a stand-in keeps."""
    _, shape, kind, by_column, content = stand.state
    numbers = np.frombuffer(content.encode("latin1"), kind.state[1] + kind.arguments[0])
    return numbers.reshape(shape, order="F" if by_column else "C")


def _dense(stand):
    """The dense matrix of a stand-in for SciPy's csr_matrix: the columns and values of row i lie
    between places indptr[i] and indptr[i + 1]."""
    start, column = _array(stand.state["indptr"]), _array(stand.state["indices"])
    matrix = np.zeros(stand.state["_shape"], dtype=np.float32)
    matrix[np.repeat(np.arange(len(matrix)), np.diff(start)), column] = _array(stand.state["data"])
    return matrix


def _checked(path, digest):
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(text("graphs.unreadable", file=path, error=error)) from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise DataError(text("graphs.wrong_hash", file=path))
    return content


def _folder(root, download):
    """The folder that holds the files; without any, they are downloaded."""
    given = Path(root or os.environ.get("CNNBOOK_DATA") or CACHE).expanduser()
    roads = [given, given / "planetoid"] + ([] if root else [CACHE / "planetoid"])
    for folder in roads:
        if (folder / "ind.cora.graph").exists():
            return folder
    if root or not download:
        raise DataError(text("graphs.missing", folders=", ".join(map(str, roads))))
    import pooch

    print(text("graphs.downloading", folder=short(folder)), flush=True)
    pooch.get_logger().setLevel("ERROR")  # it would repeat on stderr what is printed here
    try:
        for suffix, digest in FILES.items():
            file = f"ind.cora.{suffix}"
            pooch.retrieve(ADDRESS + file, f"sha256:{digest}", file, folder)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise DataError(text("graphs.no_network", error=reason, folder=folder)) from None
    return folder
