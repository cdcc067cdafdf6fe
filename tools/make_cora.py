"""Make cnnbook/assets/cora.npz from the published files of Cora with the Planetoid split.

    python tools/make_cora.py FOLDER        the folder with the files ind.cora.*

Source: https://github.com/kimiyoung/planetoid/raw/master/data/ (Yang, Cohen, Salakhutdinov 2016,
arXiv:1603.08861; MIT licence). All files but one are pickles, which can run programs: the SHA-256
of each is compared before it is read, and what reads it calls nothing that it names.

The result is the same to the bit every time: ``word_counts`` uint8 (2708,), how many of the words
each paper holds; ``words`` uint16 (49216,), the numbers of these words, paper after paper;
``edges`` uint16 (5278, 2), the smaller node first; ``labels`` uint8 (2708,). The papers are in the
order of the Planetoid split: 140 to train, 500 to validate, 1,068 others, 1,000 to test.
"""

import io
import pickle
from pathlib import Path

import numpy as np
from assets import only_argument, report, write_npz

from cnnbook.files import ASSETS, DataError, read

FILES = {
    "allx": "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543",
    "tx": "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a",
    "ally": "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71",
    "ty": "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad",
    "graph": "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d",
    "test.index": "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875",
}
# All that the pickles name.
NAMES = {
    "numpy.ndarray",
    "numpy.dtype",
    "numpy.core.multiarray._reconstruct",
    "scipy.sparse.csr.csr_matrix",
    "collections.defaultdict",
    "__builtin__.list",
}


class Inert(dict):
    """Takes the place of everything that a pickle names: keeps what it is given, runs nothing."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __setstate__(self, state):
        self.state = state


class RestrictedUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if f"{module}.{name}" not in NAMES:
            raise pickle.UnpicklingError(f"it wants to call {module}.{name}; nothing was run")
        return Inert


def read_pickle(content, name):
    """Read the bytes of a Planetoid pickle without running anything that it names.

    Returns lists, dicts, and `Inert` objects for arrays and matrices. Raises DataError if the
    pickle names what those files do not use, or cannot be read; `name` is for the message.
    """
    try:
        return RestrictedUnpickler(io.BytesIO(content), encoding="latin1").load()
    except Exception as error:
        raise DataError(f"{name} cannot be read: {error}") from None


def array(inert):
    """The NumPy array whose parts an `Inert` keeps."""
    _, shape, kind, by_column, content = inert.state
    numbers = np.frombuffer(content.encode("latin1"), kind.state[1] + kind.arguments[0])
    return numbers.reshape(shape, order="F" if by_column else "C")


def rows(inert):
    """The columns of each row of SciPy's csr_matrix that hold a 1: row i has those between places
    indptr[i] and indptr[i + 1]."""
    start, columns = array(inert.state["indptr"]), array(inert.state["indices"])
    return [np.sort(columns[start[i] : start[i + 1]]) for i in range(len(start) - 1)]


def compact(parts, order):
    """The arrays of the asset. `parts`: {"allx", "tx", "ally", "ty", "graph": as read}; `order`:
    the numbers of the test papers, whose rows are mixed in the published files."""
    papers = rows(parts["allx"]) + rows(parts["tx"])
    one_hot = np.vstack([array(parts["ally"]), array(parts["ty"])])
    place = np.arange(len(papers))
    place[order] = place[-len(order) :].copy()
    pairs = [(node, other) for node, others in parts["graph"].items() for other in others]
    pairs = {(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]}
    return {
        "word_counts": np.array([len(papers[i]) for i in place], dtype=np.uint8),
        "words": np.concatenate([papers[i] for i in place]).astype("<u2"),
        "edges": np.array(sorted(pairs), dtype="<u2"),
        "labels": one_hot[place].argmax(axis=1).astype(np.uint8),
    }


def make(folder, target=ASSETS / "cora.npz"):
    content = {name: read(Path(folder) / f"ind.cora.{name}", FILES[name]) for name in FILES}
    order = np.array(content.pop("test.index").split(), dtype=int)
    parts = {name: read_pickle(packed, name) for name, packed in content.items()}
    write_npz(target, compact(parts, order))
    return target


if __name__ == "__main__":
    report(make(only_argument(__doc__)))
