import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.data import open_data, read_samples
from isthmus.data.idx import write_idx
from isthmus.errors import DataError


def draw(path: Path, value: int = 0, side: int = 4) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((side, side), value, np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path) -> Path:
    for number in range(10):
        draw(tmp_path / "set" / ("cat" if number % 2 else "dog") / f"{number}.png", number)
    (tmp_path / "set" / "README.txt").write_text("pictures")
    (tmp_path / "set" / ".DS_Store").write_bytes(b"x")
    return tmp_path / "set"


@pytest.fixture
def zipped(folder, tmp_path) -> Path:
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return tmp_path / "set.zip"


def test_sub_folders_are_labels(folder):
    samples = read_samples(folder)
    assert samples.kind == "pictures"
    assert samples.label_names == ("cat", "dog")
    assert samples.names[:2] == ("cat/1.png", "cat/3.png")
    assert samples.tensor()[:, 0, 0, 0].tolist() == [1, 3, 5, 7, 9, 0, 2, 4, 6, 8]


def test_zip_reads_as_the_folder_does(folder, zipped):
    one, other = read_samples(folder), read_samples(zipped)
    assert one.names == other.names
    assert (one.tensor() == other.tensor()).all()


def test_pictures_stay_bytes_in_memory(folder):
    assert open_data(folder).train.dtype == "uint8"


def test_flat_folder_has_no_labels(tmp_path):
    draw(tmp_path / "a.png")
    assert read_samples(tmp_path).labels is None


def test_train_and_test_folders_are_parts(tmp_path):
    for part, count in (("train", 10), ("test", 3)):
        for number in range(count):
            draw(tmp_path / part / str(number % 2) / f"{number}.png", number)
    data = open_data(tmp_path)
    assert [len(part) for part in data.parts.values()] == [9, 1, 3]
    assert data.label_names == ("0", "1")


def test_single_picture_is_a_set_of_one(folder):
    assert read_samples(folder / "cat" / "1.png").shape == (1, 4, 4)


def test_folder_with_idx_files_is_the_set_they_make(tmp_path):
    for name, count in (("train", 20), ("t10k", 5)):
        write_idx(tmp_path / f"{name}-images-idx3-ubyte", np.zeros((count, 4, 4), np.uint8), gzipped=False)
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8), gzipped=False)
    assert len(open_data(tmp_path).test) == 5


@pytest.mark.parametrize("files", [[], ["a.exe", "b.exe"], [".hidden.png"]])
def test_folder_without_pictures_is_refused(tmp_path, files):
    for file in files:
        (tmp_path / file).write_text("1,2")
    with pytest.raises(DataError, match="contains no pictures"):
        open_data(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows lets administrators alone make links")
def test_link_in_a_circle_is_not_followed(folder):
    (folder / "cat" / "again").symlink_to(folder, target_is_directory=True)
    assert len(read_samples(folder)) == 10


def test_truncated_picture_in_a_folder_is_named(folder):
    broken = folder / "dog" / "2.png"
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.raises(DataError, match=r"1 of 10 pictures can't be read .dog/2\.png."):
        open_data(folder)


@pytest.mark.skipif(os.name == "nt", reason="Windows lets administrators alone make links")
def test_broken_link_is_named(folder):
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    with pytest.raises(DataError, match=r"gone\.png"):
        open_data(folder)


@pytest.mark.parametrize("name", ["../out.png", "/etc/out.png", "a/../../out.png", "C:\\out.png", "..\\out.png"])
def test_member_that_leads_out_is_refused(tmp_path, name, folder):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(name, (folder / "cat" / "1.png").read_bytes())
    with pytest.raises(DataError, match="outside of it"):
        open_data(tmp_path / "x.zip")
    assert not (tmp_path.parent / "out.png").exists()


def test_zip_bomb_is_refused_by_what_it_declares(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(10_000_000))
    with pytest.raises(DataError, match="max_bytes"):
        open_data(tmp_path / "x.zip", max_bytes=1_000_000)


def test_zip_bomb_that_lies_about_its_size_unpacks_no_further(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(10_000_000))
    lying = path.read_bytes().replace((10_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    path.write_bytes(lying)
    with pytest.raises(DataError, match=r"a\.png"):
        open_data(path, max_bytes=1_000_000)


def test_truncated_zip_is_refused(zipped):
    zipped.write_bytes(zipped.read_bytes()[:-30])
    with pytest.raises(DataError, match="damaged"):
        open_data(zipped)


def test_zip_with_a_damaged_member_names_it(zipped):
    content = bytearray(zipped.read_bytes())
    start = content.find(b"cat/3.png") + 15
    content[start : start + 20] = bytes(20)
    zipped.write_bytes(content)
    with pytest.raises(DataError, match=r"cat/3\.png"):
        open_data(zipped)


def test_zip_with_a_password_is_refused(zipped):
    content = bytearray(zipped.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(signature)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(signature, at + 1)
    zipped.write_bytes(content)
    with pytest.raises(DataError, match="password"):
        open_data(zipped)


def test_zip_without_pictures_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.exe", "1,2")
    with pytest.raises(DataError, match="no pictures"):
        open_data(tmp_path / "x.zip")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_folder_that_may_not_be_read_is_refused(folder):
    (folder / "cat").chmod(0)
    try:
        with pytest.raises(DataError, match="permissions"):
            open_data(folder)
    finally:
        (folder / "cat").chmod(0o755)
