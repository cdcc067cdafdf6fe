"""One training shared by several processes: the program that `torchrun` starts.

    torchrun --standalone --local-addr=127.0.0.1 --nproc-per-node=2 -m cnnbook.distributed

(``--local-addr``: without it the processes look for each other under this computer's name, and
wait for a minute and fail where no network knows that name.)

Every process holds the whole network and computes the gradient of its share of each batch.
DistributedDataParallel (DDP) takes the mean of these gradients over all processes (Li et al. 2020,
"PyTorch distributed", VLDB 13(12), section 3), so all of them make the same step: the one that a
single process makes with the whole batch, but for rounding. ``python -m cnnbook.distributed``,
without torchrun, is that single process. Both write ``--out``, by default ``run.pt``.

The network must look at each picture by itself. BatchNorm does not: its mean and variance would be
those of a share, not of the batch, and two processes would train another network than one does.

On Windows, where torchrun needs a library that torch comes without there (pytorch issue 148283),
``python -m cnnbook.distributed --spawn 2`` starts two processes in its place.
"""

import argparse
import io
import os
import time
from pathlib import Path

import torch
from torch import distributed, nn
from torch.multiprocessing.spawn import spawn

from cnnbook.data import Part, fashion_mnist, normalise
from cnnbook.files import write_atomically
from cnnbook.language import say, set_language
from cnnbook.models import SmallCNN
from cnnbook.training import seeded


def train(
    part: Part, batch_size: int, steps: int, seed: int, rank: int = 0, world: int = 1
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Train a new `SmallCNN` as process `rank` of `world`, by SGD with learning rate 0.1.

    `batch_size` counts the pictures of all processes together. Every process draws the same batch,
    because the same seed starts its generator, and takes every `world`-th picture of it.

    Returns all weights in a row, float32 (9098,); the loss of this process's share of each batch,
    float64 (steps,); and the seconds from step to step, float64 (steps - 1,). Raises ValueError if
    the batch cannot be shared equally: then the mean of the means would not be that of the batch.
    """
    if batch_size < 1 or batch_size % world or steps < 1:
        rule = f"a multiple of the {world} processes, and steps at least 1"
        raise ValueError(f"batch_size is {batch_size} and steps {steps}; batch_size must be {rule}")
    with seeded(seed):
        network = SmallCNN()  # the same first weights in every process
    model = nn.parallel.DistributedDataParallel(network) if world > 1 else network
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    order = torch.Generator().manual_seed(seed)  # the same batches in every process
    log = []
    for _ in range(steps):
        batch = torch.randint(len(part), (batch_size,), generator=order)
        share = batch[rank::world]  # (batch_size / world,)
        logits = model(normalise(part.images[share]))
        loss = nn.functional.cross_entropy(logits, part.labels[share])
        optimizer.zero_grad()
        loss.backward()  # DDP: each gradient becomes its mean over all processes
        optimizer.step()
        log.append((loss.item(), time.perf_counter()))
    losses, times = torch.tensor(log, dtype=torch.float64).T
    weights = nn.utils.parameters_to_vector(network.parameters()).detach()
    return weights, losses, times.diff()


def run(rank: int, world: int, address: str, options: argparse.Namespace) -> None:
    """One process of the program: train once with each batch size; process 0 writes the file.

    The file is a dict for ``torch.load``, with B batch sizes: `weights` (B, 9098), `losses`
    (B, steps) of the whole batches, `seconds` (B, steps - 1), `processes`, `threads`. It appears
    whole or not at all.
    """
    set_language(options.language)
    torch.set_num_threads(options.threads)
    say(f"{rank + 1} / {world}: cpu, gloo, {options.threads} × thread")
    if world > 1:
        distributed.init_process_group("gloo", address, rank=rank, world_size=world)
    part = fashion_mnist("mini").train
    sizes, steps, seed = options.batch_size, options.steps, options.seed
    runs = [train(part, size, steps, seed, rank, world) for size in sizes]
    weights, losses, seconds = (torch.stack(rows) for rows in zip(*runs, strict=True))
    if world > 1:
        distributed.all_reduce(losses)  # the sum over all processes
        distributed.destroy_process_group()
    if rank == 0:
        found = {"weights": weights, "losses": losses / world, "seconds": seconds}
        content = io.BytesIO()
        torch.save(found | {"processes": world, "threads": options.threads}, content)
        write_atomically(options.out, content.getvalue())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, nargs="+", default=[128])
    defaults = {"out": Path("run.pt"), "steps": 20, "seed": 0, "threads": 1, "language": "ko"}
    for name, default in (defaults | {"spawn": 1}).items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    options = parser.parse_args()
    if options.spawn > 1:
        address = f"tcp://127.0.0.1:{20000 + os.getpid() % 10000}"
        spawn(run, (options.spawn, address, options), options.spawn)
    else:  # torchrun says in the environment which process this is
        rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        run(rank, world, "env://", options)
