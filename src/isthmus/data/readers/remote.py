"""Addresses: files and folders elsewhere (`s3://` by Arrow; `https://`, `gs://`, `hf://` … by fsspec)."""

import contextlib
import importlib
import os
import queue
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from isthmus.data.options import Options
from isthmus.data.readers.addresses import without_password
from isthmus.errors import DataError
from isthmus.extras import needs

PIECE = 2**20  # bytes
S3 = ("s3", "s3a")
"""Schemes that Arrow reads itself."""
DRIVERS = {
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "sftp": "paramiko",
}
"""Packages for schemes that fsspec alone doesn't read."""
_END = object()


@contextlib.contextmanager
def fetched(address: str, options: Options) -> Iterator[Path]:
    """The file or folder at an address, as a temporary one for as long as the block.

    Raises:
        DataError: there is none, it is larger than `options.max_bytes`, or nothing comes for `options.timeout` seconds.
    """
    shown = without_password(address)
    with tempfile.TemporaryDirectory(prefix="isthmus-") as folder:
        name = PurePosixPath(unquote(urlsplit(address).path)).name or urlsplit(address).netloc or "data"
        target, size = Path(folder) / name.replace("\0", ""), 0
        with contextlib.ExitStack() as opened:
            file: Any = None
            for piece in _pieces(address, shown, options):
                if isinstance(piece, str):  # the name of the next file in a folder
                    opened.close()
                    path = target / piece if piece else target
                    if not path.resolve().is_relative_to(Path(folder).resolve()):
                        raise DataError(f"{shown} has a file {piece[:60]!r} outside of it. Don't trust this address.")
                    path.parent.mkdir(parents=True, exist_ok=True)
                    file = opened.enter_context(path.open("wb"))
                    continue
                size += len(piece)
                if size > options.max_bytes:
                    raise DataError(
                        f"{shown} has more than max_bytes={options.max_bytes}. If you trust it, raise max_bytes, or "
                        "download it first."
                    )
                file.write(piece)
        yield target


def _pieces(address: str, shown: str, options: Options) -> Iterator[str | bytes]:
    """Names of files, and after each its content. They are fetched in a thread, which may be left waiting."""
    ready: queue.Queue[Any] = queue.Queue(maxsize=4)
    stop = threading.Event()

    def put(item: Any) -> None:
        while not stop.is_set():
            with contextlib.suppress(queue.Full):
                ready.put(item, timeout=0.2)
                return

    def fetch() -> None:
        try:
            for item in _read(address, options):
                if stop.is_set():
                    return
                put(item)
            put(_END)
        except BaseException as error:  # raised again by the reader below
            put(error)

    threading.Thread(target=fetch, daemon=True, name="isthmus-fetch").start()
    try:
        while True:
            try:
                item = ready.get(timeout=options.timeout)
            except queue.Empty as error:
                raise _silent(shown, options) from error
            if item is _END:
                return
            if isinstance(item, BaseException):
                raise _explained(item, shown, options) from item
            yield item
    finally:
        stop.set()


def file_system(address: str, options: Options) -> tuple[Any, str]:
    """Arrow's file system of an address, and the path of the address there.

    S3 takes its credentials, region and endpoint from where the tools of AWS do, such as `AWS_ENDPOINT_URL`.
    """
    systems: Any = importlib.import_module("pyarrow.fs")
    scheme, _, path = address.partition("://")
    if scheme.lower() in S3:
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if region is None and endpoint is None:
            region = systems.resolve_s3_region(path.partition("/")[0])
        waits = {"request_timeout": options.timeout, "connect_timeout": options.timeout}
        return systems.S3FileSystem(endpoint_override=endpoint, region=region, **waits), path.rstrip("/")
    system, path = _by_fsspec(address, options)
    return systems.PyFileSystem(systems.FSSpecHandler(system)), path.rstrip("/")


def files_at(system: Any, path: str) -> list[str]:
    """The files in a folder of one of Arrow's file systems, with slashes below it; [""] where `path` is a file.

    Raises:
        FileNotFoundError: there is nothing.
    """
    systems: Any = importlib.import_module("pyarrow.fs")
    if (kind := system.get_file_info(path).type) == systems.FileType.NotFound:
        raise FileNotFoundError(path)
    if kind == systems.FileType.File:
        return [""]
    found = system.get_file_info(systems.FileSelector(path, recursive=True))
    base = f"{path}/"
    names = (info.path.removeprefix(base) for info in found if info.type == systems.FileType.File)
    return sorted(names)


@contextlib.contextmanager
def explained(address: str, options: Options) -> Iterator[None]:
    """Errors of a file system become a DataError of one line."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise _explained(error, without_password(address), options) from error


def _by_fsspec(address: str, options: Options) -> tuple[Any, str]:
    fsspec = needs("fsspec", "remote", "Reading addresses")
    scheme = address.partition("://")[0].lower()
    words: dict[str, Any] = {}
    if scheme in ("http", "https"):
        aiohttp = needs("aiohttp", "remote", "Reading web addresses")
        words = {"client_kwargs": {"timeout": aiohttp.ClientTimeout(total=None, sock_read=options.timeout)}}
    return fsspec.core.url_to_fs(address, **words)


def _read(address: str, options: Options) -> Iterator[str | bytes]:
    scheme = address.partition("://")[0].lower()
    if scheme in S3:
        system, path = file_system(address, options)
        for name in files_at(system, path):
            yield name
            with system.open_input_stream(f"{path}/{name}" if name else path) as file:
                while piece := file.read(PIECE):
                    yield piece
        return
    system, path = _by_fsspec(address, options)
    if scheme not in ("http", "https") and system.isdir(path):
        base = path.rstrip("/") + "/"
        for found in sorted(system.find(path)):
            yield found.removeprefix(base).removeprefix("/")
            yield from _content(system, found, scheme)
        return
    yield ""
    yield from _content(system, path, scheme)


def _content(system: Any, path: str, scheme: str) -> Iterator[bytes]:
    with system.open(path, "rb", **({"block_size": 0} if scheme in ("http", "https") else {})) as file:
        while piece := file.read(PIECE):
            yield piece


def _explained(error: BaseException, shown: str, options: Options) -> BaseException:
    """The error as one line that says what to do."""
    scheme, said = shown.partition("://")[0].lower(), " ".join(str(error).split())[:120]
    package = DRIVERS.get(scheme)
    if (
        isinstance(error, DataError)
        or not isinstance(error, Exception)
        or (isinstance(error, ImportError) and not package)
    ):
        return error
    if isinstance(error, ImportError):
        return DataError(f"{shown} needs {package}, which is not installed here. Install it: pip install {package}.")
    if isinstance(error, TimeoutError) or "imeout" in type(error).__name__:
        return _silent(shown, options)
    if isinstance(error, FileNotFoundError):
        said = "does not exist, or can't be reached. Check the address"
    elif isinstance(error, ValueError) and "rotocol" in said:
        said = f"begins with an unknown scheme, {scheme!r}: expected https, s3, gs, hf, or sqlite for databases"
    elif isinstance(error, PermissionError) or "credential" in said.lower() or "ACCESS_DENIED" in str(error):
        said = f"can't be read without permission ({said}). Log in with its own tools first"
    else:
        said = f"can't be read ({type(error).__name__}: {said}). Check the address and the connection"
    return DataError(f"{shown} {said}.")


def _silent(shown: str, options: Options) -> DataError:
    return DataError(
        f"{shown} has sent nothing for {options.timeout:g} seconds. Check the address and the connection, raise "
        "timeout=, or download it first."
    )
