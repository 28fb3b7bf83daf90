"""Files that are written atomically: completely or not at all."""

import contextlib
import errno
import json
import math
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from isthmus.errors import IsthmusError, RunError, alike
from isthmus.plain import plain_json
from isthmus.storage.temporary import name_beside

MODEL = "model.json"
"""The file that describes a run's model: a folder with this file is a run."""
NOT_REGULAR = "it is a pipe, a device or a folder, not a regular file"


@contextlib.contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """A temporary path next to `path`; when the block ends without an error, it is flushed and renamed to `path`.

    If the block raises or the process dies, `path` is unchanged. The folder must exist. Temporary files of a process
    that died are removed by the next one that writes into the folder (see `isthmus.storage.temporary`).

    Raises:
        IsthmusError: the disk is full, the folder is read-only or missing, or `path` is a folder, a device or a pipe:
            one message that names `path`.
    """
    path = Path(path)
    try:
        check_regular(path)
        beside = name_beside(path)
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL, 0o666))  # less the umask, as `open` would make it
        mode = beside.stat().st_mode
    except OSError as error:
        raise unwritable(path, error) from error
    except ValueError as error:  # a NUL in the path
        raise IsthmusError(f"Could not write {str(path)!r}: {error}. Choose another name.") from error
    try:
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.chmod(mode)  # some writers (safetensors') put a file of their own in its place
        _replace(beside, path)
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        beside.unlink(missing_ok=True)


def check_regular(path: Path) -> None:
    """Raise IsthmusError if the path exists and isn't a regular file, because it would be lost or written into."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
        found = kinds.get(stat.S_IFMT(mode), "a device")
        raise IsthmusError(f"Could not write {path}: it is {found}, expected a file or a new path. Choose another.")


def remove_file(path: Path) -> None:
    """Remove a file if it is there, durably.

    Raises:
        IsthmusError: the system doesn't let it be removed.
    """
    try:
        path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise unwritable(path, error) from error
    sync_folder(path.parent)


def write_whole(path: str | Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file, then rename it to `path` (see `whole_file`)."""
    with whole_file(path) as beside:
        write(beside)


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as JSON, atomically. NaN and infinity are refused, because JSON can't hold them."""
    text = json_text(value)
    write_whole(path, lambda beside: beside.write_text(text, encoding="utf-8", newline="\n"))


def json_text(value: Any) -> str:
    """The text that `write_json` writes. Unsafe characters (`isthmus.plain`) are written as JSON escapes."""
    return plain_json(json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)) + "\n"


def finite(value: Any) -> Any:
    """The value as JSON data: with None for numbers that are not finite, and names as text."""
    if isinstance(value, Mapping):
        return {str(name): finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def open_regular(path: str | Path) -> IO[bytes]:
    """Open a regular file for reading. A pipe, a device or a socket, or a link to one, is refused at once, unread.

    Raises:
        OSError: there is none, or it can't be read; a `ValueError` for a name with a zero byte becomes one, too.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:
        raise OSError(errno.EINVAL, "its name holds a zero byte", str(path)) from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, NOT_REGULAR, str(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def no_run(folder: Path) -> RunError:
    """The error for a run's folder that doesn't exist, with similar names of runs next to it."""
    beside = folder.parent.iterdir() if folder.parent.is_dir() else ()
    near = alike(folder.name, (other.name for other in beside if (other / MODEL).is_file()))
    hint = f"Did you mean {' or '.join(str(folder.with_name(name)) for name in near)}?"
    return RunError(
        f"There is no folder {folder}: expected the folder of a run. "
        f"{hint if near else 'Give the one that `isthmus train` printed.'}"
    )


def unwritable(path: Path, error: OSError | ValueError) -> IsthmusError:
    """The error for a file that could not be written, with its cause."""
    number = getattr(error, "errno", None) or 0
    if "requested and" in str(error):  # NumPy's words for a short write, which come without a number
        number = errno.ENOSPC
    cause = {
        errno.ENOSPC: "the disk is full. Free some space or choose another place",
        errno.EDQUOT: "the disk quota is used up. Free some space or choose another place",
        errno.EROFS: "the file system is read-only. Choose another place",
        errno.EACCES: "the folder can't be written to. Choose another place, or change its permissions",
        errno.EPERM: "the folder can't be written to. Choose another place, or change its permissions",
        errno.ENOENT: "its folder does not exist. Make it first, or choose another place",
        errno.EEXIST: "a part of its path is a file, not a folder. Choose another place",
        errno.ENOTDIR: "a part of its path is a file, not a folder. Choose another place",
    }.get(number, f"the system says: {getattr(error, 'strerror', None) or error}")
    return IsthmusError(f"Could not write {path}: {cause}. Nothing was left half-written.")


def _replace(beside: Path, path: Path) -> None:
    """Rename over `path`; Windows refuses while any process has it open, so try for two seconds there."""
    for _ in range(20 if sys.platform == "win32" else 0):
        with contextlib.suppress(PermissionError):
            beside.replace(path)
            return
        time.sleep(0.1)
    beside.replace(path)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable, where the system lets folders be synchronised."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
