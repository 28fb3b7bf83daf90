"""Processes that train together, as torchrun would launch them, but started in a moment: PyTorch is imported once."""

import multiprocessing
import os
import socket
from collections.abc import Callable
from typing import Any

CONTEXT: Any = multiprocessing.get_context("forkserver" if hasattr(os, "fork") else "spawn")


def start(function: Callable[..., Any], *given: Any, size: int = 2, restarts: int = 0) -> list[Any]:
    """Start `function(*given)` in processes 0 to `size` - 1, and return them."""
    CONTEXT.set_forkserver_preload(["isthmus", "isthmus.fitting", "isthmus.model.recipes", "torch.distributed"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = [
        CONTEXT.Process(target=_placed, args=(function, given, rank, size, port, restarts)) for rank in range(size)
    ]
    for process in started:
        process.start()
    return started


def together(function: Callable[..., Any], *given: Any, size: int = 2, restarts: int = 0) -> list[int]:
    """Run `function(*given)` in processes 0 to `size` - 1; the exit code of each."""
    return ended(start(function, *given, size=size, restarts=restarts))


def ended(started: list[Any], seconds: float = 120) -> list[int]:
    """The exit codes of processes, which must end within this time."""
    for process in started:
        process.join(seconds)
    for process in started:
        if process.is_alive():
            process.kill()
    return [process.exitcode for process in started]


def _placed(function: Callable[..., Any], given: tuple[Any, ...], rank: int, size: int, port: int, again: int) -> None:
    import torch

    torch.set_num_threads(1)
    os.fsync = lambda fd: None
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in places.items()}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "TORCHELASTIC_RESTART_COUNT": str(again)}
    function(*given)
