"""Seconds an epoch on a GPU: Isthmus, the textbook loop, and a bare loop with the bytes there and a captured graph.

`python -m benchmarks.speed.accelerator`; 60,000 digits of 784 bytes, Adam, medians of the epochs after the first.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import isthmus as ist
from benchmarks.digits import find_digits

NETWORKS = {"deep": (784, 128, 64, 32, 64, 128, 784), "wide": (784, 1000, 500, 250, 30, 250, 500, 1000, 784)}
OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "deep": ("deep", {"code": 32, "widths": [128, 64]}),
    "wide": ("deep", {"code": 30, "widths": [1000, 500, 250]}),
    "vae": ("vae", {"code": 20}),
    "conv": ("conv", {}),
}


def main() -> None:
    """Print a row a network, batch size and loop."""
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    words.add_argument("--epochs", type=int, default=5)
    words.add_argument("--batches", default="256,4096", help="batch sizes, by commas")
    chosen = words.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("There is no GPU here. Run this on a machine that has one.")
    found = find_digits()
    source: Any = found if found is not None else torch.randint(0, 256, (60_000, 1, 28, 28), dtype=torch.uint8).numpy()
    data = ist.open_data(source)
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, {len(data.train):,} samples an epoch")
    for batch in map(int, chosen.batches.split(",")):
        for name, sizes in NETWORKS.items():
            for loop in (textbook, captured):
                say(name, batch, loop.__name__, loop(network(sizes), data.train.tensor(), batch, chosen.epochs))
        for name, (recipe, options) in OPTIONS.items():
            model = ist.recipe(recipe, **options).build(data, remarks=False)
            run = ist.fit(model, data, epochs=chosen.epochs, batch_size=batch, progress=False)
            say(name, batch, "isthmus", [row["seconds"] for row in run.history])


def say(name: str, batch: int, loop: str, seconds: list[float]) -> None:
    """A line of the table."""
    print(f"{name:6} batch {batch:5}  {loop:9} {statistics.median(seconds[1:]):7.3f} s an epoch", flush=True)


def network(sizes: tuple[int, ...]) -> nn.Module:
    """The same layers as Isthmus' recipe has."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.SiLU()]
    layers[-1] = nn.Sigmoid()
    return nn.Sequential(*layers).cuda()


def textbook(model: nn.Module, digits: Tensor, batch: int, epochs: int) -> list[float]:
    """As tutorials write it: a DataLoader of floats, one transfer and one `item()` a step."""
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    loader = DataLoader(TensorDataset(digits.flatten(1).float() / 255), batch_size=batch, shuffle=True, pin_memory=True)

    def epoch() -> None:
        for (x,) in loader:
            x = x.cuda(non_blocking=True)  # noqa: PLW2901 as tutorials write it
            loss = (model(x) - x).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss.item()

    return timed(epoch, epochs)


def captured(model: nn.Module, digits: Tensor, batch: int, epochs: int) -> list[float]:
    """The least that such a step takes: bytes on the GPU, one CUDA graph, nothing noted, nothing validated."""
    optimiser = torch.optim.Adam(model.parameters(), 1e-3, fused=True, capturable=True)
    resident = digits.flatten(1).cuda()
    held = resident[:batch].clone()

    def step() -> None:
        x = held.float() / 255
        (model(x) - x).square().mean().backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=False)

    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()

    def epoch() -> None:
        for chosen in torch.randperm(len(resident), device="cuda").split(batch):
            if len(chosen) == batch:
                torch.index_select(resident, 0, chosen, out=held)
                graph.replay()

    return timed(epoch, epochs)


def timed(epoch: Callable[[], None], epochs: int) -> list[float]:
    """Seconds of each."""
    seconds = []
    for _ in range(epochs):
        began = time.perf_counter()
        epoch()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    main()
