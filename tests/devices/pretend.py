"""A pretend accelerator, for tests of device handling where there is none: `load()` makes `torch.device("pretend")`.

It takes `device="auto"` as CUDA does, so load it in a process of its own. Built by the C++ compiler in half a minute,
and kept by its source's and PyTorch's versions.
"""

import contextlib
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.backend_registration import rename_privateuse1_backend

SOURCE = Path(__file__).with_suffix(".cpp")


class _Module:
    """What PyTorch asks of a device's Python module. Without a generator, random numbers come from its default one."""

    is_available = staticmethod(lambda: True)
    is_initialized = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 1)
    current_device = staticmethod(lambda: 0)
    set_device = staticmethod(lambda device: None)
    synchronize = staticmethod(lambda device=None: None)
    _is_in_bad_fork = staticmethod(lambda: False)
    manual_seed = staticmethod(lambda seed: None)
    manual_seed_all = staticmethod(lambda seed: None)
    get_rng_state = staticmethod(lambda device=None: torch.zeros(1, dtype=torch.uint8))
    set_rng_state = staticmethod(lambda state, device=None: None)
    get_amp_supported_dtype = staticmethod(lambda: [torch.bfloat16])


@functools.cache
def load() -> torch.device:
    """The pretend device, built where it isn't yet.

    Raises:
        FileNotFoundError: there is no C++ compiler here.
    """
    library = _build()
    rename_privateuse1_backend("pretend")
    torch._register_device_module("pretend", _Module)
    torch.ops.load_library(library)
    return torch.device("pretend")


@dataclass
class Waits:
    """How often the host has waited for the device. reads: of its values. uploads: of values to it."""

    reads: int = 0
    uploads: int = 0


@contextlib.contextmanager
def waits() -> Iterator[Waits]:
    """Counts the waits within the block; filled in at its end."""
    counted, before = Waits(), torch.ops.pretend.waits()
    try:
        yield counted
    finally:
        counted.reads, counted.uploads = (
            now - then for now, then in zip(torch.ops.pretend.waits(), before, strict=True)
        )


def _build() -> Path:
    """The shared library, compiled once for this source and this PyTorch; whole or not there."""
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        raise FileNotFoundError("The pretend device needs a C++ compiler (g++ or clang++), and none was found.")
    own = f"{SOURCE.read_text(encoding='utf-8')} {torch.__version__} {torch.__file__}"
    key = hashlib.sha256(own.encode()).hexdigest()[:16]
    built = Path(tempfile.gettempdir()) / f"isthmus-pretend-{key}.so"
    if built.exists():
        return built
    root = Path(torch.__file__).parent
    words = [compiler, "-O0", "-std=c++20", "-fPIC", "-shared", "-w", str(SOURCE), f"-L{root / 'lib'}", "-ltorch_cpu"]
    words += ["-lc10", *(f"-I{root / 'include' / below}" for below in ("", "torch/csrc/api/include"))]
    words += [f"-Wl,-rpath,{root / 'lib'}"]
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "pretend.so"
        subprocess.run([*words, "-o", str(made)], check=True)
        conditioning = built.with_suffix(f".{os.getpid()}")
        shutil.copy(made, conditioning)
        conditioning.replace(built)
    return built
