"""Folders that are replaced as a whole: the old one is there until the new one is, whenever the process dies.

Two renames swap them, in `.NAME.swap` beside the folder: it holds the new one, then the old one. Between the renames
the folder itself is missing for a moment; whoever finds it so, reader or writer, finishes the swap.
"""

import contextlib
import shutil
from pathlib import Path

from isthmus.storage.files import sync_folder, unwritable


def put_folder(new: Path, path: Path) -> None:
    """Replace `path` by the folder `new`, which must be on the same disk; `path` need not exist.

    Raises:
        IsthmusError: the system doesn't allow it; `path` is then unchanged.
    """
    swap = _swap(path)
    try:
        if not path.exists():
            new.rename(path)
        else:
            shutil.rmtree(swap, ignore_errors=True)  # of a swap that was done, or not begun
            swap.mkdir()
            new.rename(swap / "new")  # from here on it is never lost
            sync_folder(swap)
            path.rename(swap / "old")
            finish_swap(path)
            if (swap / "new").exists():  # and the old one is back
                raise OSError("the new folder could not be renamed")
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        finish_swap(path)
        if path.exists():
            shutil.rmtree(swap, ignore_errors=True)


def finish_swap(path: Path) -> None:
    """Put a folder in its place that a process which died left between the two renames; nothing where there is none."""
    if path.exists():
        return
    for name in ("new", "old"):
        with contextlib.suppress(OSError, ValueError):  # another process may have done it; the path may be no path
            if not path.exists():
                (_swap(path) / name).rename(path)


def _swap(path: Path) -> Path:
    return path.with_name(f".{path.name}.swap")
