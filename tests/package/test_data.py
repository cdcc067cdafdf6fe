"""The data room: what a set looks like, where the full one is found, two ways to feed a network.

The tests of the full set use small files in its place; some use the official ones, where Debian's
package is installed. What can go wrong with a download is tested in ``test_files.py``.
"""

import gzip
import re
import shutil
import struct
import zlib
from pathlib import Path

import make_mini
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from cnnbook import data, files
from cnnbook.data import Part, batches, fashion_mnist
from cnnbook.files import DataError
from cnnbook.language import set_language

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
needs_debian = pytest.mark.skipif(
    not DEBIAN.is_dir(), reason=f"Debian's dataset-fashion-mnist is not installed in {DEBIAN}"
)


@pytest.fixture(autouse=True)
def english():
    set_language("en")


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


@pytest.mark.parametrize(
    "language, boot, printed",
    [
        ("en", "Ankle boot", "Fashion-MNIST mini: 10,000 training and 10,000 test pictures"),
        ("ko", "앵클부츠", "학습 10,000장, 테스트 10,000장"),
    ],
)
def test_mini_is_what_the_book_promises(language, boot, printed, capsys):
    set_language(language)
    mini = fashion_mnist()
    for part in (mini.train, mini.test):
        assert repr(part) == "Part(images: uint8 (10000, 1, 28, 28), labels: int64 (10000,))"
        assert part.labels.bincount().tolist() == [1000] * 10
    # The official order: an ankle boot, then two T-shirts; the test set starts with a boot too.
    assert mini.train.labels[:5].tolist() == [9, 0, 0, 3, 0]
    assert mini.test.labels[:5].tolist() == [9, 2, 1, 1, 6]
    assert int(mini.train.images[0].sum()) == 76247
    assert mini.classes[9] == boot and len(set(mini.classes)) == 10
    assert repr(mini) == "FashionMNIST(train: 10000 pictures, test: 10000 pictures)"
    out = capsys.readouterr().out
    assert printed in out and mini.source in out and out.count("\n") == 1


@pytest.mark.parametrize("size", ["tiny", "Mini", None, 1000])
def test_an_unknown_size_is_refused(size):
    with pytest.raises(ValueError, match=re.escape(repr(size)) + '.*"mini" or "full"'):
        fashion_mnist(size)


@needs_debian
def test_the_mini_set_is_made_again_to_the_bit(tmp_path):
    made = make_mini.make(DEBIAN, tmp_path / "fashion_mnist_mini.npz")
    shipped = files.ASSETS / "fashion_mnist_mini.npz"
    with np.load(made) as new, np.load(shipped) as old:
        assert new.files == old.files
        for name in old.files:
            assert new[name].dtype == old[name].dtype
            assert np.array_equal(new[name], old[name])
    if "ng" not in zlib.ZLIB_RUNTIME_VERSION:  # zlib-ng packs into other bytes than zlib
        assert made.read_bytes() == shipped.read_bytes()


@needs_debian
def test_pictures_are_normalised_by_the_mean_and_spread_of_the_official_training_set():
    pixels = fashion_mnist("full").train.images.double() / 255
    assert float(pixels.mean()) == pytest.approx(data.MEAN, abs=5e-5)
    assert float(pixels.std()) == pytest.approx(data.STD, abs=5e-5)


@needs_debian
def test_the_tool_refuses_anything_but_the_official_archives(tmp_path):
    for name in data.FILES:  # the hashes by which a download is known
        official = make_mini.official_archive(DEBIAN, name)
        assert files.digest(official) == data.ARCHIVES[name]
        (tmp_path / f"{name}.gz").write_bytes(official)  # with the file name in its header
        assert make_mini.official_archive(tmp_path, name) == official
    (tmp_path / f"{name}.gz").write_bytes(official[:-1] + b"\1")
    with pytest.raises(ValueError, match="the official one is bb300cfdad3c16e7a12a480ee83cd310"):
        make_mini.official_archive(tmp_path, name)


# ---- a part ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "index, places",
    [
        (slice(3), [0, 1, 2]),
        (slice(-2, None), [9998, 9999]),
        ([5, 5, 0], [5, 5, 0]),
        (torch.tensor([7, 2]), [7, 2]),
        (np.array([1, 2], dtype=np.uint8), [1, 2]),
        (range(3), [0, 1, 2]),
        (torch.arange(10_000) == 4, [4]),
        (np.arange(10_000) == 4, [4]),
        ([], []),
        (np.array([], dtype=float), []),
    ],
)
def test_slices_lists_tensors_and_masks_give_smaller_parts(mini, index, places):
    chosen = mini.train[index]
    assert isinstance(chosen, Part) and len(chosen) == len(places)
    assert torch.equal(chosen.images, mini.train.images[places])
    assert torch.equal(chosen.labels, mini.train.labels[places])


@pytest.mark.parametrize("index", [3, -1, np.int64(3), torch.tensor(3)])
def test_one_number_gives_one_normalised_picture(mini, index):
    image, label = mini.train[index]
    assert type(label) is int and label == int(mini.train.labels[int(index)])
    expected = (mini.train.images[int(index)].float() / 255 - data.MEAN) / data.STD
    torch.testing.assert_close(image, expected)
    with pytest.raises(IndexError):
        mini.train[10_000]


@pytest.mark.parametrize(
    "index",
    [1.7, np.float32(2), torch.tensor(1.0), [0.0, 1.0], torch.tensor([1.5]), np.array([0.5]), 1j]
    + [True, torch.tensor(True), np.bool_(True), None, "3", ["a"], [[1], [2, 3]]],
)
def test_what_is_no_place_is_refused(index):
    with pytest.raises(ValueError, match="index is .*; it must be whole numbers, a slice or a"):
        small_part([2, 3])[index]


IMAGES, LABELS = torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.zeros(4).long()


@pytest.mark.parametrize(
    "images, labels, message",
    [
        (IMAGES.float(), LABELS, r"float32 \(4, 1, 2, 2\); they must be uint8"),
        (IMAGES[:, 0], LABELS, r"uint8 \(4, 2, 2\); they must be uint8 \(N, C, H, W\)"),
        (IMAGES, LABELS[:3], r"int64 \(3,\); they must be int64 \(4,\)"),
        (IMAGES, LABELS.int(), r"int32 \(4,\); they must be int64"),
    ],
)
def test_a_part_refuses_what_does_not_fit(images, labels, message):
    with pytest.raises(ValueError, match=message):
        Part(images, labels)


def values(part):
    """The values of the pictures of a `small_part`: their numbers."""
    return part.images[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("counts, count", [([100, 40, 7], 50), ([20] * 10, 40)])
def test_split_gives_every_class_its_share(counts, count):
    part, total = small_part(counts), sum(counts)
    (rest, aside), (_, again), (_, other) = (
        part.split(count, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)
    )
    kept, drawn = values(rest), values(aside)
    assert sorted(kept + drawn) == list(range(total)) and len(drawn) == count
    assert kept == sorted(kept) and drawn == sorted(drawn) == values(again) != values(other)
    for size, found in zip(counts, aside.labels.bincount().tolist(), strict=True):
        assert abs(found - size * count / total) < 1  # its share, rounded up or down
    for wrong in (0, total, -1):
        with pytest.raises(ValueError, match=f"count is {wrong}; it must lie between 1 and"):
            part.split(wrong)


@pytest.mark.parametrize("number", [np.int64(3), np.uint8(3), torch.tensor(3)])
def test_numpys_and_torchs_whole_numbers_are_taken_like_ints(number):
    part = small_part([9, 9])
    assert len(part.split(number)[1]) == 3 and len(part.per_class(number)) == 6
    assert len(next(iter(batches(part, number)))[1]) == 3


@pytest.mark.parametrize("number", [0.2, 3.0, True, np.bool_(True), torch.tensor(True), "3", None])
def test_what_is_no_whole_number_is_refused(number):
    part = small_part([9, 9])
    for call in (part.split, part.per_class, lambda number: batches(part, number)):
        with pytest.raises(ValueError, match=f"is {re.escape(repr(number))}; it must be a whole"):
            call(number)
    for wrong in (0, -5):
        with pytest.raises(ValueError, match=f"batch_size is {wrong}; it must be at least 1"):
            batches(part, wrong)


def test_the_default_device_does_not_matter():
    """ "meta" stands for a graphics card here: nothing that is made on it can be read."""
    part = small_part([9, 9])
    with torch.device("meta"):
        generator = torch.Generator("cpu").manual_seed(0)
        parts = *part.split(4, generator), part.per_class(3, generator), part[[0, 1]], part[:2]
        found = [labels for _, labels in batches(part, 5, True, generator)]
        assert part[3][0].device.type == "cpu" and fashion_mnist().train.labels[0] == 9
    assert [len(half) for half in parts] == [14, 4, 6, 2, 2]
    assert sorted(torch.cat(found).tolist()) == [0] * 9 + [1] * 9


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64, torch.float16])
def test_normalise_leaves_its_argument_alone(dtype):
    images = torch.arange(8).to(dtype).reshape(2, 1, 2, 2)
    before = images.clone()
    found = data.normalise(images)
    assert torch.equal(images, before) and found.dtype == torch.float32
    torch.testing.assert_close(found, (before.float() / 255 - data.MEAN) / data.STD)


def test_per_class_draws_the_same_number_of_each():
    part = small_part([100, 40, 7])
    few, again, other = (part.per_class(5, torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert few.labels.bincount().tolist() == [5, 5, 5]
    assert values(few) == sorted(set(values(few))) == values(again) != values(other)
    torch.manual_seed(0)
    assert values(part.per_class(5)) == values(few)
    for wrong in (8, 0):
        with pytest.raises(ValueError, match=f"count is {wrong}"):
            part.per_class(wrong)


# ---- two ways to feed a network -------------------------------------------------------------


def test_batches_go_once_through_everything(mini):
    """As a data loader does."""
    part = mini.train[:250]
    found = list(batches(part, 100))
    assert [len(labels) for _, labels in found] == [100, 100, 50]
    images, labels = (torch.cat(things) for things in zip(*found, strict=True))
    torch.testing.assert_close(images, (part.images.float() / 255 - data.MEAN) / data.STD)
    assert torch.equal(labels, part.labels)
    for size, sizes in ((100, [100, 100]), (125, [125, 125]), (999, [])):
        assert [len(labels) for _, labels in batches(part, size, drop_last=True)] == sizes
        assert list(batches(part[:0], size)) == []
    for same, batch in zip(DataLoader(part, batch_size=100), found, strict=True):
        assert all(torch.equal(*pair) for pair in zip(same, batch, strict=True))


def test_shuffled_batches_are_a_new_order_every_time_and_repeatable():
    part = small_part([100, 100])

    def order(generator=None):
        drawn = []
        for images, labels in batches(part, 30, True, generator):
            places = ((images[:, 0, 0, 0] * data.STD + data.MEAN) * 255).round().long()
            assert torch.equal(labels, part.labels[places])  # picture and label stay together
            drawn += places.tolist()
        return drawn

    generator = torch.Generator().manual_seed(0)
    first, second = order(generator), order(generator)
    assert sorted(first) == sorted(second) == list(range(200))
    assert first != second and first != sorted(first)
    assert order(torch.Generator().manual_seed(0)) == first
    torch.manual_seed(5)
    by_global_seed = order()
    torch.manual_seed(5)
    assert order() == by_global_seed != order()


# ---- the full set ----------------------------------------------------------------------------


class StandIns(dict):
    """{name: unpacked bytes} of four small files that play the official ones."""

    def __init__(self):
        self.asked = []  # addresses
        random = np.random.default_rng(0)
        for name, count in zip(data.FILES, (30, 30, 20, 20), strict=True):
            high, size = (256, (count, 28, 28)) if "images" in name else (10, (count,))
            header = b"\0\0\x08" + struct.pack(f">B{len(size)}I", len(size), *size)
            self[name] = header + random.integers(0, high, size, dtype=np.uint8).tobytes()

    def put(self, folder, packed=True):
        """Copies of all four files in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, raw in self.items():
            content = gzip.compress(raw, mtime=0) if packed else raw
            (folder / (name + ".gz" * packed)).write_bytes(content)
        return folder

    def check(self, loaded):
        assert loaded.train.images.shape == (30, 1, 28, 28)
        assert loaded.train.images.numpy().tobytes() == self["train-images-idx3-ubyte"][16:]
        assert bytes(loaded.test.labels.tolist()) == self["t10k-labels-idx1-ubyte"][8:]


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """No folder of this machine is looked into; a download is made from memory."""
    made = StandIns()

    def receive(url, part):
        made.asked.append(url)
        part.write_bytes(gzip.compress(made[Path(url).stem], mtime=0))

    monkeypatch.delenv("CNNBOOK_DATA", raising=False)
    monkeypatch.setattr(files, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(files, "DEBIAN", tmp_path / "debian")
    monkeypatch.setattr(files, "_receive", receive)
    for name, raw in made.items():
        monkeypatch.setitem(data.FILES, name, files.digest(raw))
        monkeypatch.setitem(data.ARCHIVES, name, files.digest(gzip.compress(raw, mtime=0)))
    return made


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("below", [".", "FashionMNIST/raw"])
def test_the_full_set_is_looked_for_in_order(
    packed, below, stand_ins, tmp_path, monkeypatch, capsys
):
    for folder in ("own", "cache"):
        stand_ins.put(tmp_path / folder / below, packed)
    stand_ins.put(tmp_path / "debian")
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "own"))
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
@pytest.mark.parametrize(
    "change", [lambda b: b[:-20], lambda _: b"", lambda _: b"<html>", lambda _: gzip.compress(b"x")]
)
def test_a_damaged_file_is_named_and_not_passed_over(stand_ins, packed, change, tmp_path):
    for folder in ("cache", "debian"):
        stand_ins.put(tmp_path / folder, packed)
    file = tmp_path / "cache" / ("t10k-images-idx3-ubyte" + ".gz" * packed)
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(DataError, match=f"{re.escape(str(file))} is damaged and was not used"):
        fashion_mnist("full")


@pytest.mark.parametrize("folder", ["own", "debian"])
def test_a_missing_file_is_named_but_a_folder_without_the_set_is_not_the_end(
    stand_ins, folder, tmp_path, monkeypatch, capsys
):
    (tmp_path / "own").mkdir()
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "own"))
    stand_ins.put(tmp_path / "debian")
    assert "Debian" in fashion_mnist("full").source
    assert "own holds no Fashion-MNIST; looking further" in capsys.readouterr().out
    (stand_ins.put(tmp_path / folder) / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="lacks the file train-labels-idx1-ubyte: "):
        fashion_mnist("full")


@pytest.mark.parametrize("there", [[], ["t10k-images-idx3-ubyte"]])
def test_what_is_missing_is_downloaded_once(stand_ins, there, capsys):
    raw = stand_ins.put(files.CACHE / "FashionMNIST" / "raw", packed=False)
    for name in stand_ins.keys() - there:  # as after a download that was interrupted
        (raw / name).unlink()
    with pytest.raises(DataError, match="download=True"):
        fashion_mnist("full", download=False)
    for _ in range(2):
        stand_ins.check(fashion_mnist("full"))
        assert stand_ins.asked == [f"{data.ADDRESS}{n}.gz" for n in stand_ins if n not in there]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(stand_ins.asked) + 2 and "the book's cache folder" in lines[-1]
