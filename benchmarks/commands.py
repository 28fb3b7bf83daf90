"""From the shell to a saved and judged model: what a user waits for, of Isthmus' command and of scripts with its peers.

`python -m benchmarks.commands --json out.json`; quickly: `--only table --epochs 5 --tools isthmus,textbook`.
Every run is a process of its own, from its start to its end, and the tools take turns. Peers' scripts read the same
training samples, train the same network with the same batch size and epochs, save the model and print its error on the
test part (`benchmarks.speed.cold`). Isthmus' command reads the same samples, keeps a validation part of a tenth and its
best weights, writes checkpoints, and compares the model with PCA.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console

from benchmarks.digits import find_digits, load_digits
from benchmarks.speed.harness import machine
from benchmarks.speed.tools import TOOLS
from benchmarks.speed.training import installed, load, names, write
from benchmarks.speed.workloads import WORKLOADS

TOOLS_HERE = ("isthmus", "keras", "sklearn", "pythae", "textbook")
WORKLOADS_HERE = ("deep", "vae", "conv", "table")
RECIPES = {
    "deep": ["--recipe", "deep", "--set", "widths=128,64", "--set", "code=32", "--set", "activation=relu"],
    "vae": ["--recipe", "vae", "--set", "widths=[400]", "--set", "code=20"],
    "conv": ["--recipe", "conv"],
    "table": ["--recipe", "deep", "--set", "widths=64,32", "--set", "code=8", "--scaling", "none"],
}
ROWS, COLUMNS, FACTORS = 5_000, 30, 8


class Taken(NamedTuple):
    """What one run took: seconds by the clock and of the processor, and the error reached."""

    seconds: float
    processor: float
    error: float


def main() -> None:
    """Run every tool on every workload and print a table of each in Markdown."""
    words = arguments()
    console = Console(stderr=True)
    tools = [tool.name for tool in installed([TOOLS[name] for name in words.tools], words.peers_python, console)]
    about = machine()
    console.print(f"{about['processor']}, {about['cores']} cores, {about['instructions']}; {load()}", highlight=False)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in words.only:
            train, test = samples_of(name, Path(folder))
            for epochs in words.epochs:
                able = [tool for tool in tools if TOOLS[tool].runs(WORKLOADS[name])]
                taken: dict[str, list[Taken]] = {tool: [] for tool in able}
                for turn in range(words.turns):
                    for tool in able:
                        with console.status(f"{name}, {epochs} epochs: turn {turn + 1}, {TOOLS[tool].title}"):
                            taken[tool].append(run(tool, name, epochs, train, test, words.peers_python))
                rows += [row(tool, name, epochs, found) for tool, found in taken.items()]
                if words.json:
                    write([{**one, "machine": about} for one in rows], words.json)
            print(table(name, [one for one in rows if one["workload"] == name], words.epochs))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", type=names(dict.fromkeys(WORKLOADS_HERE)), default=list(WORKLOADS_HERE))
    parser.add_argument("--tools", type=names(dict.fromkeys(TOOLS_HERE)), default=list(TOOLS_HERE))
    parser.add_argument("--epochs", type=lambda text: [int(one) for one in text.split(",")], default=[5, 20, 100])
    parser.add_argument("--turns", type=int, default=3, help="rounds in which every tool has its turn (3)")
    parser.add_argument("--json", type=Path, help="write a row per workload, tool and number of epochs")
    parser.add_argument("--peers-python", default=os.environ.get("ISTHMUS_PEERS_PYTHON", sys.executable))
    return parser.parse_args()


def samples_of(workload: str, folder: Path) -> tuple[Path, Path]:
    """Files with the training and the test part, as arrays: MNIST's, or a table with as many causes as the code."""
    train, test = folder / f"{workload}-train.npy", folder / f"{workload}-test.npy"
    if workload == "table":
        generator = np.random.default_rng(0)
        causes = generator.normal(size=(2 * ROWS, FACTORS)).astype(np.float32)
        weights = generator.normal(size=(FACTORS, COLUMNS)).astype(np.float32)
        values = 1 / (1 + np.exp(-(np.tanh(causes @ weights) + 0.1 * generator.normal(size=(2 * ROWS, COLUMNS)))))
        values = values.astype(np.float32)
        np.save(train, values[:ROWS])
        np.save(test, values[ROWS:])
    else:
        np.save(train, load_digits()[0])
        np.save(test, test_digits())
    return train, test


def test_digits() -> np.ndarray:
    """(10000, 28, 28) MNIST's test part; of the stand-in, its first digits."""
    path = find_digits()
    if path is None:
        return load_digits()[0][:10_000]
    with np.load(path, allow_pickle=False) as file:
        return np.ascontiguousarray(file["x_test"])


def run(tool: str, workload: str, epochs: int, train: Path, test: Path, peers_python: str) -> Taken:
    """One cold process.

    Raises:
        SystemExit: it failed.
    """
    folder = Path(tempfile.mkdtemp())
    if tool == "isthmus":
        command = [sys.executable, "-m", "isthmus", "train", str(train), *RECIPES[workload], "--test", "0.1"]
        command += ["--epochs", str(epochs), "--batch-size", "256", "--learning-rate", "1e-3"]
        command += ["--out", str(folder / "run"), "--quiet"]
    else:
        python = peers_python if TOOLS[tool].peer else sys.executable
        command = [
            python,
            "-m",
            "benchmarks.speed.cold",
            tool,
            workload,
            str(epochs),
            str(train),
            str(test),
            str(folder),
        ]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603
    output, errors = done.communicate()
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{tool} failed on {workload}: {errors.strip().splitlines()[-1:]}")
    error = error_of(folder / "run", test) if tool == "isthmus" else json.loads(output.splitlines()[-1])["mse"]
    shutil.rmtree(folder)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Taken(seconds, processor, error)


def error_of(folder: Path, test: Path) -> float:
    """The run's error on the peers' test part; it isn't timed, for the command judges a part of its own."""
    command = [sys.executable, "-m", "isthmus", "evaluate", str(folder), str(test), "--json", "--quiet"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return json.loads(found.stdout)["given"]["mse"]["model"]


def row(tool: str, workload: str, epochs: int, taken: Sequence[Taken]) -> dict[str, Any]:
    """A tool's medians."""
    middle = {name: statistics.median(getattr(one, name) for one in taken) for name in Taken._fields}
    return {"workload": workload, "epochs": epochs, "tool": tool, **middle, "all": [one.seconds for one in taken]}


def table(workload: str, rows: list[dict[str, Any]], epochs: Sequence[int]) -> str:
    """The figures of one workload in Markdown: seconds by the clock, their ratio to Isthmus', and the error."""
    lines = [
        f"{workload}: {WORKLOADS[workload].title}\n",
        "| tool |" + "".join(f" {count} epochs, s (÷ Isthmus) | error |" for count in epochs),
        "|---|" + "--:|--:|" * len(epochs),
    ]
    for tool in dict.fromkeys(one["tool"] for one in rows):
        line = f"| {TOOLS[tool].title} |"
        for count in epochs:
            found = {one["tool"]: one for one in rows if one["epochs"] == count}
            own, base = found[tool], found.get("isthmus")
            ratio = f" ({own['seconds'] / base['seconds']:.2f})" if base else ""
            line += f" {own['seconds']:.1f}{ratio} | {own['error']:.5f} |"
        lines.append(line)
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
