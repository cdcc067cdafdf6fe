"""The transfer room: the backbone, recorded features, photo folders, chapter 5.3's code.

No test needs a network. What needs the true backbone looks for it where the book does.
"""

import copy
import io
import shutil
import struct
import unicodedata
import warnings
import zlib
from pathlib import Path

import make_transfer_features as make_features
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional
from torchvision import models, transforms

from cnnbook import data, files, transfer
from cnnbook.files import DataError
from cnnbook.language import set_language


@pytest.fixture(autouse=True)
def english():
    set_language("en")


@pytest.fixture(scope="session")
def chapter():
    """What chapter 5.3 defines, run as it stands in the notebook."""
    return make_features.from_the_chapter()


# ---- the backbone -------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["mobilenet_v2", "resnet18"])
def made(request):
    """A network's name and the file of such a network with random numbers, as bytes."""
    torch.manual_seed(0)
    buffer = io.BytesIO()
    torch.save(getattr(models, request.param)().state_dict(), buffer)
    return request.param, buffer.getvalue()


@pytest.fixture
def published(made, tmp_path, monkeypatch):
    """(name, file, {file: bytes} of what can be downloaded); the cache folder is empty."""
    name, content = made
    sha256 = files.digest(content)
    file = f"{name}-{sha256[:8]}.pth"
    found = {file: content}

    def receive(url, part):
        wanted = url.removeprefix(transfer.ADDRESS)
        if wanted not in found:
            raise OSError("no such file")
        part.write_bytes(found[wanted])

    monkeypatch.setattr(files, "_receive", receive)
    monkeypatch.setattr(files, "CACHE", tmp_path / "cache")
    monkeypatch.delenv("CNNBOOK_DATA", raising=False)
    # torchvision publishes only the first digits of the second one's hash
    monkeypatch.setitem(transfer.SHA256, name, sha256 if name == "mobilenet_v2" else sha256[:8])
    return name, file, found


def test_the_backbone_is_downloaded_once(published, capsys):
    name, file, found = published
    state = torch.load(io.BytesIO(found[file]), weights_only=True)
    for download in (True, False):
        network = transfer.backbone(name, download=download)
        assert changed(network, state) == [] and not network.training
        assert not any(values.requires_grad for values in network.parameters())
        assert f"{name} ← the book's cache folder" in capsys.readouterr().out
        found.clear()


@pytest.mark.parametrize("trouble", ["no network", "log-in page", "not allowed", "no room"])
def test_a_backbone_that_cannot_be_had_is_said(trouble, published, capsys):
    name, file, found = published
    found[file] = b"<html>"
    if trouble == "no room":
        files.CACHE.write_text("in the way")
    if trouble == "no network":
        found.clear()
    assert transfer.backbone(name, download=trouble != "not allowed") is None
    lines = capsys.readouterr().out.splitlines()
    assert "goes on with the records" in lines[-1]
    assert trouble != "log-in page" or "Wi-Fi login page" in lines[-2]
    assert list(files.CACHE.glob("*.p*")) == []


@pytest.mark.parametrize("where", ["cache", "own"])
def test_another_file_is_never_loaded(published, where, tmp_path, monkeypatch):
    name, file, found = published
    (tmp_path / where).mkdir()
    (tmp_path / where / file).write_bytes(found[file][:-1] + b"!")
    if where == "own":
        monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "own"))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("loaded"))
    with pytest.raises(DataError, match=f"{file} is damaged and was not used"):
        transfer.backbone(name)


def test_the_hashes_are_those_in_torchvisions_names():
    for published in (models.MobileNet_V2_Weights, models.ResNet18_Weights):
        file = published.IMAGENET1K_V1.url.removeprefix(transfer.ADDRESS)
        name, _, digits = file.removesuffix(".pth").rpartition("-")
        assert transfer.SHA256[name].startswith(digits)
    assert len(transfer.SHA256["mobilenet_v2"]) == 64
    with pytest.raises(ValueError, match="name is 'vgg'; it must be one of mobilenet_v2, resnet18"):
        transfer.backbone("vgg")


# ---- what ships ---------------------------------------------------------------------------------


def test_recorded_features_are_those_of_the_backbone(chapter):
    record, fashion = transfer.recorded_features(), data.fashion_mnist("mini")
    assert np.array_equal(record["train"]["places"], make_features.places(fashion.train, 200))
    assert record["test"]["places"].tolist() == list(range(1500))
    for name, width in (("middle", 256), ("last", 1280)):
        assert record["train"][name].shape == (2000, width)
        assert record["test"][name].shape == (1500, width)
        assert record["train"][name].dtype == torch.float32
    network = transfer.backbone(download=False)
    if network is None:
        pytest.skip("the network is neither in $CNNBOOK_DATA nor in the book's cache folder")
    kinds = {"middle": (network.features[:11], 2), "last": (network.features, 1)}
    for part, places in (("train", [0, 777, 1999]), ("test", [0, 700, 1499])):
        images = getattr(fashion, part).images[record[part]["places"][places]]
        for name, (layers, pool) in kinds.items():
            exact = chapter["features"](layers, images, pool=pool)
            off = (exact - record[part][name][places]).abs()
            assert (off <= 0.55 * record["step"][name] + 1e-5).all(), (part, name)


# ---- folders of photographs ---------------------------------------------------------------------


def picture(width=40, height=30, mode="RGB"):
    return Image.new(mode, (width, height))


@pytest.fixture
def folder(tmp_path):
    for name in ("Dog", "Cat"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        picture().save(tmp_path / "photos" / name / "1.png")
    return tmp_path / "photos"


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "CMYK", "LA"])
def test_every_kind_of_picture_gets_three_channels(folder, mode):
    picture(mode=mode).save(folder / "Cat" / ("2.tif" if mode == "CMYK" else "2.png"))
    part, classes = transfer.photo_folder(folder, size=16)
    assert part.images.shape == (3, 3, 16, 16) and part.images.dtype == torch.uint8
    assert part.labels.tolist() == [0, 0, 1] and classes == ["Cat", "Dog"]


def test_links_to_folders_and_pictures_are_followed(folder):
    elsewhere = folder.parent / "elsewhere"
    (folder / "Dog").rename(elsewhere)
    try:
        (folder / "Dog").symlink_to(elsewhere, target_is_directory=True)
        (folder / "Cat" / "2.png").symlink_to(elsewhere / "1.png")
    except OSError:
        pytest.skip("this system makes no links without special rights")
    part, classes = transfer.photo_folder(folder, size=16)
    assert part.labels.tolist() == [0, 0, 1] and classes == ["Cat", "Dog"]


def test_what_cannot_be_read_is_named_and_left_out(folder, capsys):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "Cat" / "half.jpg")
    whole = (folder / "Cat" / "half.jpg").read_bytes()
    (folder / "Cat" / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "Cat" / "notes.txt").write_text("not a picture")
    (folder / "Dog" / "empty.png").write_bytes(b"")
    (folder / "Dog" / "more").mkdir()
    part, _ = transfer.photo_folder(folder, size=16)
    assert part.labels.tolist() == [0, 1]
    lines = capsys.readouterr().out.splitlines()
    named = [line.split()[2] for line in lines]
    assert named == ["Cat/half.jpg", "Cat/notes.txt", "Dog/empty.png", "Dog/more"]
    assert all("(" in line and str(folder) not in line for line in lines)


@pytest.mark.parametrize("side", [10_000, 14_000])  # Pillow warns of the first, refuses the second
def test_a_picture_too_big_to_unpack_is_left_out_before_it_is_unpacked(folder, side, capsys):
    header = struct.pack(">II5B", side, side, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    packed = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    packed += struct.pack(">I", zlib.crc32(chunk)) + b"\0\0\0\0IDAT" + b"\x35\xaf\x06\x1e"
    (folder / "Dog" / "huge.png").write_bytes(packed)
    part, _ = transfer.photo_folder(folder, size=16)
    assert part.labels.tolist() == [0, 1]
    assert "Dog/huge.png" in (out := capsys.readouterr().out) and "decompression bomb" in out


def test_the_square_is_the_middle():
    wide = Image.new("RGB", (60, 20))
    wide.paste((255, 255, 255), (20, 0, 40, 20))
    assert (data.square(wide, 20) == 255).all()


LEVELS = [
    (kind, name, level, level >> 8)
    for kind, name in [("<u2", "2.png"), ("<u2", "2.tif"), (">u2", "2.tif")]
    for level in (0, 255, 256, 257 * 100, 40_000, 65_535)
]
LEVELS += [("<i4", "2.tif", 51_400, 200), ("<i4", "2.tif", 70_000, None)]
LEVELS += [("<f4", "2.tif", *case) for case in [(200.4, 200), (0.5, 128), (1, 255), (0, 0)]]
LEVELS += [("<f4", "2.tif", level, None) for level in (np.nan, -1, 300)]


@pytest.mark.parametrize("kind, name, level, expected", LEVELS)
def test_many_levels_become_256_or_are_left_out(folder, kind, name, level, expected, capsys):
    Image.fromarray(np.full((6, 6), level, kind)).save(folder / "Cat" / name)
    images = transfer.photo_folder(folder, size=4)[0].images
    if expected is None:
        assert len(images) == 2
        assert "Cat/2.tif (which values are black" in capsys.readouterr().out
    else:
        assert len(images) == 3 and images[1].unique().tolist() == [expected]


@pytest.mark.parametrize("name", ["2.gif", "2.TIFF", "2.Webp"])
def test_of_several_frames_the_first_one_counts(folder, name):
    frames = [Image.new("L", (8, 8), level) for level in (200, 10)]
    frames[0].save(folder / "Cat" / name, save_all=True, append_images=frames[1:])
    assert transfer.photo_folder(folder, size=4)[0].images[1].float().mean() > 195


def test_warnings_leave_no_picture_out(folder, capsys):
    """A palette with transparency in bytes, and a damaged EXIF block, make Pillow warn."""
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 200, 100, 50])
    palette.save(folder / "Cat" / "2.png", transparency=bytes([0, 255]))
    picture().save(folder / "Cat" / "3.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        part, _ = transfer.photo_folder(folder, size=4)
    assert part.labels.tolist() == [0, 0, 0, 1] and capsys.readouterr().out == ""
    assert part.images[1, :, 0, 0].tolist() == [200, 100, 50]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("broken", [False, True])
def test_a_phone_photograph_is_turned_upright(folder, orientation, broken):
    """A broken resolution tag beside the orientation is no reason to leave it out."""
    levels = np.arange(0, 256, 16, dtype=np.uint8).reshape(4, 4)
    picture = Image.fromarray(levels).resize((32, 32), Image.Resampling.NEAREST)
    tags = [(0x0112, 3, 1, struct.pack("<HH", orientation, 0))]
    if broken:  # of kind "text", where a fraction should stand
        tags += [(0x011A, 2, 1, b"?\0\0\0")]
    block = b"".join(struct.pack("<HHI4s", *tag) for tag in tags)
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + block + b"\0\0\0\0"
    picture.save(folder / "Cat" / "2.jpg", exif=exif, quality=100)
    part, _ = transfer.photo_folder(folder, size=4)
    turns = ["", "FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE"]
    turn = [*turns, "ROTATE_270", "TRANSVERSE", "ROTATE_90"][orientation - 1]
    expected = picture.transpose(Image.Transpose[turn]) if turn else picture
    expected = data.square(expected, 4)[0].int()
    assert (part.images[1, 0].int() - expected).abs().max() <= 6


def test_what_systems_leave_in_folders_is_passed_over(folder, capsys):
    for name in (".ipynb_checkpoints", "__MACOSX", ".git"):
        (folder / name).mkdir()
        picture().save(folder / name / "1-checkpoint.png")
        (folder / "Cat" / name).mkdir()
    for name in (".DS_Store", "._1.png", "Thumbs.db", "desktop.ini", "DESKTOP.INI"):
        (folder / name).write_bytes(b"x")
        (folder / "Dog" / name).write_bytes(b"x")
    part, classes = transfer.photo_folder(folder, size=4)
    assert classes == ["Cat", "Dog"] and part.labels.tolist() == [0, 1]
    assert capsys.readouterr().out == ""
    (folder / "labels.csv").write_text("x")
    transfer.photo_folder(folder, size=4)
    assert capsys.readouterr().out == "Left out: labels.csv (it lies in no class folder)\n"


def test_names_homes_and_orders_of_classes(tmp_path, monkeypatch):
    """macOS takes letters apart; a test folder gets the numbers of the training folder."""
    apart = [unicodedata.normalize("NFD", name) for name in ("고양이", "café")]
    for name in apart:
        (tmp_path / name).mkdir()
        picture().save(tmp_path / name / "1.png")
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path.parent))
    part, classes = transfer.photo_folder(f"~/{tmp_path.name}", np.int64(4))
    assert classes == ["café", "고양이"] and part.labels.tolist() == [0, 1]
    part, classes = transfer.photo_folder(tmp_path, 4, apart)
    assert classes == ["고양이", "café"] and part.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    "given, message",
    [
        ({"path": "nowhere"}, "nowhere does not exist"),
        ({"path": "~nobody-of-this-name/x"}, "~nobody-of-this-name/x does not exist"),
        ({"path": "a file"}, "a file does not exist"),
        ({"path": "one"}, "needs two or more"),
        ({"path": "empty"}, "Fox has no picture that can be read"),
        *[({"size": size}, "size is .*; it must be") for size in (0, -1, 1.5, True, "128", (4, 4))],
        ({"classes": ["Cat", "Dog", "Fox"]}, r"Missing: Fox\. Not in the training folder: –"),
        ({"classes": ["Cat", "Fox"]}, r"Missing: Fox\. Not in the training folder: Dog"),
        ({"classes": ["Cat"]}, r"Missing: –\. Not in the training folder: Dog"),
        ({"classes": "Cat"}, "classes is 'Cat'; it must be a list"),
        ({"classes": ["Cat", "Dog", "Dog"]}, "it must be a list of different names"),
    ],
)
def test_what_is_no_set_of_photographs_is_refused(folder, monkeypatch, given, message):
    monkeypatch.chdir(folder.parent)
    Path("a file").write_text("")
    shutil.copytree("photos/Cat", "one/Cat")
    shutil.copytree("photos/Cat", "empty/Cat")
    Path("empty/Fox").mkdir()
    with pytest.raises(ValueError, match=message):
        transfer.photo_folder(**{"path": "photos", **given})


# ---- the chapter's own functions ----------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([1, 3]), st.integers(8, 40), st.integers(8, 40), st.integers(8, 80))
def test_prepare_is_torchvisions_transform(channels, height, width, size):
    prepare = make_features.from_the_chapter(["libraries-code", "prepare-code"])["prepare"]
    generator = torch.Generator().manual_seed(height * width)
    images = torch.randint(0, 256, (2, channels, height, width), generator=generator).byte()
    theirs = transforms.Compose(
        [
            transforms.ConvertImageDtype(torch.float32),
            transforms.Resize((size, size), antialias=True),
            transforms.Lambda(lambda x: x.repeat(1, 3 // channels, 1, 1)),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    torch.testing.assert_close(prepare(images, size), theirs(images), atol=1e-4, rtol=1e-4)
    plain = prepare(images, size, normalised=False)
    assert plain.shape == (2, 3, size, size) and plain.min() >= -1e-5 and plain.max() <= 1 + 1e-5


def test_features_are_means_over_quarters_in_eval_mode(chapter):
    torch.manual_seed(0)
    layers = models.mobilenet_v2().features[:3].train()
    images = torch.randint(0, 256, (103, 1, 28, 28)).byte()
    before = copy.deepcopy(layers.state_dict())
    x = chapter["features"](layers, images, size=32)
    maps = layers.eval()(chapter["prepare"](images, 32)).detach()  # (103, 24, 8, 8)
    quarters = [maps[:, :, i : i + 4, j : j + 4].mean((2, 3)) for i in (0, 4) for j in (0, 4)]
    torch.testing.assert_close(x, torch.stack(quarters, dim=2).flatten(1), atol=1e-5, rtol=1e-4)
    assert changed(layers, before) == [] and not x.requires_grad


def test_the_head_lies_at_the_bottom_whatever_the_scale(chapter):
    """At the minimum all derivatives vanish; scaling and shifting a feature changes no answer."""
    generator = torch.Generator().manual_seed(0)
    x, labels = torch.randn(60, 12, generator=generator), torch.arange(60) % 3
    x[:, 0] += labels
    head = chapter["linear_head"](x, labels)
    center, spread = x.mean(0), (x.std(0) + 1e-3 * x.std()) * 12**0.5
    weight = (head.weight * spread).detach().double().requires_grad_()
    bias = (head.bias + head.weight @ center).detach().double().requires_grad_()
    scaled = ((x - center) / spread).double()
    loss = functional.cross_entropy(scaled @ weight.T + bias, labels)
    (loss + 3e-4 / 2 * (weight**2).sum()).backward()
    assert weight.grad.abs().max() < 1e-4 and bias.grad.abs().max() < 1e-4
    other = x * torch.linspace(0.9, 1.1, 12) + 5
    found = chapter["linear_head"](other, labels)(other)
    torch.testing.assert_close(found, head(x), atol=0.05, rtol=0.05)


def changed(network, before):
    """The names of the parameters and buffers that are no longer those of `before`."""
    now = network.state_dict().items()
    return [name for name, values in now if not torch.equal(values, before[name])]


def test_frozen_parameters_and_buffers_are_bit_identical_after_training(chapter):
    torch.manual_seed(0)
    layers = models.mobilenet_v2().features[:11].requires_grad_(False)
    network = chapter["Transferred"](layers, torch.nn.Linear(256, 10))
    before = copy.deepcopy(network.state_dict())
    x, labels = torch.randn(20, 3, 64, 64), torch.arange(20) % 10
    groups = [{"params": network.head.parameters(), "lr": 0.1}]
    chapter["tune"](network, x, labels, groups, steps=3)
    assert changed(network, before) == ["head.weight", "head.bias"]
    chapter["tune"](network, x, labels, groups, steps=3, train_mode=True)
    moved = changed(network, before)
    assert any("running_mean" in name for name in moved)  # the mistake of section 6
    assert not any(name in dict(layers.named_parameters(prefix="layers")) for name in moved)


def test_draws_are_balanced_and_repeatable(chapter):
    labels = torch.arange(2000) % 10
    few = chapter["draw"](7, 3, labels)
    assert labels[few].bincount().tolist() == [7] * 10 and len(set(few.tolist())) == 70
    assert torch.equal(few, chapter["draw"](7, 3, labels))
    assert not torch.equal(few, chapter["draw"](7, 4, labels))
