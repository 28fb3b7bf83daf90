"""Named data sets: digits, sprites, and MNIST, Fashion-MNIST and CIFAR-10 from a local copy or a download."""

import gzip
import importlib.util
import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from isthmus.data.arrays import read_npz
from isthmus.data.idx import idx_array
from isthmus.data.one_graph import NAMED as GRAPHS
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.sprites import sprites
from isthmus.errors import DataError

IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
RECORD = 1 + 3 * 32 * 32  # a CIFAR-10 record: the class, then a red, a green and a blue plane
CIFAR_TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
CIFAR_TEST = "test_batch.bin"


@dataclass(frozen=True)
class NamedSet:
    """A data set with a name.

    title: its usual spelling. words: names of files and folders that may hold a local copy.
    url: folder of its files. files: each with its md5. classes: names of its labels, 0 first.
    """

    title: str
    words: tuple[str, ...]
    url: str
    files: dict[str, str]
    classes: tuple[str, ...]


SETS = {
    "mnist": NamedSet(
        "MNIST",
        ("mnist", "MNIST"),
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        {
            "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
            "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
            "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
        },
        tuple("0123456789"),
    ),
    "fashion-mnist": NamedSet(
        "Fashion-MNIST",
        ("fashion-mnist", "fashion_mnist", "FashionMNIST", "Fashion-MNIST"),
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        {
            "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
        },
        ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"),
    ),
    "cifar10": NamedSet(
        "CIFAR-10",
        ("cifar10", "cifar-10", "CIFAR10", "CIFAR-10", "cifar-10-batches-bin"),
        "https://www.cs.toronto.edu/~kriz/",
        {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"},
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    ),
}
NAMES = ("digits", "sprites", *SETS, *GRAPHS)


def read_named(name: str, options: Options) -> Raw:
    """Read the data set called `name`, one of `NAMES`.

    Isthmus looks for a local copy in the folder `ISTHMUS_DATA` and in `./data`: `mnist.npz` (x_train, y_train, x_test,
    y_test), or a folder `mnist` with the original IDX files; for CIFAR-10 its binary files, or
    `cifar-10-binary.tar.gz`. Otherwise it downloads the set once, into the user's cache, and checks its md5.

    Raises:
        DataError: the copy is damaged, or there is none and the download fails; the message says where to put a copy.
    """
    if name == "digits":
        return _digits()
    if name == "sprites":
        return sprites()
    wanted = SETS[name]
    for path in _copies(wanted):
        raw = _read_copy(path, options)
        if raw is not None:
            return replace(raw, label_names=_classes(raw, wanted), kind="pictures", origin=name)
    return replace(_download(wanted, name, options), label_names=wanted.classes, kind="pictures", origin=name)


def read_idx_folder(folder: Path, options: Options) -> Raw | None:
    """The training and test part from a folder with MNIST's four IDX files; None if it doesn't have them."""
    paths = [_first(folder / name, folder / f"{name}.gz") for name in IDX_FILES]
    if paths[0] is None:
        return None
    x_train, y_train, x_test, y_test = (None if path is None else idx_array(path, options.max_bytes) for path in paths)
    assert x_train is not None
    return Raw(x_train, y_train, parts={} if x_test is None else {"test": Raw(x_test, y_test)})


def read_cifar_folder(folder: Path, options: Options) -> Raw | None:
    """The training and test part from a folder with CIFAR-10's binary files; None if it doesn't have them."""
    if not (folder / CIFAR_TRAIN[0]).is_file():
        return None

    def open_member(name: str) -> IO[bytes] | None:
        path = folder / name
        return path.open("rb") if path.is_file() else None

    return _cifar(open_member, str(folder), options)


def _digits() -> Raw:
    """The digits that come with scikit-learn, read from its file: importing it takes seconds."""
    found = importlib.util.find_spec("sklearn")
    file = Path(found.origin if found and found.origin else "").parent / "datasets" / "data" / "digits.csv.gz"
    if file.is_file():
        with gzip.open(file, "rt") as lines:
            table = np.loadtxt(lines, delimiter=",")
        grey, target = table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(np.int64)
    else:
        from sklearn.datasets import load_digits  # noqa: PLC0415

        bunch: Any = load_digits()
        grey, target = bunch.images, bunch.target
    return Raw(
        np.round(grey * (255 / 16)).astype(np.uint8), target, tuple("0123456789"), kind="pictures", origin="digits"
    )


def _folders() -> Iterator[Path]:
    if given := os.environ.get("ISTHMUS_DATA"):
        yield Path(given)
    yield Path("data")


def _copies(wanted: NamedSet) -> Iterator[Path]:
    """Every place where a local copy may be, whole sets before small ones."""
    for folder in _folders():
        for word in wanted.words:
            yield from (folder / f"{word}.npz", folder / word / "raw", folder / word)
        yield from (folder / name for name in wanted.files if name.endswith(".tar.gz"))
        yield from (folder / f"{word}_small.npz" for word in wanted.words)
        if wanted.title != "Fashion-MNIST":  # whose files are called as MNIST's are
            yield folder


def _read_copy(path: Path, options: Options) -> Raw | None:
    if path.suffix == ".npz":
        return read_npz(path, options) if path.is_file() else None
    if path.name.endswith(".tar.gz"):
        return _cifar_archive(path, options) if path.is_file() else None
    if not path.is_dir():
        return None
    return read_idx_folder(path, options) or read_cifar_folder(path, options)


def _classes(raw: Raw, wanted: NamedSet) -> tuple[str, ...]:
    return wanted.classes if raw.labels is not None else ()


def _cifar_archive(path: Path, options: Options) -> Raw:
    try:
        with tarfile.open(path) as archive:
            members = {Path(member.name).name: member for member in archive if member.isfile()}

            def open_member(name: str) -> IO[bytes] | None:
                return archive.extractfile(members[name]) if name in members else None

            return _cifar(open_member, str(path), options)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"{path} is damaged or cut short ({error}). Download it again.") from error


def _cifar(open_member: Callable[[str], IO[bytes] | None], where: str, options: Options) -> Raw:
    parts = []
    for names in (CIFAR_TRAIN, (CIFAR_TEST,)):
        records = []
        for name in names:
            file = open_member(name)
            if file is None:
                raise DataError(f"{where} lacks {name}: expected the binary version of CIFAR-10. Download it again.")
            with file:
                content = file.read(min(options.max_bytes, 20_000 * RECORD) + 1)
            if len(content) % RECORD or not content:
                raise DataError(
                    f"{where}: {name} has {len(content)} bytes, expected a multiple of {RECORD}. Download it again."
                )
            records.append(np.frombuffer(content, np.uint8).reshape(-1, RECORD))
        both = np.concatenate(records)
        parts.append(Raw(both[:, 1:].reshape(-1, 3, 32, 32), both[:, 0]))
    return replace(parts[0], parts={"test": parts[1]})


def _download(wanted: NamedSet, name: str, options: Options) -> Raw:
    import pooch  # noqa: PLC0415  # not needed where there is a local copy

    cache = Path(pooch.os_cache("isthmus")) / name
    try:
        for file, md5 in wanted.files.items():
            pooch.retrieve(wanted.url + file, known_hash=f"md5:{md5}", fname=file, path=cache)
    except (OSError, ValueError) as error:  # requests' errors are OSErrors; ValueError is a wrong hash
        said = " ".join(str(error).split())[:120]
        first = next(iter(wanted.files))
        copy = first if first.endswith(".tar.gz") else f"a folder {name} with {first} and its like"
        raise DataError(
            f"{wanted.title} was not found and could not be downloaded from {wanted.url} ({said}). Put {name}.npz "
            f"(x_train, y_train, x_test, y_test), or {copy}, into ./data or the folder named by ISTHMUS_DATA."
        ) from error
    raw = (
        read_idx_folder(cache, options)
        if name != "cifar10"
        else _cifar_archive(cache / next(iter(wanted.files)), options)
    )
    assert raw is not None  # for its files have just been checked
    return raw


def _first(*paths: Path) -> Path | None:
    return next((path for path in paths if path.is_file()), None)
