"""Run Cora many times, one thing changed at a time: cnnbook/assets/cora_run.json for chapter 5.5.

    python tools/run_cora.py              all of it, about a quarter of an hour on one thread
    python tools/run_cora.py base depth   only these; the others stay as they are

The recipe is that of Kipf and Welling (2017):
two layers with 16 units, dropout 0.5, Adam with learning rate 0.01, weight decay 5e-4 on the first
layer, 200 epochs, rows of the features divided by their sum. The accuracy is that of the weights
after the last epoch on the 1,000 test papers: nothing is chosen, not even the epoch.
"""

import json
import platform
import sys
import time

import torch
from torch import nn
from torch.nn import functional

from cnnbook.files import ASSETS, write_atomically
from cnnbook.graphs import GCN, GCNLayer, cora, normalised_adjacency

TARGET = ASSETS / "cora_run.json"
SEEDS = {"base": 100, "depth": 10, "depth_no_dropout": 10}  # 20 for all others
DEPTHS = (1, 2, 3, 4, 6, 8, 12, 16)
POWERS = (0, 1, 2, 4, 8, 16, 32, 64)


class DeepGCN(nn.Module):
    """`GCN` with any number of layers; all hidden ones have `hidden_features` units."""

    def __init__(self, in_features, hidden_features, classes, depth, dropout=0.5):
        super().__init__()
        self.dropout = dropout
        sizes = [in_features, *[hidden_features] * (depth - 1), classes]
        for place in range(depth):
            self.add_module(f"layer{place + 1}", GCNLayer(sizes[place], sizes[place + 1]))

    def forward(self, x, adjacency):
        values = functional.dropout(x.values(), self.dropout, self.training)
        x = sparse(x.indices(), values, x.shape)
        for place, layer in enumerate(self.children()):
            if place:
                x = functional.dropout(functional.relu(x), self.dropout, self.training)
            x = layer(x, adjacency)
        return x


def train(network, x, adjacency, labels, nodes, epochs=200):
    """Train on the labels of `nodes`; returns the class answered for every node, (N,)."""
    first, *others = network.children()
    optimizer = torch.optim.Adam(
        [
            {"params": first.parameters(), "weight_decay": 5e-4},
            {"params": [values for layer in others for values in layer.parameters()]},
        ],
        lr=0.01,
    )
    for _ in range(epochs):
        network.train()
        logits = network(x, adjacency)
        loss = functional.cross_entropy(logits[nodes], labels[nodes])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.inference_mode():
        return network(x, adjacency).argmax(1)


def by_row(features):
    return features / features.sum(1, keepdim=True).clamp(min=1)


def sparse(places, values, shape):
    """A sparse matrix whose `places` (2, count) are sorted already."""
    return torch.sparse_coo_tensor(places, values, shape, check_invariants=False, is_coalesced=True)


def scaled(adjacency, way):
    """The matrix of a variant, instead of the normalised adjacency matrix."""
    loops = sparse(
        torch.arange(len(adjacency)).expand(2, -1), torch.ones(len(adjacency)), adjacency.shape
    )
    if way == "no_graph":
        return loops
    edges = adjacency if way == "no_loops" else (adjacency + loops).coalesce()
    (row, column), weight = edges.indices(), edges.values()
    degree = torch.zeros(len(adjacency)).index_add(0, row, weight)
    if way == "mean":
        weight = weight / degree[row]
    if way == "no_loops":
        weight = weight / (degree[row] * degree[column]).sqrt()
    if way == "one_number":  # all by the same number, so that nothing grows
        weight = weight / largest_eigenvalue(edges)
    return sparse(edges.indices(), weight, edges.shape)  # way "sum": weights 1


def largest_eigenvalue(matrix):
    """Of a symmetric sparse matrix without negative entries, by repeated multiplication."""
    vector = torch.ones(len(matrix), 1, dtype=torch.float64)
    matrix = matrix.double()
    for _ in range(1000):
        vector = matrix @ vector
        vector = vector / vector.norm()
    return (vector.T @ (matrix @ vector)).item()


def rewired(adjacency, generator):
    """A graph in which every node keeps its degree: the ends of random pairs of edges swapped."""
    pairs = [pair for pair in adjacency.indices().T.tolist() if pair[0] < pair[1]]
    known = {frozenset(pair) for pair in pairs}
    swaps = torch.randint(len(pairs), (10 * len(pairs), 2), generator=generator)
    for first, second in swaps.tolist():
        (a, b), (c, d) = pairs[first], pairs[second]
        new = {frozenset((a, d)), frozenset((c, b))}
        if len({a, b, c, d}) == 4 and not known & new:
            known -= {frozenset((a, b)), frozenset((c, d))}
            known |= new
            pairs[first], pairs[second] = [a, d], [c, b]
    result = torch.zeros(adjacency.shape)
    for a, b in pairs:
        result[a, b] = result[b, a] = 1
    return result.to_sparse()


def random_split(labels, seed):
    """20 nodes of each class to train, 1,000 of the others to test."""
    mixed = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    by_class = [mixed[labels[mixed] == label][:20] for label in range(7)]
    nodes = torch.cat(by_class)
    others = mixed[~torch.isin(mixed, nodes)]
    return nodes, others[500:1500]


def accuracies(graph, variant, count, dropout=0.5):
    """One accuracy a seed, between 0 and 1; a `variant` may be a number of layers."""
    x = (graph.features if variant == "raw_features" else by_row(graph.features)).to_sparse()
    adjacency = normalised_adjacency(graph.adjacency)
    if variant in ("sum", "mean", "no_loops", "no_graph", "one_number"):
        adjacency = scaled(graph.adjacency, variant)
    found = []
    for seed in range(count):
        nodes, test = graph.train, graph.test
        if variant == "rewired":  # another graph for each seed
            other = rewired(graph.adjacency, torch.Generator().manual_seed(seed))
            adjacency = normalised_adjacency(other)
        if variant == "random_split":
            nodes, test = random_split(graph.labels, seed)
        torch.manual_seed(seed)
        if isinstance(variant, int):
            network = DeepGCN(1433, 16, 7, variant, dropout)
        else:
            network = GCN(1433, 16, 7, dropout=0 if variant == "no_dropout" else dropout)
        answers = train(network, x, adjacency, graph.labels, nodes)
        found.append(share_right(answers, graph.labels, test))
    return found


def depth(graph, count):
    """{number of layers: one accuracy a seed}"""
    return {layers: accuracies(graph, layers, count) for layers in DEPTHS}


def depth_no_dropout(graph, count):
    """The same without dropout."""
    return {layers: accuracies(graph, layers, count, dropout=0.0) for layers in DEPTHS}


def smoothing_one_length(graph, count):
    """As `smoothing`, each row of the averaged features divided by its length."""
    return smoothing(graph, count, one_length=True)


def smoothing(graph, count, one_length=False):
    """{K: one accuracy a seed}: features averaged over neighbours K times, then one linear layer.

    The "simple graph convolution" of Wu and others (2019), arXiv:1902.07153.
    """
    adjacency, x = normalised_adjacency(graph.adjacency), by_row(graph.features)
    found, power = {}, 0
    for wanted in POWERS:
        for _ in range(wanted - power):
            x = adjacency @ x
        power, found[wanted] = wanted, []
        rows = functional.normalize(x, dim=1) if one_length else x
        for seed in range(count):
            torch.manual_seed(seed)
            linear = nn.Linear(1433, 7)
            optimizer = torch.optim.Adam(linear.parameters(), lr=0.2, weight_decay=5e-6)
            for _ in range(100):
                logits = linear(rows[graph.train])
                loss = functional.cross_entropy(logits, graph.labels[graph.train])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            answers = linear(rows).argmax(1)
            found[wanted].append(share_right(answers, graph.labels, graph.test))
    return found


def share_right(answers, labels, nodes):
    return round((answers[nodes] == labels[nodes]).double().mean().item(), 4)


RUNS = ["base", "sum", "mean", "no_loops", "no_dropout", "raw_features", "no_graph", "rewired"]
RUNS += ["random_split", "one_number", "smoothing", "smoothing_one_length"]
RUNS += ["depth", "depth_no_dropout"]
BY_DEPTH = RUNS[-4:]


def main(chosen):
    unknown = set(chosen) - set(RUNS)
    if unknown:
        sys.exit(f"{', '.join(sorted(unknown))}: there is only {', '.join(RUNS)}")
    torch.set_num_threads(1)
    graph = cora()
    record = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.exists() else {}
    record.setdefault("runs", {})
    for name in chosen or RUNS:
        start, count = time.process_time(), SEEDS.get(name, 20)
        if name in BY_DEPTH:
            found = globals()[name](graph, count)
        else:
            found = accuracies(graph, name, count)
            record.setdefault("seconds", {})[name] = round((time.process_time() - start) / count, 2)
        record["runs"][name] = found
        record["machine"] = {
            "processor": f"{platform.machine()}, 1 thread",
            "python": platform.python_version(),
            "torch": torch.__version__.partition("+")[0],
        }
        write_atomically(TARGET, json.dumps(record, indent=1, sort_keys=True) + "\n")
        print(f"{name}: {time.process_time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
