"""Seconds an epoch in one process and in two, of Isthmus and of PyTorch's DistributedDataParallel.

`python -m benchmarks.processes` prints a table in Markdown. Each process computes on one thread. It needs a machine of
its own with as many cores as processes.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from benchmarks.digits import load_digits
from benchmarks.speed.workloads import WORKLOADS

BATCH = 256


def main() -> None:
    """Train with each number of processes in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", default=["deep", "wide"])
    parser.add_argument("--processes", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.worker:
        tool, workload = words.worker
        seconds = TOOLS[tool](workload, words.count, words.epochs)
        if os.environ["RANK"] == "0":
            print(json.dumps(seconds))
        return
    print(f"{words.count:,} digits, batch {BATCH}, one thread in each process; seconds an epoch, the least of all\n")
    print("| workload | processes | Isthmus | DistributedDataParallel |\n|---|--:|--:|--:|")
    for workload in words.workloads:
        for size in words.processes:
            found: dict[str, list[float]] = {tool: [] for tool in TOOLS}
            for _ in range(words.turns):
                for tool, seconds in found.items():
                    seconds.extend(launch(tool, workload, size, words))
            best = [f"{min(seconds):.3f} (median {statistics.median(seconds):.3f})" for seconds in found.values()]
            print(f"| {workload} | {size} | {' | '.join(best)} |", flush=True)


def launch(tool: str, workload: str, size: int, words: argparse.Namespace) -> list[float]:
    """The seconds of each epoch but the first."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.processes", "--worker", tool, workload]
    command += ["--count", str(words.count), "--epochs", str(words.epochs)]
    places = {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(  # noqa: S603 its own words
            command, env=os.environ | places | {"RANK": str(rank), "LOCAL_RANK": str(rank)}, stdout=subprocess.PIPE
        )
        for rank in range(size)
    ]
    said = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        raise SystemExit(f"{tool} failed on {workload} with {size} processes")
    return json.loads(said[0])[1:]


def by_isthmus(workload: str, count: int, epochs: int) -> list[float]:
    """`ist.fit`, with the data as bytes in memory."""
    import isthmus as ist  # noqa: PLC0415 each tool in a process of its own

    data = ist.open_data(load_digits(count)[0], seed=0, validation=0.0, test=0.0)
    *widths, code = WORKLOADS[workload].widths[1:]
    options = {"widths": widths, "code": code, "activation": "relu", "code__activation": "relu", "link": "sigmoid"}
    model = ist.recipe("deep", **options).build(data)
    run = ist.fit(model, data, epochs=epochs + 1, batch_size=BATCH, progress=False, compile=False)
    return [row["seconds"] for row in run.history]


def by_ddp(workload: str, count: int, epochs: int) -> list[float]:
    """A textbook loop with DistributedDataParallel, the data as floats in memory, each rank with its share."""
    import torch.distributed as dist  # noqa: PLC0415 as above
    from torch.nn.parallel import DistributedDataParallel  # noqa: PLC0415

    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    samples = torch.from_numpy(load_digits(count)[0]).flatten(1).float() / 255
    widths = (784, *WORKLOADS[workload].hidden, 784)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    network: Any = nn.Sequential(*layers[:-1], nn.Sigmoid())
    if size > 1:
        dist.init_process_group("gloo")
        network = DistributedDataParallel(network)
    optimiser = torch.optim.Adam(network.parameters(), fused=True)
    seconds = []
    for epoch in range(epochs + 1):
        order = torch.randperm(count, generator=torch.Generator().manual_seed(epoch))
        began = time.perf_counter()
        for rows in order.split(BATCH):
            x = samples[rows[rank::size]]
            loss = nn.functional.mse_loss(network(x), x)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        seconds.append(time.perf_counter() - began)
    if size > 1:
        dist.destroy_process_group()
    return seconds


TOOLS = {"isthmus": by_isthmus, "ddp": by_ddp}

if __name__ == "__main__":
    main()
