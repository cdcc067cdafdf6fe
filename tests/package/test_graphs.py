"""The graph room: the normalised matrix and the layer against PyTorch Geometric, the two graphs,
the tool that made Cora's file and the pickles that must not run in it, the recorded runs.
"""

import copyreg
import importlib
import json
import os
import pickle

import make_cora
import numpy as np
import pytest
import run_cora
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torch_geometric.nn import GCNConv

from cnnbook import files, graphs
from cnnbook.files import DataError, digest
from cnnbook.graphs import GCN, GCNLayer, karate_club, normalised_adjacency
from cnnbook.language import set_language

pytestmark = pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")


@pytest.fixture(autouse=True)
def english():
    set_language("en")


# ---- the normalised adjacency matrix ---------------------------------------------------------


@st.composite
def weighted_graphs(draw):
    """Symmetric, with self-loops and lonely nodes, weights 0 … 4 in quarters."""
    count = draw(st.integers(1, 8))
    cells = draw(st.lists(st.integers(-10, 16), min_size=count * count, max_size=count * count))
    half = torch.tensor(cells).clamp(min=0).reshape(count, count).triu() / 4
    return half + half.triu(1).T


@settings(deadline=None, max_examples=60)
@given(weighted_graphs(), st.integers(0, 1000))
def test_the_layer_is_the_one_of_pytorch_geometric(adjacency, seed):
    """Its answers and its gradients, with every layout of the matrix."""
    torch.manual_seed(seed)
    x = torch.randn(len(adjacency), 3)
    layer, reference = GCNLayer(3, 4), GCNConv(3, 4)
    with torch.no_grad():
        layer.bias.normal_()
        reference.lin.weight.copy_(layer.weight.T)
        reference.bias.copy_(layer.bias)
    places = adjacency.nonzero().T
    expected = reference(x, places, adjacency[places[0], places[1]])
    expected.square().sum().backward()
    for layout in (torch.strided, torch.sparse_coo, torch.sparse_csr):
        given_as = adjacency if layout == torch.strided else adjacency.to_sparse(layout=layout)
        matrix = normalised_adjacency(given_as)
        assert matrix.layout == layout and matrix.dtype == torch.float32
        torch.testing.assert_close(given_as.to_dense(), adjacency, rtol=0, atol=0)  # untouched
        for features in (x, x.to_sparse()):
            layer.zero_grad()
            found = layer(features, matrix)
            found.square().sum().backward()
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
            ours = [layer.weight.grad, layer.bias.grad]
            theirs = [reference.lin.weight.grad.T, reference.bias.grad]
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


HALVES = [torch.float16, torch.bfloat16]


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float32, torch.float64, *HALVES])
def test_kinds_of_numbers(dtype):
    path = torch.tensor([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    for given_as in (path.to(dtype), path.to(dtype).to_sparse()):
        found = normalised_adjacency(given_as)
        assert found.dtype == (dtype if dtype.is_floating_point else torch.float32)
        tolerance = torch.finfo(found.dtype).eps
        assert found.to_dense()[0].tolist() == pytest.approx([1 / 2, 6**-0.5, 0], abs=tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, *HALVES])
@pytest.mark.parametrize("count, features", [(5, 1000), (60, 5), (200, 40)])
def test_matrices_that_are_symmetric_up_to_rounding_are_taken(dtype, count, features):
    x = torch.randn(count, features, generator=torch.Generator().manual_seed(0)).to(dtype)
    found = [torch.corrcoef(x).abs(), torch.exp(-torch.cdist(x.float(), x.float())).to(dtype)]
    upper = torch.rand(count, count, generator=torch.Generator().manual_seed(1)).triu().to(dtype)
    last_digit = upper.T * (1 + 2 * torch.finfo(dtype).eps)
    found += [upper + last_digit, (upper + last_digit).to_sparse()]
    for adjacency in found:
        assert normalised_adjacency(adjacency).to_dense().isfinite().all()


@pytest.mark.parametrize("count", [0, 3])
def test_a_graph_without_edges_and_one_without_nodes(count):
    empty = torch.zeros(count, count)
    sparse = (torch.sparse_coo, torch.sparse_csr, torch.sparse_csc)
    for given_as in (empty, *(empty.to_sparse(layout=layout) for layout in sparse)):
        found = normalised_adjacency(given_as)
        assert found.layout == given_as.layout and torch.equal(found.to_dense(), torch.eye(count))


REFUSED = [
    (torch.zeros(2, 3), r"shape \(2, 3\); it must be \(N, N\)"),
    (torch.zeros(3), r"shape \(3,\)"),
    (torch.tensor([[0, 1j], [1j, 0]]), "holds torch.complex64; weights must be real"),
]
REFUSED += [
    (torch.tensor([[0, weight], [weight, 0]]), f"holds {weight}; weights must be finite")
    for weight in (-1.0, float("inf"), float("nan"))
]
REFUSED += [
    (torch.tensor(cells), r"adjacency\[0, 1\] differs from adjacency\[1, 0\]")
    for cells in ([[0.0, 1], [0, 0]], [[0.0, 1], [1.001, 0]], [[0.0, 1e-3], [0, 1]])
]


@pytest.mark.parametrize("adjacency, message", REFUSED)
@pytest.mark.parametrize("form", [torch.strided, torch.sparse_coo, torch.sparse_csr])
def test_what_is_no_such_matrix_is_refused(adjacency, message, form):
    if adjacency.ndim == 2 and form != torch.strided:
        adjacency = adjacency.to_sparse(layout=form)
    with pytest.raises(ValueError, match=message):
        normalised_adjacency(adjacency)


def test_a_million_edges_stay_sparse():
    pairs = torch.randint(100_000, (2, 500_000), generator=torch.Generator().manual_seed(0))
    pairs = torch.cat([pairs, pairs.flip(0)], dim=1)[:, (pairs[0] != pairs[1]).repeat(2)]
    size = (100_000, 100_000)
    graph = torch.sparse_coo_tensor(pairs, torch.ones(pairs.shape[1]), size, check_invariants=False)
    graph = graph.coalesce()
    found = normalised_adjacency(graph)  # a dense one would take 40 GB
    assert found.is_sparse and 1_000_000 < found.values().numel() <= 1_100_000
    root = (torch.sparse.sum(graph, dim=1).to_dense() + 1).sqrt()[:, None]
    torch.testing.assert_close(found @ root, root)  # the eigenvector to the eigenvalue 1


# ---- the network -----------------------------------------------------------------------------


def test_the_network_takes_dense_and_sparse_and_drops_only_in_training():
    torch.manual_seed(0)
    x = torch.rand(34, 34) * (torch.rand(34, 34) < 0.3)
    matrix = normalised_adjacency(karate_club().adjacency)
    network = GCN(34, 6, 3).eval()
    first, second = network.layer1, network.layer2
    hidden = functional.relu(matrix @ x @ first.weight + first.bias)
    expected = matrix @ hidden @ second.weight + second.bias
    for features in (x, x.to_sparse(), x.to_sparse_csr()):
        for adjacency in (matrix, matrix.to_sparse(), matrix.to_sparse_csr()):
            torch.testing.assert_close(network(features, adjacency), expected)
    seen = []
    network.train().layer1.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    for features in (torch.ones(34, 34), torch.ones(34, 34).to_sparse()):
        assert not torch.allclose(network(features, matrix), network(features, matrix))
        values = seen[-1].to_dense()
        assert set(values.unique().tolist()) == {0.0, 2.0}
        assert values.mean().item() == pytest.approx(1, abs=0.1)
    assert sum(values.numel() for values in GCN(1433, 16, 7).parameters()) == 23_063


# ---- the two graphs --------------------------------------------------------------------------


def test_the_karate_club_is_zacharys():
    networkx = importlib.import_module("networkx")  # torch itself brings it
    reference = networkx.karate_club_graph()
    club = karate_club()
    expected = torch.tensor(networkx.to_numpy_array(reference, weight=None)).float()
    assert torch.equal(club.adjacency, expected) and torch.equal(club.features, torch.eye(34))
    sides = [reference.nodes[node]["club"] != "Mr. Hi" for node in range(34)]
    assert club.labels.tolist() == sides and sum(sides) == 17
    assert club.train.tolist() == [0, 33] and club.test.tolist() == list(range(1, 33))
    assert len(club.validation) == 0
    assert repr(club) == "Graph(34 nodes, 78 edges, 34 features)"
    distances = torch.cdist(club.places, club.places) + 99 * torch.eye(34)
    assert club.places.shape == (34, 2) and distances.min() > 8  # the drawing has room


@pytest.fixture(scope="module")
def cora():
    return graphs.cora()


def test_cora_is_the_published_one(cora, capsys):
    """SHA-256 of the numbers that PyTorch Geometric and `planetoid`, this book's former reader,
    found in the eight published files."""
    expected = {
        "features": (torch.float32, (2708, 1433), "f0faab5177bcc12f"),
        "labels": (torch.int64, (2708,), "d0018d7ffd314eb2"),
        "edges": (torch.int64, (2, 10556), "270ca66d99c4b94f"),
        "weights": (torch.float32, (10556,), "68e8753778b768c6"),
        "train": (torch.int64, (140,), "a103a53f219cde44"),
        "validation": (torch.int64, (500,), "ade6bc10376e996e"),
        "test": (torch.int64, (1000,), "16680ae981534bf8"),
    }
    found = {"edges": cora.adjacency.indices(), "weights": cora.adjacency.values(), **vars(cora)}
    for name, facts in expected.items():
        values = found[name]
        hashed = digest(values.numpy().tobytes())[:16]
        assert (values.dtype, tuple(values.shape), hashed) == facts, name
    assert repr(cora) == "Graph(2708 nodes, 5278 edges, 1433 features)"
    graphs.cora()
    assert capsys.readouterr().out == ""


def test_two_seeds_give_what_was_recorded(cora):
    """The recipe of the chapter: a changed layer, matrix, split or loop shows here."""
    found = run_cora.accuracies(cora, "base", 2)
    recorded = json.loads(files.asset("cora_run.json"))["runs"]["base"][:2]
    assert found == pytest.approx(recorded, abs=0.015)


# ---- the tool that made Cora's file: pickles must not run -------------------------------------


@pytest.mark.parametrize("name", ["allx", "test.index"])
def test_the_tool_reads_nothing_but_the_published_files(name, tmp_path):
    for other in make_cora.FILES:
        (tmp_path / f"ind.cora.{other}").write_bytes(b"")
    (tmp_path / f"ind.cora.{name}").write_bytes(attacks(tmp_path / "ran")["os.system"])
    with pytest.raises(DataError, match="is damaged and was not used"):
        make_cora.make(tmp_path, tmp_path / "made.npz")
    assert not (tmp_path / "ran").exists() and not (tmp_path / "made.npz").exists()


class Call:
    """Pickles as a call: ``function(argument)`` when opened carelessly."""

    def __init__(self, function, argument):
        self.called = function, (argument,)

    def __reduce__(self):
        return self.called


def attacks(path):
    """{name: bytes of a pickle that makes the file `path` when it is opened carelessly}"""
    command = f"open({str(path)!r}, 'w').close()"
    touch = Call(os.system, f'echo ran > "{path}"')
    inside_state = np.zeros(2, dtype=object)
    inside_state[0] = touch
    argument = b"X" + len(command).to_bytes(4, "little") + command.encode() + b"\x85R."
    copyreg.add_extension("os", "system", 240)
    by_number = pickle.dumps(touch, protocol=2)
    copyreg.remove_extension("os", "system", 240)
    return {
        "os.system": pickle.dumps(touch, protocol=2),
        "eval": pickle.dumps(Call(eval, command), protocol=2),
        "in a list in a dict": pickle.dumps({0: [1, [touch]]}, protocol=2),
        "in the state of an array": pickle.dumps(inside_state, protocol=2),
        "by extension number": by_number,
        "python 2's eval": b"\x80\x02c__builtin__\neval\n" + argument,
        "a name of ours in another module": b"\x80\x02cos\ndtype\n" + argument,
        "a dotted name": b"\x80\x04\x8c\x05numpy\x8c\x11ndarray.__class__\x93" + argument,
        "an old instance": f"(S'echo ran > {path}'\nios\nsystem\n.".encode(),
    }


NO_PICKLES = {"empty": b"", "cut": b"\x80\x02]q\x00", "text": b"no pickle"}


@pytest.mark.parametrize("name", {**attacks("x"), **NO_PICKLES})
def test_a_hostile_or_broken_pickle_does_not_run(name, tmp_path):
    content = {**attacks(tmp_path / "ran"), **NO_PICKLES}[name]
    with pytest.raises(DataError, match="ind.cora.x cannot be read"):
        make_cora.read_pickle(content, "ind.cora.x")
    assert not (tmp_path / "ran").exists()
    if name in ("os.system", "eval", "in a list in a dict"):  # these are real attacks
        pickle.loads(content)
        assert (tmp_path / "ran").exists()


# ---- the recorded run ------------------------------------------------------------------------


def test_the_variants_of_the_record_are_what_they_are_called():
    dense, loops = karate_club().adjacency, torch.eye(34)
    degree = dense.sum(1)
    for name, expected in {
        "sum": dense + loops,
        "mean": (dense + loops) / (degree + 1)[:, None],
        "no_loops": dense / (degree[:, None] * degree).sqrt(),
        "no_graph": loops,
    }.items():
        found = run_cora.scaled(dense.to_sparse(), name).to_dense()
        torch.testing.assert_close(found, expected, msg=name)


def test_rewiring_keeps_every_degree_and_changes_the_edges():
    before = karate_club().adjacency
    after = run_cora.rewired(before.to_sparse(), torch.Generator().manual_seed(0)).to_dense()
    assert torch.equal(after.sum(1), before.sum(1)) and torch.equal(after, after.T)
    assert after.diagonal().sum() == 0 and set(after.unique().tolist()) == {0, 1}
    assert (after * before).sum() < 0.5 * before.sum()


def inert(**state):
    made = make_cora.Inert()
    made.state = state
    return made


def pickled(array):
    """An array as `make_cora.read_pickle` leaves it."""
    kind = make_cora.Inert(array.dtype.str[1:])
    kind.state = (3, "<")
    made = make_cora.Inert()
    made.state = (1, array.shape, kind, False, array.tobytes().decode("latin1"))
    return made


def words_of(*papers):
    starts = np.cumsum([0, *map(len, papers)]).astype("<i4")
    return inert(indptr=pickled(starts), indices=pickled(np.concatenate(papers).astype("<i4")))


def test_the_published_files_become_the_asset_with_test_papers_in_their_places():
    """Two training papers; two test papers, whose rows the files hold in the order 3, 2."""
    parts = {
        "allx": words_of([5, 1], [7]),
        "tx": words_of([9, 8, 2], [4]),
        "ally": pickled(np.eye(3, dtype="<i4")[[0, 2]]),
        "ty": pickled(np.eye(3, dtype="<i4")[[1, 2]]),
        "graph": {0: [1, 3, 3], 1: [0, 1], 2: [], 3: [0, 2]},  # twice, and a loop
    }
    made = make_cora.compact(parts, np.array([3, 2]))
    assert made["word_counts"].tolist() == [2, 1, 1, 3]
    assert made["words"].tolist() == [1, 5, 7, 4, 2, 8, 9]
    assert made["labels"].tolist() == [0, 2, 2, 1]
    assert made["edges"].tolist() == [[0, 1], [0, 3], [2, 3]]
