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
    set_language("ko")
    assert fashion_mnist().classes[9] == "앵클부츠"
    assert "학습 10,000장, 테스트 10,000장" in capsys.readouterr().out


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
    if made.read_bytes() != shipped.read_bytes():
        zlib_version = zlib.ZLIB_RUNTIME_VERSION
        assert "ng" in zlib_version, f"same pictures, other bytes, with zlib {zlib_version}"
        pytest.skip(f"same pictures; zlib {zlib_version} packs them into other bytes than zlib")


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


@needs_debian
def test_mean_and_std_are_those_of_the_official_training_set(monkeypatch):
    monkeypatch.delenv("CNNBOOK_DATA", raising=False)
    monkeypatch.setattr(files, "CACHE", Path("nowhere"))
    full = fashion_mnist("full", download=False)
    assert len(full.train) == 60_000 and len(full.test) == 10_000
    how_often = np.bincount(full.train.images.numpy().ravel(), minlength=256)
    values = np.arange(256) / 255
    mean = (how_often * values).sum() / how_often.sum()
    variance = (how_often * (values - mean) ** 2).sum() / how_often.sum()
    assert round(mean, 4) == data.MEAN and round(variance**0.5, 4) == data.STD


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
        (np.array([], dtype=float), []),
        (range(3), [0, 1, 2]),
        (np.arange(10_000) == 4, [4]),
        (np.array([1, 2], dtype=np.uint8), [1, 2]),
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


@pytest.mark.parametrize(
    "index",
    [1.7, np.float32(2), torch.tensor(1.0), [0.0, 1.0], torch.tensor([1.5]), np.array([0.5]), 1j]
    + [True, torch.tensor(True), np.bool_(True), None, "3", ["a"], [[1], [2, 3]]],
)
def test_what_is_no_place_is_refused(index):
    with pytest.raises(
        ValueError, match="index is .*; it must be whole numbers, a slice or a mask"
    ):
        small_part([2, 3])[index]


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


def test_a_data_loader_gives_the_same_pictures(mini):
    part = mini.test[:250]
    pairs = zip(DataLoader(part, batch_size=100), batches(part, 100), strict=True)
    for (images, labels), (same_images, same_labels) in pairs:
        assert torch.equal(images, same_images)
        assert torch.equal(labels, same_labels) and labels.dtype == torch.int64


# ---- the full set ----------------------------------------------------------------------------


class StandIns(dict):
    """{name: unpacked bytes} of four small files that play the official ones."""

    def __init__(self):
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
        images = np.frombuffer(self["train-images-idx3-ubyte"], np.uint8, offset=16)
        assert loaded.train.images.shape == (30, 1, 28, 28)
        assert np.array_equal(loaded.train.images.numpy().ravel(), images)
        labels = np.frombuffer(self["t10k-labels-idx1-ubyte"], np.uint8, offset=8)
        assert loaded.test.labels.tolist() == labels.tolist()


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """No folder of this machine is looked into; a download is a copy from tmp_path/web."""
    made = StandIns()
    made.asked = []

    def receive(url, part):
        made.asked.append(url)
        shutil.copy(made.put(tmp_path / "web") / url.removeprefix(data.ADDRESS), part)

    monkeypatch.delenv("CNNBOOK_DATA", raising=False)
    monkeypatch.setattr(files, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(files, "DEBIAN", tmp_path / "debian")
    monkeypatch.setattr(files, "_receive", receive)
    for name, raw in made.items():
        monkeypatch.setitem(data.FILES, name, files.digest(raw))
        monkeypatch.setitem(data.ARCHIVES, name, files.digest(gzip.compress(raw, mtime=0)))
    return made


def test_the_full_set_is_looked_for_in_order(stand_ins, tmp_path, monkeypatch, capsys):
    stand_ins.put(tmp_path / "cache" / "FashionMNIST" / "raw", packed=False)
    stand_ins.put(tmp_path / "debian")
    monkeypatch.setenv("CNNBOOK_DATA", str(stand_ins.put(tmp_path / "own")))
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
@pytest.mark.parametrize("folder", ["own", "cache"])
def test_packed_and_unpacked_files_in_either_layout(
    stand_ins, packed, below, folder, tmp_path, monkeypatch
):
    stand_ins.put(tmp_path / folder / below, packed)
    if folder == "own":
        monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "own"))
    stand_ins.check(fashion_mnist("full", download=False))


def test_a_folder_without_the_set_is_said_and_the_search_goes_on(
    stand_ins, tmp_path, monkeypatch, capsys
):
    stand_ins.put(tmp_path / "debian")
    (tmp_path / "own").mkdir()
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "own"))
    assert "Debian" in fashion_mnist("full").source
    assert "own holds no Fashion-MNIST; looking further" in capsys.readouterr().out
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "usb-stick"))
    with pytest.raises(DataError, match="usb-stick, which does not exist: correct the path"):
        fashion_mnist("full")


@pytest.mark.parametrize("folder", ["own", "cache", "debian"])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("change", [lambda b: b[:-20], lambda b: b"", lambda b: b"<html>"])
def test_a_damaged_file_is_named_and_not_passed_over(
    stand_ins, folder, packed, change, tmp_path, monkeypatch
):
    for other in ("own", "cache", "debian"):
        stand_ins.put(tmp_path / other, packed)
    if folder == "own":
        monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "own"))
    if folder == "debian":
        shutil.rmtree(tmp_path / "cache")
    file = tmp_path / folder / ("t10k-images-idx3-ubyte" + ".gz" * packed)
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(DataError, match=f"{re.escape(str(file))} is damaged and was not used"):
        fashion_mnist("full")
    if packed:  # an archive that can be unpacked, with something else inside
        file.write_bytes(gzip.compress(b"something else"))
        with pytest.raises(DataError, match="SHA-256 differs"):
            fashion_mnist("full")


@pytest.mark.parametrize("folder", ["own", "debian"])
def test_a_missing_file_is_named_and_not_passed_over(stand_ins, folder, tmp_path, monkeypatch):
    stand_ins.put(tmp_path / "debian")
    stand_ins.put(tmp_path / folder)
    if folder == "own":
        monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "own"))
    (tmp_path / folder / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="lacks the file train-labels-idx1-ubyte: "):
        fashion_mnist("full")


@pytest.mark.parametrize("there", [[], ["t10k-images-idx3-ubyte"]])
def test_what_is_missing_is_downloaded_once(stand_ins, there, capsys):
    stand_ins.put(files.CACHE / "FashionMNIST" / "raw", packed=False)
    for name in stand_ins.keys() - there:  # as after a download that was interrupted
        (files.CACHE / "FashionMNIST" / "raw" / name).unlink()
    with pytest.raises(DataError, match="download=True"):
        fashion_mnist("full", download=False)
    stand_ins.check(fashion_mnist("full"))
    assert stand_ins.asked == [f"{data.ADDRESS}{n}.gz" for n in stand_ins if n not in there]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(stand_ins.asked) + 1 and "the book's cache folder" in lines[-1]
    stand_ins.check(fashion_mnist("full"))
    assert len(stand_ins.asked) == 4 - len(there)
