"""How many processor cores this process may use: a container's quota is often smaller than its machine."""

import functools
import math
import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path

THREADS = "OMP_NUM_THREADS"
"""The variable that sets the number of threads of OpenMP, and so of PyTorch, NumPy and scikit-learn."""


@functools.cache
def granted_cores(system: Path = Path("/")) -> int | None:
    """The smallest quota of this process's control groups in whole cores, rounded up.

    None where there is no quota, or none below the number of cores that the process may run on.

    system: the root of the file system.
    """
    granted = min((max(1, math.ceil(quota)) for quota in _quotas(system)), default=None)
    return granted if granted is not None and granted < _cores_to_run_on() else None


def keep_to_quota(environment: MutableMapping[str, str]) -> None:
    """Set the number of threads to the granted cores, if there is a quota and you have not set the number.

    Libraries with threads of their own must be loaded after this: they look at the whole machine, not at the quota.
    """
    if THREADS not in environment and (cores := granted_cores()) is not None:
        environment[THREADS] = str(cores)


def _cores_to_run_on() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux has it
        return os.cpu_count() or 1


def _quotas(system: Path) -> Iterator[float]:
    """The number of cores in each quota that counts for this process, in both versions of control groups."""
    for line in _read(system / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            for group in _groups(system / "sys/fs/cgroup", path):
                yield from _cores(*_read(group / "cpu.max").split())
        elif "cpu" in controllers.split(","):
            for group in _groups(system / "sys/fs/cgroup" / controllers, path):
                yield from _cores(*(_read(group / f"cpu.cfs_{name}_us") for name in ("quota", "period")))


def _groups(mount: Path, path: str) -> Iterator[Path]:
    """The folders of a group and of those above it; in a container, the topmost one is the container's own."""
    group = mount / path.lstrip("/")
    yield from [group, *(parent for parent in group.parents if parent.is_relative_to(mount))]


def _cores(*quota_and_period: str) -> Iterator[float]:
    try:
        quota, period = map(int, quota_and_period)
    except ValueError:  # "max", or there is no such file
        return
    if quota > 0 and period > 0:
        yield quota / period


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""
