"""The data room: what a set looks like, where it comes from, and everything that can go wrong.

The downloads run torchvision's own code against a web server on this machine. It serves small
stand-ins with their own checksums, so the tests need no data set; one test serves the official
archives, byte for byte, where Debian's package is installed.
"""

import errno
import gzip
import hashlib
import http.server
import importlib.util
import json
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from torchvision import datasets
from torchvision.datasets import utils as torchvision_utils

from cnnbook import data
from cnnbook.data import DataError, Part, batches, fashion_mnist
from cnnbook.language import set_language

ROOT = Path(__file__).resolve().parent.parent
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
needs_debian = pytest.mark.skipif(
    not DEBIAN.is_dir(), reason=f"Debian's dataset-fashion-mnist is not installed in {DEBIAN}"
)

specification = importlib.util.spec_from_file_location("make_mini", ROOT / "tools/make_mini.py")
make_mini = importlib.util.module_from_spec(specification)
specification.loader.exec_module(make_mini)


@pytest.fixture(autouse=True)
def english():
    set_language("en")
    yield
    set_language("ko")


@pytest.fixture(scope="module")
def mini():
    return fashion_mnist()


def small_part(counts):
    """A part with counts[c] pictures of class c in mixed order; each picture is one value."""
    labels = torch.cat([torch.full((count,), label) for label, count in enumerate(counts)])
    labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    values = torch.arange(len(labels)).remainder(256).to(torch.uint8)
    return Part(values.view(-1, 1, 1, 1).expand(-1, 1, 2, 2).clone(), labels)


# ---- the mini set ---------------------------------------------------------------------------


def test_mini_is_what_the_book_promises(capsys):
    mini = fashion_mnist()
    for part in (mini.train, mini.test):
        assert part.images.shape == (10_000, 1, 28, 28) and part.images.dtype == torch.uint8
        assert part.labels.shape == (10_000,) and part.labels.dtype == torch.int64
        assert part.labels.bincount().tolist() == [1000] * 10
    # The official order: an ankle boot, then two T-shirts; the test set starts with a boot too.
    assert mini.train.labels[:5].tolist() == [9, 0, 0, 3, 0]
    assert mini.test.labels[:5].tolist() == [9, 2, 1, 1, 6]
    assert int(mini.train.images[0].sum()) == 76247
    assert mini.classes[9] == "Ankle boot" and len(set(mini.classes)) == 10
    assert mini.source == "the file that ships with the book"
    assert capsys.readouterr().out == (
        "Fashion-MNIST mini: 10,000 training and 10,000 test pictures"
        " (from: the file that ships with the book)\n"
    )


def test_names_and_the_printed_line_follow_the_language(capsys):
    set_language("ko")
    assert fashion_mnist().classes[9] == "앵클부츠"
    assert "학습 10,000장, 테스트 10,000장" in capsys.readouterr().out


@pytest.mark.parametrize("size", ["tiny", "Mini", None, 1000])
def test_an_unknown_size_is_refused(size):
    with pytest.raises(ValueError, match=re.escape(repr(size)) + '.*"mini" or "full"'):
        fashion_mnist(size)


@pytest.mark.parametrize("damage", ["changed", "truncated", "missing"])
def test_a_damaged_mini_set_is_never_loaded(damage, tmp_path, monkeypatch):
    shutil.copytree(data.ASSETS, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(data, "ASSETS", tmp_path)
    path = tmp_path / "fashion_mnist_mini.npz"
    content = bytearray(path.read_bytes())
    content[5_000_000] ^= 1
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(content if damage == "changed" else content[:-1])
    with pytest.raises(DataError, match="fashion_mnist_mini.npz.*get a fresh copy of the book"):
        fashion_mnist()


@needs_debian
def test_the_mini_set_is_made_again_to_the_bit(tmp_path):
    made = make_mini.make(DEBIAN, tmp_path / "fashion_mnist_mini.npz")
    shipped = data.ASSETS / "fashion_mnist_mini.npz"
    with np.load(made) as new, np.load(shipped) as old:
        assert new.files == old.files
        for name in old.files:
            assert new[name].dtype == old[name].dtype
            assert np.array_equal(new[name], old[name])
    if made.read_bytes() != shipped.read_bytes():
        zlib_version = make_mini.zlib_version()
        assert "ng" in zlib_version, f"same pictures, other bytes, with zlib {zlib_version}"
        pytest.skip(f"same pictures; zlib {zlib_version} packs them into other bytes than zlib")


@needs_debian
def test_the_tool_refuses_anything_but_the_official_archives(tmp_path):
    name = "t10k-labels-idx1-ubyte"
    official = make_mini.official_archive(DEBIAN, name)
    assert len(official) == 5148  # as the authors published it, with the file name in its header
    (tmp_path / f"{name}.gz").write_bytes(official)
    assert make_mini.official_archive(tmp_path, name) == official
    (tmp_path / f"{name}.gz").write_bytes(official[:-1] + b"\1")
    with pytest.raises(ValueError, match="the official one is bb300cfdad3c16e7a12a480ee83cd310"):
        make_mini.official_archive(tmp_path, name)


@needs_debian
def test_mean_and_std_are_those_of_the_official_training_set(mini, monkeypatch):
    monkeypatch.delenv("CNNBOOK_DATA", raising=False)
    monkeypatch.setattr(data, "CACHE", Path("nowhere"))
    full = fashion_mnist("full", download=False)
    assert len(full.train) == 60_000 and len(full.test) == 10_000
    how_often = np.bincount(full.train.images.numpy().ravel(), minlength=256)
    values = np.arange(256) / 255
    mean = (how_often * values).sum() / how_often.sum()
    variance = (how_often * (values - mean) ** 2).sum() / how_often.sum()
    assert round(mean, 4) == data.MEAN and round(variance**0.5, 4) == data.STD
    # And mini is what its description says, found here in another way than in the tool.
    seen = [0] * 10
    chosen = []
    for place, label in enumerate(full.train.labels.tolist()):
        seen[label] += 1
        if seen[label] <= 1000:
            chosen.append(place)
    assert torch.equal(mini.train.images, full.train.images[chosen])
    assert torch.equal(mini.test.images, full.test.images)
    assert torch.equal(mini.test.labels, full.test.labels)


# ---- a part ---------------------------------------------------------------------------------


def test_slices_lists_tensors_and_masks_give_smaller_parts(mini):
    part = mini.train
    for index, places in [
        (slice(3), [0, 1, 2]),
        (slice(-2, None), [9998, 9999]),
        ([5, 5, 0], [5, 5, 0]),
        (torch.tensor([7, 2]), [7, 2]),
        (np.array([7, 2]), [7, 2]),
        (torch.arange(10_000) == 4, [4]),
        ([], []),
    ]:
        chosen = part[index]
        assert isinstance(chosen, Part) and len(chosen) == len(places)
        assert torch.equal(chosen.images, part.images[places])
        assert torch.equal(chosen.labels, part.labels[places])


@pytest.mark.parametrize("index", [3, -1, np.int64(3), torch.tensor(3)])
def test_one_number_gives_one_normalised_picture(mini, index):
    image, label = mini.train[index]
    assert image.shape == (1, 28, 28) and image.dtype == torch.float32
    assert type(label) is int and label == int(mini.train.labels[int(index)])
    expected = (mini.train.images[int(index)].float() / 255 - data.MEAN) / data.STD
    torch.testing.assert_close(image, expected)


def test_a_part_can_be_walked_through_and_has_an_end():
    part = small_part([2, 3])
    assert [label for _, label in part] == part.labels.tolist()
    with pytest.raises(IndexError):
        part[5]


def test_a_part_refuses_what_does_not_fit():
    images, labels = torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.zeros(4).long()
    with pytest.raises(ValueError, match=r"float32 \(4, 1, 2, 2\); they must be uint8"):
        Part(images.float(), labels)
    with pytest.raises(ValueError, match=r"uint8 \(4, 2, 2\); they must be uint8 \(N, C, H, W\)"):
        Part(images[:, 0], labels)
    with pytest.raises(ValueError, match=r"int64 \(3,\); they must be int64 \(4,\)"):
        Part(images, labels[:3])
    with pytest.raises(ValueError, match=r"int32 \(4,\); they must be int64"):
        Part(images, labels.int())


def test_what_is_shown_of_it_is_short(mini):
    assert repr(mini.train[:3]) == "Part(images: uint8 (3, 1, 28, 28), labels: int64 (3,))"
    assert repr(mini) == "FashionMNIST(train: 10000 pictures, test: 10000 pictures)"


def test_split_gives_every_class_its_share(mini):
    rest, aside = mini.train.split(2000, torch.Generator().manual_seed(1))
    assert rest.labels.bincount().tolist() == [800] * 10
    assert aside.labels.bincount().tolist() == [200] * 10
    again, other = (mini.train.split(2000, torch.Generator().manual_seed(s))[1] for s in (1, 2))
    assert torch.equal(again.images, aside.images)
    assert not torch.equal(other.images, aside.images)


def test_split_loses_and_doubles_nothing_and_keeps_the_order():
    part = small_part([100, 40, 7])
    rest, aside = part.split(50, torch.Generator().manual_seed(3))
    kept, drawn = (half.images[:, 0, 0, 0].tolist() for half in (rest, aside))
    assert sorted(kept + drawn) == list(range(147))
    assert kept == sorted(kept) and drawn == sorted(drawn) and len(drawn) == 50
    for count, found in zip([100, 40, 7], aside.labels.bincount().tolist(), strict=True):
        assert abs(found - count * 50 / 147) < 1  # its share, rounded up or down
    for wrong in (0, 147, -1):
        with pytest.raises(ValueError, match=f"count is {wrong}; it must lie between 1 and 146"):
            part.split(wrong)


def test_per_class_draws_the_same_number_of_each():
    part = small_part([100, 40, 7])
    few = part.per_class(5, torch.Generator().manual_seed(0))
    assert few.labels.bincount().tolist() == [5, 5, 5]
    drawn = few.images[:, 0, 0, 0].tolist()
    assert drawn == sorted(set(drawn))
    assert drawn != part.per_class(5, torch.Generator().manual_seed(1)).images[:, 0, 0, 0].tolist()
    torch.manual_seed(0)
    assert part.per_class(5).images[:, 0, 0, 0].tolist() == drawn
    for wrong in (8, 0):
        with pytest.raises(ValueError, match=f"count is {wrong}"):
            part.per_class(wrong)


# ---- two ways to feed a network -------------------------------------------------------------


def test_batches_go_once_through_everything(mini):
    part = mini.train[:250]
    untouched = part.images.clone()
    found = list(batches(part, 100))
    assert [len(labels) for _, labels in found] == [100, 100, 50]
    images = torch.cat([images for images, _ in found])
    assert images.shape == (250, 1, 28, 28) and images.dtype == torch.float32
    torch.testing.assert_close(images, (part.images.float() / 255 - data.MEAN) / data.STD)
    assert torch.equal(torch.cat([labels for _, labels in found]), part.labels)
    assert torch.equal(part.images, untouched)
    assert [len(labels) for _, labels in batches(part, 100, drop_last=True)] == [100, 100]
    assert [len(labels) for _, labels in batches(part, 125, drop_last=True)] == [125, 125]
    assert [len(labels) for _, labels in batches(part, 999)] == [250]
    assert list(batches(part[:0], 10)) == []


def test_shuffled_batches_are_a_new_order_every_time_and_repeatable():
    part = small_part([100, 100])

    def order(generator):
        drawn = [labels_of(images) for images, _ in batches(part, 30, True, generator)]
        return sum(drawn, [])

    def labels_of(images):
        return ((images[:, 0, 0, 0] * data.STD + data.MEAN) * 255).round().int().tolist()

    generator = torch.Generator().manual_seed(0)
    first, second = order(generator), order(generator)
    assert sorted(first) == sorted(second) == list(range(200))
    assert first != second and first != sorted(first)
    assert order(torch.Generator().manual_seed(0)) == first
    torch.manual_seed(5)
    by_global_seed = order(None)
    torch.manual_seed(5)
    assert order(None) == by_global_seed != order(None)
    for images, labels in batches(part, 30, True):  # picture and label stay together
        assert torch.equal(labels, part.labels[labels_of(images)])


@pytest.mark.parametrize("wrong", [0, -5])
def test_a_batch_size_below_one_is_refused_at_once(wrong):
    with pytest.raises(ValueError, match=f"batch_size is {wrong}; it must be at least 1"):
        batches(small_part([3]), wrong)


def test_a_data_loader_gives_the_same_pictures(mini):
    part = mini.test[:250]
    pairs = zip(DataLoader(part, batch_size=100), batches(part, 100), strict=True)
    for (images, labels), (same_images, same_labels) in pairs:
        assert torch.equal(images, same_images)
        assert torch.equal(labels, same_labels) and labels.dtype == torch.int64


# ---- the full set: where it is looked for ----------------------------------------------------


def idx(array):
    header = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


class StandIns:
    """Four small files that play the official ones: folder, {name: unpacked bytes}."""

    def __init__(self, folder, monkeypatch):
        random = np.random.default_rng(0)
        self.folder, self.content, self.resources = folder, {}, []
        for name, (count, *size) in {
            "train-images-idx3-ubyte": (30, 28, 28),
            "train-labels-idx1-ubyte": (30,),
            "t10k-images-idx3-ubyte": (20, 28, 28),
            "t10k-labels-idx1-ubyte": (20,),
        }.items():
            high = 256 if size else 10
            self.content[name] = idx(random.integers(0, high, (count, *size), dtype=np.uint8))
            packed = gzip.compress(self.content[name], mtime=0)
            (folder / f"{name}.gz").write_bytes(packed)
            self.resources.append([f"{name}.gz", hashlib.md5(packed).hexdigest()])
        hashes = {name: hashlib.sha256(raw).hexdigest() for name, raw in self.content.items()}
        monkeypatch.setattr(data, "FILES", hashes)
        self.hashes = hashes

    def put(self, folder, packed=True):
        """Copies of all four files in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, raw in self.content.items():
            if packed:
                shutil.copy(self.folder / f"{name}.gz", folder)
            else:
                (folder / name).write_bytes(raw)
        return folder

    def check(self, loaded):
        images = np.frombuffer(self.content["train-images-idx3-ubyte"], np.uint8, offset=16)
        assert loaded.train.images.shape == (30, 1, 28, 28)
        assert np.array_equal(loaded.train.images.numpy().ravel(), images)
        labels = np.frombuffer(self.content["t10k-labels-idx1-ubyte"], np.uint8, offset=8)
        assert loaded.test.labels.tolist() == labels.tolist()


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """The stand-ins; no folder of this machine is looked into, and nothing can be downloaded."""
    (tmp_path / "served").mkdir()
    monkeypatch.delenv("CNNBOOK_DATA", raising=False)
    monkeypatch.setattr(data, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(data, "DEBIAN", tmp_path / "debian")
    monkeypatch.setenv("no_proxy", "*")
    made = StandIns(tmp_path / "served", monkeypatch)
    monkeypatch.setattr(datasets.FashionMNIST, "resources", made.resources)
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [f"http://127.0.0.1:{free_port()}/"])
    return made


def free_port():
    """A port of this machine at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_roads_are_taken_in_their_order(stand_ins, tmp_path, monkeypatch, capsys):
    stand_ins.put(tmp_path / "cache" / "FashionMNIST" / "raw", packed=False)
    stand_ins.put(tmp_path / "debian")
    own = stand_ins.put(tmp_path / "own")
    monkeypatch.setenv("CNNBOOK_DATA", str(own))
    for source, then in [
        ("the CNNBOOK_DATA folder", lambda: monkeypatch.delenv("CNNBOOK_DATA")),
        ("the book's cache folder", lambda: shutil.rmtree(tmp_path / "cache")),
        ("the Debian package's folder", lambda: shutil.rmtree(tmp_path / "debian")),
    ]:
        loaded = fashion_mnist("full", download=False)
        stand_ins.check(loaded)
        assert loaded.source.startswith(source)
        printed = capsys.readouterr().out
        assert printed.count("\n") == 1 and loaded.source in printed
        then()
    with pytest.raises(DataError, match="download=True.*train-images-idx3-ubyte.*CNNBOOK_DATA"):
        fashion_mnist("full", download=False)
    assert not (tmp_path / "cache").exists()  # looking makes no folders


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("below", [".", "FashionMNIST/raw"])
def test_packed_and_unpacked_files_in_either_layout(
    stand_ins, packed, below, tmp_path, monkeypatch
):
    stand_ins.put(tmp_path / "own" / below, packed)
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "own"))
    stand_ins.check(fashion_mnist("full", download=False))


def test_a_home_folder_is_not_shown_to_others(stand_ins, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    stand_ins.put(tmp_path / "cache")
    assert fashion_mnist("full").source == f"the book's cache folder {Path('~') / 'cache'}"
    assert str(tmp_path) not in capsys.readouterr().out


def test_the_variable_may_name_the_home_folder_as_a_tilde(stand_ins, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # the same on Windows
    stand_ins.put(tmp_path / "own")
    monkeypatch.setenv("CNNBOOK_DATA", "~/own")
    stand_ins.check(fashion_mnist("full", download=False))


def test_a_folder_that_is_not_there_is_said_and_not_passed_over(stand_ins, tmp_path, monkeypatch):
    stand_ins.put(tmp_path / "debian")
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "usb-stick"))
    with pytest.raises(DataError, match="usb-stick, which does not exist: correct the path"):
        fashion_mnist("full")


def test_a_folder_without_the_set_is_said_and_the_search_goes_on(
    stand_ins, tmp_path, monkeypatch, capsys
):
    stand_ins.put(tmp_path / "debian")
    (tmp_path / "own").mkdir()
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "own"))
    assert "Debian" in fashion_mnist("full").source
    assert "own holds no Fashion-MNIST; looking further" in capsys.readouterr().out


# ---- the full set: damaged files ------------------------------------------------------------

FIXES = {
    "own": "put a sound copy there, or remove the variable CNNBOOK_DATA",
    "cache": "delete the whole folder .*cache and run this again",
    "debian": "apt install --reinstall dataset-fashion-mnist",
}


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def change_inside_the_archive(path):
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[-1] ^= 1
    path.write_bytes(gzip.compress(raw))


def change_the_archive(path):
    packed = bytearray(path.read_bytes())
    packed[10] = 0xFF  # the first byte of the packed stream: a kind of block there is not
    path.write_bytes(packed)


def web_page_instead(path):
    path.write_bytes(b"<html>Please log in</html>")


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("road", list(FIXES))
@pytest.mark.parametrize(
    "damage", [cut, change_inside_the_archive, change_the_archive, web_page_instead, empty]
)
def test_a_damaged_archive_is_named_and_not_passed_over(
    stand_ins, road, damage, tmp_path, monkeypatch
):
    for name in FIXES:
        stand_ins.put(tmp_path / name)
    if road == "own":
        monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "own"))
    if road == "debian":
        shutil.rmtree(tmp_path / "cache")
    file = tmp_path / road / "t10k-images-idx3-ubyte.gz"
    damage(file)
    with pytest.raises(DataError, match=f"{re.escape(str(file))} is damaged .*{FIXES[road]}"):
        fashion_mnist("full")


@pytest.mark.parametrize("damage", [cut, empty, web_page_instead])
def test_a_damaged_unpacked_file_is_named(stand_ins, damage, tmp_path):
    folder = stand_ins.put(tmp_path / "cache" / "FashionMNIST" / "raw", packed=False)
    damage(folder / "train-labels-idx1-ubyte")
    with pytest.raises(DataError, match="train-labels-idx1-ubyte is damaged .*SHA-256 differs"):
        fashion_mnist("full")


@pytest.mark.parametrize("road", list(FIXES))
def test_a_missing_file_is_named_and_not_passed_over(stand_ins, road, tmp_path, monkeypatch):
    stand_ins.put(tmp_path / "debian")
    stand_ins.put(tmp_path / road)
    if road == "own":
        monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "own"))
    (tmp_path / road / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=f"lacks the file train-labels-idx1-ubyte: .*{FIXES[road]}"):
        fashion_mnist("full")


# ---- the full set: downloading --------------------------------------------------------------


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the folder, but first lets `server.trouble(handler)` spoil the answer."""

    def do_GET(self):  # noqa: N802
        self.server.asked.append(self.path.lstrip("/"))
        if not self.server.trouble(self):
            super().do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def server(stand_ins, monkeypatch):
    """A web server for the stand-ins, at which torchvision is pointed."""

    def handler(*arguments):
        return Handler(*arguments, directory=stand_ins.folder)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.asked, server.trouble = [], lambda handler: False
    server.address = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [server.address])
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def cached():
    """Every file below the cache folder, without the empty lock file."""
    paths = [path for path in data.CACHE.rglob("*") if path.name != "download.lock"]
    return sorted(path.relative_to(data.CACHE).as_posix() for path in paths if path.is_file())


def assert_nothing_is_left():
    if data.CACHE.is_dir():
        assert [path.name for path in data.CACHE.iterdir() if path.name != "download.lock"] == []
    assert socket.getdefaulttimeout() is None


def test_a_download_is_kept_and_not_repeated(stand_ins, server, capsys):
    # Under a temporary name, and on the same disk, so that it can be moved in one step.
    under_way = []
    server.trouble = lambda _: under_way.append(len(list(data.CACHE.glob("*.part"))))
    loaded = fashion_mnist("full")
    stand_ins.check(loaded)
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0].startswith("Downloading the full Fashion-MNIST")
    assert "(from: the book's cache folder" in printed.out.splitlines()[1]
    assert "100%" in printed.err  # torchvision's progress bar
    assert cached() == sorted(f"FashionMNIST/raw/{name}" for name in stand_ins.content)
    assert set(server.asked) == {f"{name}.gz" for name in stand_ins.content}
    asked = len(server.asked)
    assert under_way == [1] * asked
    stand_ins.check(fashion_mnist("full"))
    assert len(server.asked) == asked
    datasets.FashionMNIST(data.CACHE, train=True)  # torchvision finds it there too


@needs_debian
def test_the_official_archives_come_through_torchvision_untouched(tmp_path, monkeypatch, request):
    """torchvision's own list of MD5s, our list of SHA-256s, the bytes the authors published."""
    own = datasets.FashionMNIST.resources
    files = dict(data.FILES)
    stand_ins = request.getfixturevalue("stand_ins")
    request.getfixturevalue("server")
    monkeypatch.setattr(data, "FILES", files)
    monkeypatch.setattr(datasets.FashionMNIST, "resources", own)
    for name in files:
        official = make_mini.official_archive(DEBIAN, name)
        (stand_ins.folder / f"{name}.gz").write_bytes(official)
    full = fashion_mnist("full")
    assert len(full.train) == 60_000 and len(full.test) == 10_000
    assert cached() == sorted(f"FashionMNIST/raw/{name}" for name in files)


def test_no_network(stand_ins):
    with pytest.raises(DataError, match="could not be downloaded: check the network"):
        fashion_mnist("full")
    assert_nothing_is_left()


def test_the_message_is_one_line_without_a_chain(stand_ins):
    with pytest.raises(DataError) as caught:
        fashion_mnist("full")
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_the_server_does_not_have_it(stand_ins, server):
    (stand_ins.folder / "t10k-images-idx3-ubyte.gz").unlink()  # the third of four
    with pytest.raises(DataError, match="could not be downloaded: check the network.*404"):
        fashion_mnist("full")
    assert_nothing_is_left()


def test_a_server_that_falls_silent(stand_ins, server, monkeypatch):
    done = threading.Event()
    server.trouble = lambda handler: done.wait(5)
    monkeypatch.setattr(data, "NO_ANSWER", 0.2)
    with pytest.raises(DataError, match="could not be downloaded: check the network.*timed out"):
        fashion_mnist("full")
    done.set()
    assert_nothing_is_left()


def half_of_it(handler):
    """Announce the whole file, send half of it, hang up."""
    content = Path(handler.translate_path(handler.path)).read_bytes()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])
    return True


def log_in_page(handler):
    """What a school's Wi-Fi answers to everything before one has logged in."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"<html>Please log in</html>")
    return True


@pytest.mark.parametrize("trouble", [half_of_it, log_in_page])
@pytest.mark.parametrize("which", ["train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
def test_what_comes_is_not_the_data(stand_ins, server, trouble, which):
    server.trouble = lambda handler: handler.path == f"/{which}" and trouble(handler)
    with pytest.raises(DataError, match="not Fashion-MNIST .*Wi-Fi login page.*run this again"):
        fashion_mnist("full")
    assert which in server.asked
    assert_nothing_is_left()


def test_after_trouble_the_next_try_works(stand_ins, server):
    server.trouble = log_in_page
    with pytest.raises(DataError):
        fashion_mnist("full")
    server.trouble = lambda handler: False
    stand_ins.check(fashion_mnist("full"))


def test_md5_right_but_sha256_wrong(stand_ins, server, monkeypatch):
    """Another set with a matching MD5 (which can be forged) is still not taken for ours."""
    monkeypatch.setitem(data.FILES, "train-labels-idx1-ubyte", "0" * 64)
    with pytest.raises(DataError, match="train-labels-idx1-ubyte is damaged .*delete the whole"):
        fashion_mnist("full")


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full: free at least 100 MB"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk is full: free at least 100 MB"),
        (KeyboardInterrupt(), None),
    ],
)
def test_the_disk_fills_up_or_the_reader_stops_it(stand_ins, server, problem, message, monkeypatch):
    """The third file breaks off while it is written: half of it has reached the disk by then."""
    begun = []

    def open_and_break_off(path, mode="r", *arguments):
        file = open(path, mode, *arguments)
        if "w" in mode and "t10k-images" in Path(path).name:
            begun.append(path)
            return BreaksOff(file, problem)
        return file

    monkeypatch.setattr(torchvision_utils, "open", open_and_break_off, raising=False)
    expected = DataError if message else KeyboardInterrupt
    with pytest.raises(expected, match=message):
        fashion_mnist("full")
    assert len(begun) == 1
    assert_nothing_is_left()


class BreaksOff:
    """A file that takes half of the first chunk and then raises `problem`."""

    def __init__(self, file, problem):
        self.file, self.problem = file, problem

    def write(self, chunk):
        self.file.write(chunk[: len(chunk) // 2])
        self.file.flush()
        raise self.problem

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()


def test_a_file_stands_where_the_cache_folder_should_be(stand_ins, server):
    data.CACHE.write_text("not a folder")
    with pytest.raises(DataError, match="cache cannot be written to: allow writing there, or put"):
        fashion_mnist("full")
    assert data.CACHE.read_text() == "not a folder"


def test_a_read_only_folder(stand_ins, server, monkeypatch):
    """The administrator may write anywhere, so the refusal is played by the call that meets it."""
    data.CACHE.mkdir()

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with pytest.raises(DataError, match="cache cannot be written to: .*Read-only file system"):
        fashion_mnist("full")
    assert server.asked == []
    assert_nothing_is_left()


def test_the_rest_of_a_killed_download_is_cleared_away(stand_ins, server):
    rest = data.CACHE / "tmpabc123.part" / "FashionMNIST" / "raw"
    rest.mkdir(parents=True)
    (rest / "train-images-idx3-ubyte.gz").write_bytes(b"half")
    (data.CACHE / "FashionMNIST" / "raw").mkdir(parents=True)  # somebody emptied the folder
    stand_ins.check(fashion_mnist("full"))
    assert cached() == sorted(f"FashionMNIST/raw/{name}" for name in stand_ins.content)
    assert not list(data.CACHE.glob("*.part"))


ONE_OF_TWO = """
import json, sys
from pathlib import Path
from torchvision import datasets
from cnnbook import data
from cnnbook.language import set_language

play = json.loads(sys.argv[1])
set_language("en")
data.CACHE, data.DEBIAN, data.FILES = Path(play["cache"]), Path("nowhere"), play["files"]
datasets.FashionMNIST.mirrors = [play["address"]]
datasets.FashionMNIST.resources = play["resources"]
loaded = data.fashion_mnist("full")
print(len(loaded.train), len(loaded.test))
"""


def test_two_processes_at_once_download_once(stand_ins, server):
    """The server answers only when one process is downloading and the other one says it waits."""
    play = {
        "cache": str(data.CACHE),
        "files": stand_ins.hashes,
        "address": server.address,
        "resources": stand_ins.resources,
    }
    someone_waits = threading.Event()
    in_time = []
    server.trouble = lambda handler: in_time.append(someone_waits.wait(120))
    printed = [[], []]

    def follow(process, lines):
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Another program is downloading"):
                someone_waits.set()

    command = [sys.executable, "-c", ONE_OF_TWO, json.dumps(play)]
    processes, followers = [], []
    for lines in printed:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
        )
        processes.append(process)
        followers.append(threading.Thread(target=follow, args=(process, lines)))
        followers[-1].start()
    for process, follower in zip(processes, followers, strict=True):
        assert process.wait(180) == 0
        follower.join()
    downloader, waiter = sorted(printed, key=lambda lines: lines[0], reverse=True)
    assert downloader[0].startswith("Downloading") and waiter[0].startswith("Another program")
    assert downloader[-1] == waiter[-1] == "30 20\n"
    assert not any("Downloading" in line for line in waiter)
    assert all(in_time)
    # torchvision asks for each file twice: for a redirection first, then for the content.
    assert sorted(server.asked) == sorted(2 * [f"{name}.gz" for name in stand_ins.content])
    assert cached() == sorted(f"FashionMNIST/raw/{name}" for name in stand_ins.content)


# ---- words ----------------------------------------------------------------------------------


def test_both_languages_fill_in_the_same_values():
    entries = json.loads((ROOT / "cnnbook/words/data.json").read_text(encoding="utf-8"))
    for name, entry in entries.items():
        korean, english = (set(re.findall(r"{(\w+)", entry[each])) for each in ("ko", "en"))
        assert korean == english, name
