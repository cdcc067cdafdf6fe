"""Several processes train the network that one process trains: under torchrun, and the
way for Windows. What must differ is tried, too: the comparison would notice.

Measured with 8 seeds, batches of 32, 96 and 128 and 20 steps: the weights of two processes differ
from those of one by 1e-7 to 6e-4 of their length (the latter where rounding sends one number to the
other side of a ReLU or past its neighbour in a pooling window); without averaging, by 0.07 or more.
"""

import os
import runpy
import subprocess
import sys

import pytest
import torch
from torch import nn

from cnnbook import distributed
from cnnbook.data import fashion_mnist

AGREE = 5e-3  # of the length of the weights
OPTIONS = ["--batch-size", "32", "96", "--steps", "20", "--seed", "3"]
TORCHRUN = "-m torch.distributed.run --standalone --local-addr=127.0.0.1 --nproc-per-node=2"


@pytest.fixture(scope="module")
def part():
    return fashion_mnist("mini").train


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def program(monkeypatch, *options):
    """Run the program in this very process."""
    monkeypatch.setattr(sys, "argv", ["cnnbook.distributed", *options])
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "cnnbook.distributed", raising=False)
    runpy.run_module("cnnbook.distributed", run_name="__main__")


def start(out, launcher, *options):
    """Run the program in processes of its own; returns its arrays and what it printed."""
    command = [sys.executable, *launcher.split(), "-m", "cnnbook.distributed", *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    settings = {"capture_output": True, "encoding": "utf-8", "timeout": 120}
    done = subprocess.run([*command, "--out", str(out)], env=environment, **settings)
    assert done.returncode == 0, done.stderr
    return torch.load(out, weights_only=True), done.stdout


def apart(some, others):
    """How far two rows of weights lie apart, as a share of their length."""
    return ((some - others).norm(dim=-1) / others.norm(dim=-1)).max().item()


@pytest.mark.parametrize("launcher, spawn", [(TORCHRUN, []), ("", ["--spawn", "2"])])
def test_two_processes_train_what_one_trains(launcher, spawn, tmp_path, one_thread, part):
    found, printed = start(tmp_path / "two.pt", launcher, *OPTIONS, *spawn)
    alone = [distributed.train(part, size, 20, 3) for size in (32, 96)]
    weights, losses, _ = (torch.stack(rows) for rows in zip(*alone, strict=True))
    assert os.listdir(tmp_path) == ["two.pt"]
    assert found["processes"] == 2 and found["threads"] == 1
    assert "1 / 2: " in printed and "2 / 2: " in printed
    assert found["seconds"].shape == (2, 19) and (found["seconds"] > 0).all()
    assert apart(found["weights"], weights) < AGREE
    torch.testing.assert_close(found["losses"][:, 0], losses[:, 0], rtol=1e-5, atol=0)
    torch.testing.assert_close(found["losses"], losses, rtol=AGREE, atol=0)


def test_the_program_alone(tmp_path, monkeypatch, one_thread, part, capsys):
    out = tmp_path / "one.pt"
    program(monkeypatch, *OPTIONS, "--out", str(out), "--language", "en")
    found = torch.load(out, weights_only=True)
    weights, losses, _ = distributed.train(part, 96, 20, 3)
    assert found["processes"] == 1 and os.listdir(tmp_path) == ["one.pt"]
    assert torch.equal(found["weights"][1], weights) and torch.equal(found["losses"][1], losses)
    printed = capsys.readouterr().out
    assert "1 / 1: cpu" in printed and "10,000 training" in printed


def test_the_file_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    out = tmp_path / "one.pt"
    out.write_text("of the run before")

    def disk_full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", disk_full)
    with pytest.raises(OSError, match="No space"):
        program(monkeypatch, "--steps", "1", "--out", str(out))
    assert out.read_text() == "of the run before" and os.listdir(tmp_path) == ["one.pt"]


def test_it_learns_and_what_must_differ_does(part, one_thread, monkeypatch):
    """Another seed, or a process whose gradients are not averaged with those of the other."""
    losses = distributed.train(part, 128, 40, 0)[1]
    assert losses[0] > 2.2 and losses[-5:].mean() < 1.2
    weights, losses, _ = distributed.train(part, 96, 20, 3)
    assert apart(distributed.train(part, 96, 20, 4)[0], weights) > 10 * AGREE
    monkeypatch.setattr(nn.parallel, "DistributedDataParallel", lambda network: network)
    half, half_losses, _ = distributed.train(part, 96, 20, 3, rank=0, world=2)
    assert apart(half, weights) > 10 * AGREE
    assert abs(half_losses[0] / losses[0] - 1) > 1e-3  # of a share, not of the batch


@pytest.mark.parametrize("batch_size, steps, world", [(33, 1, 2), (0, 1, 1), (-2, 1, 2), (2, 0, 1)])
def test_a_batch_that_cannot_be_shared(batch_size, steps, world, part):
    message = f"batch_size is {batch_size} and steps {steps}; .* multiple of the {world} processes"
    with pytest.raises(ValueError, match=message):
        distributed.train(part, batch_size, steps, 0, rank=0, world=world)
    with pytest.raises(ValueError, match="process group has not been initialized"):
        distributed.train(part, 32, 1, 0, rank=0, world=2)  # nobody has the other half
