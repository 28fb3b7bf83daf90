"""Seconds an epoch on a GPU: Isthmus in float32 and bfloat16, a plain captured loop, and the textbook loop.

`python -m benchmarks.speed.accelerator` on a machine with a GPU; 60,000 digits of 784 bytes, of which nine tenths are
trained on, Adam, medians of the epochs after the first. An epoch is its steps; the time with validation is next to it.

The plain captured loop is the least that such steps take: bytes on the GPU, one CUDA graph, nothing noted, nothing
validated, the last, smaller batch left out. The textbook loop is what tutorials write: a DataLoader, a transfer and an
`item()` for every batch. Both train networks of the same layers as Isthmus' recipes.

`--quick` is a try of a second on any device; without a GPU the plain loop isn't captured, and its figures mean nothing.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import isthmus as ist
from benchmarks.digits import load_digits
from isthmus.training.settings import find_device

CAPTURED, TEXTBOOK, NOISE = 1.5, 5.0, 1.03
"""The goals: at most so many times the plain captured loop; so many times as fast as the textbook loop at its batch
size; and bfloat16 at most so many times as slow as float32, which allows for the noise of a measurement."""
TEXTBOOK_BATCH = 256
ALSO = ("denoising", "iwae", "aae", "vae-gan", "vq", "rvq", "contractive", "resnet", "inpaint", "mae")
"""Recipes that are looked at once, to see whether their steps are captured."""

Losses = Callable[[nn.Module, Tensor], Tensor]


def main(words: list[str] | None = None) -> None:
    """Print the rows of each network and batch size, and which goals are met."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--epochs", type=int, default=6)
    asked.add_argument("--batches", default="256,4096", help="batch sizes, by commas")
    asked.add_argument("--networks", default=",".join(NETWORKS), help="by commas")
    asked.add_argument("--device", default="auto")
    asked.add_argument("--also", action="store_true", help="see which other recipes are captured, too")
    asked.add_argument("--quick", action="store_true", help="few digits and epochs, on any device")
    chosen = asked.parse_args(words)
    device = find_device(chosen.device)
    if device.type == "cpu" and not chosen.quick:
        raise SystemExit("There is no GPU here. Run this on a machine that has one, or try it with --quick.")
    count, epochs = (400, 2) if chosen.quick else (60_000, chosen.epochs)
    batches = [64] if chosen.quick else [int(word) for word in chosen.batches.split(",")]
    digits, source = load_digits(count)
    data = ist.open_data(digits[:, None])
    here = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    print(f"{here}, PyTorch {torch.__version__}, {date.today()}; {source}, {len(data.train):,} samples an epoch")
    bench = Bench(device, data, data.train.tensor(), epochs)
    for batch in batches:
        for name in chosen.networks.split(","):
            bench.compare(name, batch)
    if chosen.also:
        bench.see_which_are_captured(batches[0])
    print("All goals are met." if not bench.missed else "Missed: " + "; ".join(bench.missed) + ".")


@dataclass
class Bench:
    """The loops on one device. digits: (N, 1, 28, 28) bytes, those that Isthmus trains on."""

    device: torch.device
    data: ist.Data
    digits: Tensor
    epochs: int

    def __post_init__(self) -> None:
        self.missed: list[str] = []

    def compare(self, name: str, batch: int) -> None:
        """A row for each loop, and the goals."""
        own = NETWORKS[name]
        torch.manual_seed(0)
        plain = self._say(name, batch, "plain captured", self._plain(own.plain(), own.loss, batch))
        ours = self._isthmus(name, batch, "float32")
        rounded = self._isthmus(name, batch, "bfloat16")
        textbook = self._say(name, batch, "textbook", self._textbook(own.plain(), own.loss, batch))
        self._goal(f"{name} {batch}: float32 / plain captured", ours / plain, CAPTURED)
        self._goal(f"{name} {batch}: bfloat16 / float32", rounded / ours, NOISE)
        if batch == TEXTBOOK_BATCH:
            self._goal(f"{name} {batch}: float32 / textbook", ours / textbook, 1 / TEXTBOOK)

    def see_which_are_captured(self, batch: int) -> None:
        """A row for each of some other recipes."""
        for recipe in ALSO:
            try:
                self._fit(recipe, recipe, {}, batch, "float32", epochs=2)
            except Exception as error:  # the others are still worth a look
                print(f"{recipe}: {type(error).__name__}: {error}", flush=True)

    def _isthmus(self, name: str, batch: int, precision: str) -> float:
        own = NETWORKS[name]
        return self._fit(name, own.recipe, own.options, batch, precision, self.epochs)

    def _fit(self, name: str, recipe: str, options: dict[str, Any], batch: int, precision: str, epochs: int) -> float:
        """Median seconds of the steps of an epoch."""
        model, walls = ist.recipe(recipe, **options).build(self.data, remarks=False), Walls()
        settings: dict[str, Any] = {"epochs": epochs, "batch_size": batch, "precision": precision}
        run = ist.fit(model, self.data, device=str(self.device), callbacks=[walls], progress=False, **settings)
        rest = f"{walls.median():.4f} with validation, first {run.history[0]['seconds']:.2f}"
        rest += f", loss {run.history[-1]['loss']:.5f}"
        if walls.uncaptured:
            rest += f"; NOT CAPTURED: {walls.uncaptured}"
        return self._say(name, batch, f"isthmus {precision}", [row["seconds"] for row in run.history], rest)

    def _plain(self, model: nn.Module, loss: Losses, batch: int) -> list[float]:
        model, captured = model.to(self.device), self.device.type == "cuda"
        optimiser = torch.optim.Adam(model.parameters(), 1e-3, fused=captured, capturable=captured)
        resident = self.digits.to(self.device)
        held = resident[:batch].clone()

        def step() -> None:
            loss(model, held.float() / 255).backward()
            optimiser.step()
            optimiser.zero_grad(set_to_none=False)

        replay = captured_by_cuda(step) if captured else step

        def epoch() -> None:
            for chosen in torch.randperm(len(resident), device=self.device).split(batch):
                if len(chosen) == batch:
                    torch.index_select(resident, 0, chosen, out=held)
                    replay()

        return self._timed(epoch)

    def _textbook(self, model: nn.Module, loss: Losses, batch: int) -> list[float]:
        model = model.to(self.device)
        optimiser = torch.optim.Adam(model.parameters(), 1e-3)
        pinned = self.device.type == "cuda"
        loader = DataLoader(TensorDataset(self.digits.float() / 255), batch, shuffle=True, pin_memory=pinned)

        def epoch() -> None:
            for (x,) in loader:
                made = loss(model, x.to(self.device, non_blocking=True))
                optimiser.zero_grad()
                made.backward()
                optimiser.step()
                made.item()

        return self._timed(epoch)

    def _timed(self, epoch: Callable[[], None]) -> list[float]:
        """Seconds of each epoch."""
        seconds = []
        for _ in range(self.epochs):
            began = time.perf_counter()
            epoch()
            if self.device.type == "cuda":
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - began)
        return seconds

    def _say(self, name: str, batch: int, loop: str, seconds: list[float], rest: str = "") -> float:
        """Print a row; returns its median."""
        median = statistics.median(seconds[1:])
        print(f"{name:11} batch {batch:5}  {loop:16} {median:8.4f} s an epoch  {rest}".rstrip(), flush=True)
        return median

    def _goal(self, what: str, ratio: float, most: float) -> None:
        met = ratio <= most
        print(f"    {what}: {ratio:.2f}, goal {most:.2f}: {'met' if met else 'MISSED'}", flush=True)
        if not met:
            self.missed.append(f"{what} {ratio:.2f} > {most:.2f}")


class Walls(ist.Callback):
    """Seconds from one epoch's end to the next one's, with validation; and why steps aren't captured."""

    def __init__(self) -> None:
        self.uncaptured, self.times = "", []

    def epoch_end(self, training: Any) -> None:
        """Note the time."""
        self.uncaptured = training.uncaptured
        self.times.append(time.perf_counter())

    def median(self) -> float:
        """Of the epochs after the first."""
        return statistics.median(later - before for before, later in itertools.pairwise(self.times))


@dataclass(frozen=True)
class Network:
    """A network as a recipe with its options, and as plain PyTorch with its loss."""

    recipe: str
    options: dict[str, Any]
    plain: Callable[[], nn.Module]
    loss: Losses


def dense(*sizes: int) -> nn.Module:
    """Linear layers with SiLU between them, and a sigmoid at the end."""
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.SiLU()]
    layers[-1] = nn.Sigmoid()
    return nn.Sequential(*layers)


def convolutions() -> nn.Module:
    """The lectures' network: 28-14-7-4, and back by 4-8-16-14-28."""
    down = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)]
    for before in (16, 8):
        down += [nn.Conv2d(before, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)]
    up = [nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2)]
    up += [nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2)]
    up += [nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Upsample(scale_factor=2)]
    return nn.Sequential(*down, *up, nn.Conv2d(16, 1, 3, padding=1), nn.Sigmoid())


class Vae(nn.Module):
    """784-400-20-400-784."""

    def __init__(self, width: int = 400, code: int = 20) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, width), nn.ReLU(), nn.Linear(width, 2 * code))
        self.decoder = nn.Sequential(nn.Linear(code, width), nn.ReLU(), nn.Linear(width, 784))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, 1, 28, 28) to logits, means and log-variances."""
        mean, log_variance = self.encoder(x).chunk(2, 1)
        return self.decoder(mean + (0.5 * log_variance).exp() * torch.randn_like(mean)), mean, log_variance


def squared(model: nn.Module, x: Tensor) -> Tensor:
    """Mean squared error."""
    return (model(x).flatten(1) - x.flatten(1)).square().mean()


def bound(model: nn.Module, x: Tensor) -> Tensor:
    """The negative evidence lower bound, a sample."""
    logits, mean, log_variance = model(x)
    kl = 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum()
    return (F.binary_cross_entropy_with_logits(logits, x.flatten(1), reduction="sum") + kl) / len(x)


NETWORKS = {
    "deep": Network("deep", {"code": 32, "widths": [128, 64]}, lambda: dense(784, 128, 64, 32, 64, 128, 784), squared),
    "wide": Network(
        "deep",
        {"code": 30, "widths": [1000, 500, 250]},
        lambda: dense(784, 1000, 500, 250, 30, 250, 500, 1000, 784),
        squared,
    ),
    "vae": Network("vae", {"code": 20}, Vae, bound),
    "conv": Network("conv", {}, convolutions, squared),
}


def captured_by_cuda(step: Callable[[], None]) -> Callable[[], object]:
    """The step as a CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


if __name__ == "__main__":
    main()
