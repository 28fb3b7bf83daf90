"""Workers that are kept warm and take turns, so that whatever slows the machine slows all tools alike."""

import contextlib
import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.digits import ROOT
from benchmarks.speed.tools import Settings, Tool
from benchmarks.speed.workloads import Workload

LIMIT = 1800.0
"""Seconds that a worker may take for one answer."""
LOOK = 0.25
"""Seconds between two looks at the memory while a worker sets up and compiles."""


class WorkerError(Exception):
    """A worker that ended, or said nothing for too long; the text is what it said last."""


@dataclass
class Worker:
    """One tool training one workload in a process of its own; it works only while it is asked to.

    epochs: what it told of each epoch, the first one apart from the rest. turns: epochs of each turn. tree_peak_mb:
    memory of the process with all that it started, at the most that was seen while it set up and took its first epoch.
    environment: variables that are set for it alone.
    """

    tool: Tool
    workload: Workload
    settings: Settings
    python: str
    environment: dict[str, str] = field(default_factory=dict)
    hello: dict[str, Any] = field(default_factory=dict)
    first: dict[str, Any] = field(default_factory=dict)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)
    setup_seconds: float = 0.0
    tree_peak_mb: float = 0.0

    def start(self) -> None:
        """Set up and take the first epoch, with whatever the tool compiles in it.

        Raises:
            WorkerError: the tool did not get through.
        """
        self.folder = tempfile.TemporaryDirectory(prefix="isthmus-benchmark-")
        self.log = Path(self.folder.name) / "log.txt"
        command = [self.python, "-m", "benchmarks.speed.worker", self.tool.name, self.workload.name]
        paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        began = time.perf_counter()
        with self.log.open("w") as log:
            self.process = subprocess.Popen(  # noqa: S603 the interpreter is the caller's choice
                [*command, json.dumps(asdict(self.settings))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.folder.name,
                # an empty cache: what is compiled is compiled here
                env={
                    **os.environ,
                    "TORCHINDUCTOR_CACHE_DIR": f"{self.folder.name}/inductor",
                    "PYTHONPATH": paths,
                    **self.environment,
                },
            )
        with self._watched():
            self.hello = self._answer()
            self._answer()
            self.setup_seconds = time.perf_counter() - began
            self.first = self._epoch()

    def turn(self, epochs: int) -> None:
        """Take so many epochs.

        Raises:
            WorkerError: the tool did not get through.
        """
        self.epochs += [self._epoch() for _ in range(epochs)]
        self.turns.append(epochs)

    def end(self) -> None:
        """Let the process go, however far it came."""
        with contextlib.suppress(OSError, ValueError):
            self._say("end")
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        self.folder.cleanup()

    def row(self) -> dict[str, Any]:
        """The figures, as JSON holds them."""
        seconds = [epoch["seconds"] for epoch in self.epochs]
        last = (self.epochs or [self.first])[-1]
        median = statistics.median(seconds or [self.first["seconds"]])
        return {
            "workload": self.workload.name,
            "tool": self.tool.name,
            "seconds_per_epoch": median,
            "seconds": seconds,
            "first_epoch_seconds": self.first["seconds"],
            "compile_seconds": max(0.0, self.first["seconds"] - median),
            "setup_seconds": self.setup_seconds,
            "peak_mb": max(last["own_peak_mb"], last["children_peak_mb"]),
            "own_peak_mb": last["own_peak_mb"],
            "children_peak_mb": last["children_peak_mb"],
            "tree_peak_mb": max(self.tree_peak_mb, last["own_peak_mb"]),
            "loss": last["loss"],
            "epochs_trained": 1 + len(seconds),
            "differs": self.tool.differs,
            "versions": self.hello["versions"],
            "data": self.hello["data"],
            "settings": {
                **asdict(self.settings),
                **self.tool.options,
                "network": self.workload.title,
                "turns": len(self.turns),
                "epochs_a_turn": max(self.turns, default=0),
                **last["chosen"],
            },
        }

    def _epoch(self) -> dict[str, Any]:
        self._say("epoch")
        return self._answer()

    def _say(self, word: str) -> None:
        self.process.stdin.write(json.dumps({"do": word}).encode() + b"\n")
        self.process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        ready, _, _ = select.select([self.process.stdout], [], [], LIMIT)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            said = self.log.read_text(errors="replace").strip().splitlines()
            raise WorkerError(said[-1] if said else f"no answer within {LIMIT:.0f} seconds" if not ready else "ended")
        return json.loads(line)

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """Look at the memory of the process and its children now and then."""
        done = threading.Event()

        def look() -> None:
            while not done.wait(LOOK):
                self.tree_peak_mb = max(self.tree_peak_mb, tree_memory(self.process.pid))

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def tree_memory(pid: int) -> float:
    """Memory in MB of a process and all below it; pages that several share are divided among them. 0 where unknown."""
    total, waiting = 0.0, [pid]
    while waiting:
        process = Path("/proc") / str(waiting.pop())
        with contextlib.suppress(OSError, ValueError, StopIteration):
            lines = (process / "smaps_rollup").read_text().splitlines()
            total += int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024
            for task in (process / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
    return total


def missing(tool: Tool, python: str) -> str | None:
    """The first of the tool's packages that this interpreter can't import; None where all are there."""
    names = {"scikit-learn": "sklearn"}
    modules = [names.get(package, package) for package in tool.packages]
    script = "import importlib.util, sys; print(*[m for m in sys.argv[1:] if importlib.util.find_spec(m) is None])"
    try:
        found = subprocess.run(  # noqa: S603
            [python, "-P", "-c", script, *modules],
            capture_output=True,
            text=True,
            check=True,
            cwd=tempfile.gettempdir(),
        )
    except (OSError, subprocess.CalledProcessError) as error:
        return f"{python} ({error})"
    return next(iter(found.stdout.split()), None)


def machine() -> dict[str, Any]:
    """What it ran on."""
    model = "unknown"
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    flags = "avx2" if "avx2" in _flags() else "no avx2"
    flags += ", avx512" if "avx512f" in _flags() else ""
    flags += ", bfloat16" if {"avx512_bf16", "amx_bf16"} & _flags() else ""
    return {"processor": model, "instructions": flags, "cores": os.cpu_count(), "python": sys.version.split()[0]}


def _flags() -> set[str]:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return set(next(line for line in lines if line.startswith("flags")).split(":", 1)[1].split())
    return set()
