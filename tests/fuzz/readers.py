"""Targets: files and folders of samples, in every format that is read."""

import contextlib
import gzip
import hashlib
import io
import os
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.io
import scipy.sparse
import xarray
from PIL import Image

import isthmus as ist
from fuzz.mutations import Random, mutate
from fuzz.target import Target
from isthmus.data.idx import write_idx

Wrap = tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]
"""Unpacks a file into what is damaged, and packs that again."""
PLAIN: Wrap = (lambda content: content, lambda content: content)
GZIP: Wrap = (gzip.decompress, partial(gzip.compress, mtime=0))


class File(Target):
    """One file, damaged as it lies or within its packing, and read whole or as a stream."""

    def __init__(
        self,
        name: str,
        file: str,
        write: Callable[[Path], object],
        wrap: Wrap = PLAIN,
        *,
        stream: bool = False,
        **how: Any,
    ) -> None:
        self.name, self.file, self.write, self.wrap, self.stream, self.how = name, file, write, wrap, stream, how

    def make(self, folder: Path) -> None:
        self.write(folder / self.file)
        self.whole = (folder / self.file).read_bytes()

    def damage(self, folder: Path, random: Random) -> None:
        unpack, pack = self.wrap
        (folder / self.file).write_bytes(pack(mutate(unpack(self.whole), random)))

    def use(self, folder: Path) -> Any:
        if self.stream:
            return [_digest(piece) for piece in ist.stream_samples(folder / self.file, rows=7, **self.how)]
        return _digest(ist.read_samples(folder / self.file, **self.how))

    def restore(self, folder: Path) -> None:
        (folder / self.file).write_bytes(self.whole)


class Folder(Target):
    """A folder of pictures, one of which is damaged, renamed, or replaced by something else."""

    name = "folder"

    def make(self, folder: Path) -> None:
        for number in range(4):
            (folder / "in" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
            _image(number).save(folder / "in" / "ab"[number % 2] / f"{number}.png")
        shutil.copytree(folder / "in", folder / "whole")

    def damage(self, folder: Path, random: Random) -> None:
        files = sorted((folder / "in").rglob("*.png"))
        chosen = files[random.integers(len(files))]
        match int(random.integers(4)):
            case 0:
                chosen.rename(
                    chosen.with_name(str(random.choice(["\u202e.png", "a\nb.png", "x" * 200 + ".png", ".png"])))
                )
            case 1:
                chosen.unlink()
                chosen.mkdir()
            case 2 if os.name != "nt":  # where links are for administrators alone
                chosen.unlink()
                chosen.symlink_to(str(random.choice(["nowhere", ".", "/dev/zero", chosen.name])))
            case _:
                chosen.write_bytes(mutate(chosen.read_bytes(), random))

    def use(self, folder: Path) -> Any:
        return _digest(ist.read_samples(folder / "in"))

    def restore(self, folder: Path) -> None:
        shutil.rmtree(folder / "in")
        shutil.copytree(folder / "whole", folder / "in")


def _digest(samples: Any) -> tuple[Any, ...]:
    digest = hashlib.sha256()
    for batch in samples.batches(64):
        digest.update(batch.numpy().tobytes())
    return samples.shape, len(samples), samples.columns, digest.hexdigest()


def _image(number: int, mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(number).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    return Image.fromarray(values).convert(mode)


def _values(rows: int = 20) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, 3)).astype(np.float32)


def _text(delimiter: str, path: Path) -> None:
    words = ["red", "green", "blue"]
    lines = [delimiter.join(["a", "b", "c", "colour"])]
    lines += [delimiter.join([*(f"{x:.3f}" for x in row), words[i % 3]]) for i, row in enumerate(_values())]
    content = ("\n".join(lines) + "\n").encode()
    path.write_bytes(GZIP[1](content) if path.suffix == ".gz" else content)


def _parquet(path: Path) -> None:
    columns = {**dict(zip("abc", map(pa.array, _values().T), strict=True)), "colour": pa.array(["x", "y"] * 10)}
    pq.write_table(pa.table(columns), path)


def _npz(path: Path) -> None:
    np.savez(path, X=_values(), y=np.arange(20) % 3)


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(3):
            buffer = io.BytesIO()
            _image(number).save(buffer, "PNG")
            archive.writestr(zipfile.ZipInfo(f"{'ab'[number % 2]}/{number}.png"), buffer.getvalue())


def _first_member(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(archive.namelist()[0])


def _with_first_member(member: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
    return buffer.getvalue()


def _bytes() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 8, 8), dtype=np.uint8)


def _idx(path: Path) -> None:
    write_idx(path, _bytes(), gzipped=path.suffix == ".gz")


def _series(path: Path) -> None:
    np.save(path, np.random.default_rng(0).normal(size=(8, 2, 11)))


def _picture(mode: str, path: Path) -> None:
    _image(0, mode).save(path)


def _database(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("create table t (a real, b real, c real)")
        database.executemany("insert into t values (?, ?, ?)", _values().tolist())
        database.commit()


def _hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["X"] = _values()


def _written(path: Path) -> None:
    ist.write_samples(path, _values(), overwrite=True)


def _arff(path: Path) -> None:
    rows = "\n".join(f"{a},{b},{c}" for a, b, c in _values().tolist())
    path.write_text(f"@relation r\n@attribute a numeric\n@attribute b real\n@attribute c numeric\n@data\n{rows}\n")


READERS: list[Target] = [
    File("xlsx", "a.xlsx", _written),
    File("feather", "a.feather", _written),
    File("feather-stream", "a.feather", _written, stream=True),
    File("orc", "a.orc", _written),
    File("json", "a.json", _written),
    File("jsonl", "a.jsonl", _written),
    File("safetensors", "a.safetensors", _written),
    File("npy.gz", "a.npy.gz", _written),
    File("npy.gz-inner", "a.npy.gz", _written, GZIP),
    File("arff", "a.arff", _arff),
    File("sqlite", "a.sqlite", _database),
    File("hdf5", "a.h5", _hdf5),
    File("matlab", "a.mat", lambda path: scipy.io.savemat(path, {"X": _values()})),
    File("sparse", "a.npz", lambda path: scipy.sparse.save_npz(path, scipy.sparse.csr_matrix(_values()))),
    File("netcdf", "a.nc", lambda path: xarray.Dataset({"x": (("n", "c"), _values())}).to_netcdf(path)),
    File("libsvm", "a.libsvm", lambda path: path.write_text("1 1:0.5 3:2\n0 2:1.5\n" * 9)),
    File("csv", "a.csv", partial(_text, ","), exclude="colour"),
    File("csv-categories", "a.csv", partial(_text, ","), categorical="auto"),
    File("csv-stream", "a.csv", partial(_text, ","), stream=True, exclude="colour"),
    File("csv-keep", "a.csv", partial(_text, ","), missing="keep", label="colour"),
    File("tsv", "a.tsv", partial(_text, "\t"), label="colour"),
    File("txt", "a.txt", lambda path: np.savetxt(path, _values())),
    File("csv.gz", "a.csv.gz", partial(_text, ","), exclude="colour"),
    File("csv.gz-inner", "a.csv.gz", partial(_text, ","), GZIP, exclude="colour"),
    File("parquet", "a.parquet", _parquet, exclude="colour"),
    File("parquet-stream", "a.parquet", _parquet, stream=True, label="colour"),
    File("npy", "a.npy", lambda path: np.save(path, _values())),
    File("npy-map", "a.npy", lambda path: np.save(path, _values()), memory_map=True),
    File("npy-stream", "a.npy", lambda path: np.save(path, _values()), stream=True),
    File("npy-series", "a.npy", _series, kind="series", missing="keep"),
    File("npz", "a.npz", _npz, array="X"),
    File("npz-inner", "a.npz", _npz, (_first_member, partial(_with_first_member, "X.npy"))),
    File("idx", "a.idx", _idx),
    File("idx.gz", "a.idx.gz", _idx),
    File("idx.gz-inner", "a.idx.gz", _idx, GZIP),
    File("zip", "a.zip", _zip),
    File("zip-stream", "a.zip", _zip, stream=True),
    File("zip-inner", "a.zip", _zip, (_first_member, partial(_with_first_member, "a.png"))),
    *(File(f"picture{end}", f"a{end}", partial(_picture, "RGB")) for end in (".png", ".jpg", ".bmp", ".tif", ".webp")),
    File("picture.gif", "a.gif", partial(_picture, "P")),
    Folder(),
]
