"""The process in which inputs are tried, under a limit of memory; it tells what it does in lines of JSON."""

import contextlib
import json
import shutil
import sys
import time
import traceback
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fuzz.target import Target

MEMORY_BYTES = 2 * 2**30
"""Beyond what the process has when it begins."""


def work(targets: list[Target], folder: Path, seed: int, first: int, seconds: float, cases: int | None) -> None:
    """Try input `first`, `first + 1`, … of every target in turn, until the time is over or so many were tried."""
    torch.set_num_threads(1)
    usual: dict[str, str] = {}
    for target in targets:
        place = folder / target.name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        target.make(place)
        with _quiet():
            usual[target.name] = repr(target.use(place))
        target.restore(place)
    _limit_memory()
    end, number = time.monotonic() + seconds, first
    tell(ready=True)
    while time.monotonic() < end and (cases is None or number < first + cases):
        for target in targets:
            if time.monotonic() >= end:
                break
            tell(target=target.name, number=number)
            outcome, error = attempt(target, folder / target.name, seed, number, usual[target.name])
            tell(outcome=outcome, error=error)
            target.restore(folder / target.name)
        number += 1
    tell(done=True)


def attempt(target: Target, place: Path, seed: int, number: int, usual: str) -> tuple[str, str]:
    """Damage and use an input: "refused", "equal", "other", or "fault" with what happened."""
    from isthmus.errors import IsthmusError

    target.damage(place, np.random.default_rng([seed, zlib.crc32(target.name.encode()), number]))
    try:
        with _quiet():
            found = repr(target.use(place))
    except IsthmusError as error:
        return ("fault", f"more than one line: {error}") if "\n" in str(error) else ("refused", "")
    except Exception:
        return "fault", traceback.format_exc()
    if found == usual:
        return "equal", ""
    return ("fault", f"accepted, and {found[:300]} instead of {usual[:300]}") if target.strict else ("other", "")


def tell(**what: Any) -> None:
    """A line to the process that started this one."""
    print(json.dumps(what), file=sys.__stdout__, flush=True)


@contextlib.contextmanager
def _quiet() -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _limit_memory() -> None:
    """Where the system can: then what asks for more gets an error instead of the machine's memory."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, OSError, ValueError):
        pass
