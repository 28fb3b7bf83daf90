"""Peak memory of training and of every command, with all the processes that they start, next to other tools.

`python -m benchmarks.memory` prints one table in Markdown. The digits are MNIST's, the table has 5,000 rows and 30
columns. Every row is a process of its own. Pages that several of its processes share count once.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.digits import ROOT, load_digits
from benchmarks.speed.harness import Worker, WorkerError, machine, missing, tree_memory
from benchmarks.speed.tools import TOOLS, Settings
from benchmarks.speed.workloads import WORKLOADS

LOOK = 0.05
"""Seconds between two looks at the memory."""
PEERS = ("textbook", "keras", "pythae", "sklearn", "pyod")
COMMANDS = {
    "train": "train {data} --recipe deep --set code={code} --epochs 3 --out {run} --force --quiet",
    "evaluate": "evaluate {run} {data}",
    "report": "report {run} --force",
    "doctor": "doctor {run}",
    "encode": "encode {run} {data} {out}/codes.npy --force",
    "reconstruct": "reconstruct {run} {data} {out}/rebuilt.npy --force",
    "detect": "detect {run} {data}",
    "drift": "drift {run} {data}",
    "sample": "sample {run} {out}/new.npy --way mixture --count 1000 --force",
    "map": "map {run} --out {out}/map.png --force",
    "compress": "compress {run} {data} {out}/data.isth --force",
    "decompress": "decompress {out}/data.isth {out}/back.npy --run {run} --force",
    "info": "info {run}",
    "--help": "--help",
}
"""The commands in the order in which they are run: what one writes, a later one reads."""
TABLE_PEERS = {
    "PyTorch, textbook loop": (
        "torch",
        """
import torch
from torch import nn
x = torch.from_numpy(x)
sizes = [30, 128, 64, 10, 64, 128, 30]
layers = [layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Linear(a, b), nn.ReLU())][:-1]
model = nn.Sequential(*layers)
optimiser = torch.optim.Adam(model.parameters())
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x), batch_size=256, shuffle=True)
for _ in range(3):
    for (batch,) in loader:
        optimiser.zero_grad()
        nn.functional.mse_loss(model(batch), batch).backward()
        optimiser.step()
""",
    ),
    "Keras 3 on JAX": (
        "keras",
        """
import os
os.environ["KERAS_BACKEND"] = "jax"
import keras
layers = [keras.layers.Dense(n, activation="relu") for n in (128, 64, 10, 64, 128)]
model = keras.Sequential([keras.Input((30,)), *layers, keras.layers.Dense(30)])
model.compile(optimizer="adam", loss="mse")
model.fit(x, x, batch_size=256, epochs=3, verbose=0)
""",
    ),
    "scikit-learn MLPRegressor": (
        "sklearn",
        """
import warnings
warnings.simplefilter("ignore")
from sklearn.neural_network import MLPRegressor
MLPRegressor((128, 64, 10, 64, 128), batch_size=256, max_iter=3).fit(x, x)
""",
    ),
    "PyOD AutoEncoder": (
        "pyod",
        """
from pyod.models.auto_encoder import AutoEncoder
AutoEncoder(hidden_neuron_list=[128, 64, 10], epoch_num=3, batch_size=256, verbose=0).fit(x)
""",
    ),
}
"""Training on the table by other tools: the package that is needed, and the script after `x` is read."""


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=Settings.count, help="digits (60,000)")
    parser.add_argument("--only", help="commands, by commas; train is always among them")
    parser.add_argument("--no-peers", action="store_true", help="Isthmus alone")
    parser.add_argument("--peers-python", default=os.environ.get("ISTHMUS_PEERS_PYTHON", sys.executable))
    words = parser.parse_args()
    only = set(words.only.split(",")) | {"train"} if words.only else set(COMMANDS)
    commands = {name: line for name, line in COMMANDS.items() if name in only}
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="isthmus-memory-") as name:
        folder = Path(name)
        np.save(folder / "digits.npy", load_digits(words.count)[0])
        made = np.random.default_rng(0).normal(size=(5_000, 10)) @ np.random.default_rng(1).normal(size=(10, 30))
        np.save(folder / "table.npy", made.astype(np.float32))
        found: dict[str, dict[str, float | None]] = {}
        for data, code in (("digits", 32), ("table", 10)):
            for title, line in commands.items():
                with console.status(f"{data}: {title}"):
                    filled = line.format(data=folder / f"{data}.npy", run=folder / data, out=folder, code=code)
                    found.setdefault(title, {})[data] = peak([sys.executable, "-m", "isthmus", *filled.split()])
        if not words.no_peers:
            for title, by_data in peers(folder, words.count, words.peers_python, console).items():
                found[f"{title}, training"] = by_data
    about = machine()
    print(f"{about['processor']}, {about['cores']} cores, {time.strftime('%Y-%m-%d')}; {words.count:,} digits\n")
    print("| peak memory, MB | digits | table, 5,000 × 30 |\n|---|--:|--:|")
    for title, by_data in found.items():
        cells = ["" if (mb := by_data.get(data)) is None else f"{mb:,.0f}" for data in ("digits", "table")]
        print(f"| {title if ',' in title else f'`isthmus {title}`'} | {' | '.join(cells)} |")


def peers(folder: Path, count: int, python: str, console: Console) -> dict[str, dict[str, float | None]]:
    """The peak of each other tool in training on the digits and on the table."""
    found: dict[str, dict[str, float | None]] = {}
    for name in PEERS:
        tool = TOOLS[name]
        own = python if tool.peer else sys.executable
        if missing(tool, own) is None:
            with console.status(f"digits: {tool.title}"):
                found[tool.title] = {"digits": in_training(Worker(tool, WORKLOADS["deep"], Settings(count), own))}
    read = f"import numpy as np; x = np.load({str(folder / 'table.npy')!r})\n"
    for title, (package, script) in TABLE_PEERS.items():
        own = sys.executable if package == "torch" else python
        with console.status(f"table: {title}"):
            found.setdefault(title, {})["table"] = peak([own, "-c", read + script])
    return found


def in_training(worker: Worker) -> float | None:
    """The peak of two epochs of a tool; None if it failed."""
    try:
        worker.start()
        worker.turn(1)
        return worker.row()["tree_peak_mb"]
    except WorkerError:
        return None
    finally:
        worker.end()


def peak(command: Sequence[str]) -> float | None:
    """The most MB that a command and all its processes held together; None if it failed.

    The largest of what was seen now and then, and of the system's record of the process itself.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])}
    most = 0.0
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, env=environment)  # noqa: S603
        while process.poll() is None:
            most = max(most, tree_memory(process.pid), _high_water_mb(process.pid))
            time.sleep(LOOK)
        log.seek(0)
        said = log.read().decode(errors="replace").strip()
    if process.returncode:
        print(f"{' '.join(command[2:5])} … failed: {said.splitlines()[-1] if said else ''}", file=sys.stderr)
        return None
    return most


def resident_mb() -> float:
    """Resident memory of this process in MB."""
    return _status_mb(os.getpid(), "VmRSS")


def _high_water_mb(pid: int) -> float:
    return _status_mb(pid, "VmHWM")


def _status_mb(pid: int, name: str) -> float:
    """A size in /proc/PID/status, in MB; 0 where it is not there."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), 0.0)


if __name__ == "__main__":
    main()
