"""What is no regular file, and what is no file of its kind: never read without an end, never a raw exception."""

import gzip
import io
import os
import random
import stat
import struct
import zipfile
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from isthmus.data import open_data, read_samples, stream_samples
from isthmus.errors import DataError, IsthmusError
from isthmus.storage.files import open_regular

PICTURE = np.arange(8 * 9 * 3, dtype=np.uint8).reshape(8, 9, 3)
PIPES = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")


def picture(format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PICTURE).save(buffer, format)
    return buffer.getvalue()


@PIPES
@pytest.mark.parametrize("name", ["x.csv", "x.npy", "x.parquet", "x.zip", "x.png", "x.idx", "x.npz", "x.txt"])
@pytest.mark.parametrize("use", [open_data, read_samples, stream_samples])
def test_pipe_is_no_source(tmp_path, name, use):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match=r"is a pipe or a device"):
        use(tmp_path / name)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="there are no devices with names here")  # noqa: PTH110
def test_link_to_a_device_is_no_source(tmp_path):
    (tmp_path / "x.csv").symlink_to("/dev/zero")
    with pytest.raises(DataError, match="a pipe or a device"):
        open_data(tmp_path / "x.csv")


@PIPES
def test_pipes_and_devices_among_pictures_are_unreadable_ones(tmp_path):
    (tmp_path / "a.png").write_bytes(picture())
    (tmp_path / "d.png").symlink_to(tmp_path / "a.png")
    os.mkfifo(tmp_path / "b.png")
    (tmp_path / "c.png").symlink_to("/dev/zero")
    with pytest.raises(DataError, match=r"2 of 4 pictures can't be read .b\.png, c\.png."):
        open_data(tmp_path)
    stream = stream_samples(tmp_path)
    assert [name for piece in stream for name in piece.names] == ["a.png", "d.png"]
    assert stream.skipped == ["b.png", "c.png"]


@PIPES
def test_pipes_beside_images_are_no_labels(tmp_path):
    (tmp_path / "x-images-idx3-ubyte").write_bytes(struct.pack(">HBB3I", 0, 8, 3, 4, 3, 3) + bytes(36))
    os.mkfifo(tmp_path / "x-labels-idx1-ubyte")
    assert read_samples(tmp_path / "x-images-idx3-ubyte").labels is None


def test_links_and_devices_in_a_zip_are_unreadable_ones(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.png", picture())
        for name, kind in (("b.png", stat.S_IFLNK), ("c.png", stat.S_IFIFO), ("d.png", stat.S_IFCHR)):
            special = zipfile.ZipInfo(name)
            special.external_attr = (kind | 0o644) << 16
            archive.writestr(special, picture())
    with pytest.raises(DataError, match=r"3 of 4 pictures can't be read .b\.png, c\.png, d\.png."):
        open_data(tmp_path / "x.zip")


def test_members_without_names_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.png", b"x")
    (tmp_path / "x.zip").write_bytes((tmp_path / "x.zip").read_bytes().replace(b"a.png", b"\0.png"))
    with pytest.raises(DataError, match="a member has no name"):
        open_data(tmp_path / "x.zip")


@pytest.mark.parametrize("shape", ["(-1, 5)", "(4611686018427387904, 0)", "(True, 5)", "(2, -3, -4)"])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_impossible_shapes_in_headers_are_refused(tmp_path, shape, suffix):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}".ljust(117).encode() + b"\n"
    content = b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + bytes(100)
    if suffix == ".npy":
        (tmp_path / "x.npy").write_bytes(content)
    else:
        with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
            archive.writestr("x.npy", content)
    with pytest.raises(DataError, match="is damaged: its header declares the shape"):
        open_data(tmp_path / f"x{suffix}")


@pytest.mark.parametrize("source", ["a\0b.csv", "a\0b", "~\0/x.npy", "\0"])
def test_zero_bytes_in_paths_are_no_file(source):
    with pytest.raises(DataError, match=r"x00"):
        open_data(source)
    with pytest.raises(DataError, match=r"x00"):
        stream_samples(source)


@pytest.mark.parametrize(
    "source", [None, 3, 2.5, object(), True, {}, [], [[]], [None], {"a": 1}, b"bytes", [[1, 2], ["x", {}]], ()]
)
def test_what_is_no_data_is_refused_in_one_line(source):
    with pytest.raises(DataError) as said:
        open_data(source)
    assert "\n" not in str(said.value)


def test_only_regular_files_are_opened(tmp_path):
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(tmp_path)
    with pytest.raises(OSError, match="zero byte"):
        open_regular("a\0b")
    (tmp_path / "x").write_bytes(b"content")
    with open_regular(tmp_path / "x") as file:
        assert file.read() == b"content"


def _seeds(folder):
    """A small file of every kind that is read."""
    values = np.random.default_rng(0).normal(size=(6, 4)).astype("f4")
    np.save(folder / "a.npy", values)
    np.savez(folder / "a.npz", x_train=values, y_train=np.arange(6) % 2, x_test=values)
    (folder / "a.csv").write_text('name,a,b,kind\nx,1,2.5,cat\ny,3,,dog\nz,-1e5,4,"e,l"\n')
    (folder / "a.txt").write_text("1 2 3\n4 5 6\n7 8 9\n")
    (folder / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n3,4\n5,6\n"))
    pq.write_table(pa.table({"a": [1.0, 2.0, 3.0], "b": [1, 2, 3], "kind": ["x", "y", "x"]}), folder / "a.parquet")
    idx = struct.pack(">HBB3I", 0, 8, 3, 4, 3, 3) + bytes(36)
    (folder / "a.idx").write_bytes(idx)
    (folder / "a.idx.gz").write_bytes(gzip.compress(idx))
    for suffix, format in (("png", "PNG"), ("jpg", "JPEG"), ("gif", "GIF"), ("tif", "TIFF"), ("webp", "WEBP")):
        (folder / f"a.{suffix}").write_bytes(picture(format))
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for name in ("train/a/1.png", "train/b/2.png", "test/a/1.png"):
            archive.writestr(name, picture())
    return sorted(folder.iterdir())


def _damaged(content: bytes, draw: random.Random) -> bytes:
    held = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 4))):
        place = draw.randrange(len(held))
        match draw.randrange(4):
            case 0:
                held[place] = draw.choice((0, 255, 128, ord("-"), ord(","), draw.randrange(256)))
            case 1:
                del held[place + 1 : place + draw.choice((2, 9, 100))]
            case 2:
                held[place:place] = bytes([draw.randrange(256)]) * draw.choice((1, 4, 16))
            case _:
                held[place : place + 4] = struct.pack("<I", draw.choice((0, 1, 2**31 - 1, 2**32 - 1)))
    return bytes(held)


@pytest.mark.filterwarnings("ignore")
def test_damaged_files_raise_nothing_but_our_own_errors(tmp_path):
    draw = random.Random(0)
    ways: Any = ({}, {"missing": "keep"}, {"kind": "series"}, {"categorical": "auto"}, {"label": 0}, {"size": 4})
    for path in _seeds(tmp_path):
        content = path.read_bytes()
        for number in range(12):
            path.write_bytes(_damaged(content, draw))
            for use in (open_data, lambda source, **how: list(stream_samples(source, rows=2, **how))):
                try:
                    use(path, **ways[number % len(ways)])
                except IsthmusError as error:
                    assert "\n" not in str(error)  # noqa: PT017
