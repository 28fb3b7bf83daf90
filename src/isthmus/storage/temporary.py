"""Temporary names beside a target: they say which process writes, so that those of processes that died are removed."""

import contextlib
import functools
import hashlib
import os
import platform
import re
import secrets
import shutil
import time
from pathlib import Path

OLD_SECONDS = 7 * 24 * 3600.0
"""After so long without a change, a temporary file is stale, whichever machine wrote it."""

_NAME = re.compile(r"\..*\.(?P<home>[0-9a-f]{6})-(?P<process>\d{1,10})-[0-9a-f]{8}(\.[^.]*)?")


def name_beside(path: Path) -> Path:
    """A free hidden name in the folder of `path`, with its suffix; what dead processes left there is removed first.

    A folder is looked through once by each process, for it may hold a million files.
    """
    _sweep_once(str(path.parent))
    mark = f"{_home()}-{os.getpid()}-{secrets.token_hex(4)}"
    return path.with_name(f".{path.name[:40]}.{mark}{path.suffix[:20]}")


def sweep(folder: Path) -> None:
    """Remove temporary files and folders whose process is gone; what can't be removed stays."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            named = _NAME.fullmatch(entry.name)
            if named is None:
                continue
            with contextlib.suppress(OSError):
                if not _is_stale(named["home"], int(named["process"]), entry.stat(follow_symlinks=False).st_mtime):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    Path(entry.path).unlink()


def _is_stale(home: str, process: int, changed: float) -> bool:
    if time.time() - changed > OLD_SECONDS:
        return True
    return home == _home() and not _is_alive(process)


def _is_alive(process: int) -> bool:
    """Whether a process of this system has this number; True where the system can't be asked harmlessly."""
    if os.name != "posix":  # elsewhere, signal 0 would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it belongs to another user
        return True
    return True


@functools.cache
def _sweep_once(folder: str) -> None:
    sweep(Path(folder))


@functools.cache
def _home() -> str:
    """What tells this system's process numbers from those of others: of other machines, boots and containers."""
    known = [platform.node()]
    with contextlib.suppress(OSError):
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
        known.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(known).encode(errors="replace")).hexdigest()[:6]
