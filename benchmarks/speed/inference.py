"""Seconds to encode and to reconstruct 60,000 digits and one, by a run of Isthmus and by the plain module, in turns.

`python -m benchmarks.speed.inference --json out.json`; both hold the same weights, take raw bytes, and give the same
numbers.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Column, Table
from torch import Tensor, nn

import isthmus as ist
from benchmarks.digits import load_digits
from benchmarks.speed.harness import machine
from benchmarks.speed.tools import Settings
from benchmarks.speed.tools.isthmus import blueprint
from benchmarks.speed.tools.torch_networks import decoder, encoder, shape
from benchmarks.speed.training import load, names, write
from benchmarks.speed.workloads import WORKLOADS, Workload

Clock = Callable[[], float]
BATCH = 1024
TRAINED = 2_560
LEAST = 0.2
"""Seconds that a measurement of one row lasts at least; it is repeated until then."""


def main() -> None:
    """Run the workloads and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", type=names(WORKLOADS), default=list(WORKLOADS), help="workloads, by commas")
    parser.add_argument("--turns", type=int, default=5, help="rounds in which both have their turn (5)")
    parser.add_argument("--cpu", action="store_true", help="the processor's time, where others use the machine too")
    parser.add_argument("--json", type=Path, help="write a row per workload and use")
    words = parser.parse_args()
    console, about = Console(), machine()
    pictures, data = load_digits(Settings.count)
    console.print(f"{about['processor']}, {about['cores']} cores, {about['instructions']}; {load()}; {data}")
    rows = [
        {**row, "data": data, "machine": about}
        for name in words.only
        for row in compare(
            WORKLOADS[name], pictures, words.turns, time.process_time if words.cpu else time.perf_counter
        )
    ]
    made = Table(
        "workload",
        "use",
        "rows",
        *(Column(title, justify="right") for title in ("isthmus, ms", "plain module, ms", "ratio")),
    )
    for row in rows:
        own, plain = 1000 * row["seconds"], 1000 * row["plain_seconds"]
        made.add_row(
            row["workload"], row["use"], f"{row['rows']:,}", f"{own:.3g}", f"{plain:.3g}", f"{own / plain:.2f}"
        )
    console.print(made)
    if words.json:
        write(rows, words.json)


def compare(workload: Workload, pictures: np.ndarray, turns: int, clock: Clock) -> list[dict[str, Any]]:
    """A row for each use and number of samples: medians over the turns, in seconds of the clock."""
    some = ist.open_data(pictures[:TRAINED], validation=0, test=0)
    run = ist.fit(blueprint(workload).build(some), some, epochs=1, batch_size=256, compile=False, progress=False)
    narrow, wide = encoder(workload).eval(), decoder(workload).eval()
    copy_weights(run.model, nn.Sequential(narrow, wide))
    plain_uses = {"encode": narrow, "reconstruct": nn.Sequential(narrow, wide)}
    own_uses = {"encode": run.encode, "reconstruct": run.reconstruct}
    rows = []
    for use, count in ((use, count) for use in plain_uses for count in (len(pictures), 1)):
        raw = torch.from_numpy(pictures[:count]).unsqueeze(1)
        own, plain = own_uses[use], plain_uses[use]

        def by_isthmus(own: Callable[[Tensor], Tensor] = own, raw: Tensor = raw) -> Tensor:
            return own(raw)

        def by_hand(plain: nn.Module = plain, raw: Tensor = raw) -> Tensor:
            with torch.inference_mode():
                shaped = raw.reshape(-1, *shape(workload))
                return torch.cat([plain(part.float() / 255) for part in shaped.split(BATCH)])

        check(by_isthmus(), by_hand(), use)
        seconds: dict[str, list[float]] = {"own": [], "plain": []}
        for _ in range(turns):
            seconds["own"].append(measure(by_isthmus, clock, once=count > 1))
            seconds["plain"].append(measure(by_hand, clock, once=count > 1))
        rows.append(
            {
                "workload": workload.name,
                "use": use,
                "rows": count,
                "seconds": statistics.median(seconds["own"]),
                "plain_seconds": statistics.median(seconds["plain"]),
                "settings": {"batch": BATCH, "turns": turns, "network": workload.title, "clock": clock.__name__},
            }
        )
    return rows


def copy_weights(model: nn.Module, plain: nn.Module) -> None:
    """Give the plain module the model's weights; both list them from the data to the reconstruction."""
    with torch.no_grad():
        for here, there in zip(plain.parameters(), model.parameters(), strict=True):
            here.copy_(there)


def check(own: Tensor, plain: Tensor, use: str) -> None:
    """Raise ValueError unless both gave the same numbers; a reconstruction of Isthmus is in raw bytes."""
    largest = 255 if use == "reconstruct" else 1
    difference = float((own.flatten(1) - largest * plain.flatten(1)).abs().max())
    if difference > 1e-3 * max(1.0, float(own.abs().max())):
        raise ValueError(f"Isthmus and the plain module differ by {difference:g} where they should {use} alike.")


def measure(work: Callable[[], Any], clock: Clock, *, once: bool) -> float:
    """Seconds that `work` takes by the clock; where it is short, the mean of many."""
    began, times = clock(), 0
    while times == 0 or (not once and clock() - began < LEAST):
        work()
        times += 1
    return (clock() - began) / times


if __name__ == "__main__":
    main()
