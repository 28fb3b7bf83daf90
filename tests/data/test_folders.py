import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.data import open_data, read_samples, stream_samples
from isthmus.data.file_kinds import leading
from isthmus.data.idx import write_idx
from isthmus.errors import DataError, Remark
from isthmus.extras import MissingPackageError


def draw(path: Path, value: int = 0, side: int = 4) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((side, side), value, np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path) -> Path:
    for number in range(10):
        draw(tmp_path / "set" / ("cat" if number % 2 else "dog") / f"{number}.png", number)
    (tmp_path / "set" / "Thumbs.db").write_bytes(b"x")
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


def test_parts_and_masks_of_a_set_for_finding_defects_are_known(tmp_path):
    for place, folder in enumerate(("train/good", "test/good", "test/crack", "ground_truth/crack")):
        for number in range(8):
            draw(tmp_path / folder / f"{number}.png", 10 * place + number)
    with pytest.warns(Remark, match="8 pictures look like masks of others"):
        data = open_data(tmp_path)
    assert [len(part) for part in data.parts.values()] == [7, 1, 16]
    assert data.label_names == ("crack", "good")
    assert data.train.tensor().max() < 8


@pytest.mark.parametrize(("train", "test"), [("Train", "Test"), ("training", "testing"), ("TRAIN", "val")])
def test_parts_are_known_by_any_common_name(tmp_path, train, test):
    for number in range(8):
        draw(tmp_path / train / "a" / f"{number}.png", number)
        draw(tmp_path / test / "a" / f"{number}.png", number)
    data = open_data(tmp_path)
    assert data.label_names == ("a",)
    assert len(data.train) + len(data.validation) + len(data.test) == 16
    assert "a/7.png" not in str(data.train.names) or len(data.train) <= 8


def test_other_files_are_counted_by_type_and_hidden_ones_are_not(folder, tmp_path):
    for name in ("a.csv", "b.csv", "notes.txt", ".hidden.csv", "README"):
        (folder / name).write_text("1,2")
    with pytest.warns(Remark, match=r"4 other files are not read \(2 of type \.csv, 1 of type none, 1 of type \.txt\)"):
        assert len(read_samples(folder)) == 10
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.write(folder / "cat" / "1.png", "1.png")
        archive.writestr("a.csv", "1,2")
    with pytest.warns(Remark, match=r"1 other file is not read \(1 of type \.csv\)"):
        assert len(read_samples(tmp_path / "some.zip")) == 1


def test_pictures_that_need_a_package_are_counted_with_the_command_that_installs_it(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for number in range(40):
        (folder / f"{number}.heic").write_bytes(b"x")
    with pytest.warns(Remark, match=r"40 of 50 pictures are not read.*HEIC needs pillow_heif.*'isthmus\[pictures\]'"):
        assert len(read_samples(folder)) == 10
    with pytest.warns(Remark, match="40 of 50"):
        assert sum(map(len, stream_samples(folder))) == 10
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "a.heic").write_bytes(b"x")
    with pytest.raises(MissingPackageError, match=r"pip install 'isthmus\[pictures\]'"):
        read_samples(tmp_path / "alone")


def test_the_kind_with_most_files_is_read():
    kinds = {"pictures": (".png", ".jpg"), "texts": (".txt", ".md"), "music": (".mid",)}
    assert leading(["a.png", "b.png", "c.txt"], kinds) == "pictures"
    assert leading(["a.png", "b.txt", "c.txt"], kinds) == "texts"
    assert leading(["a.png", "b.txt"], kinds) == "pictures"
    assert leading(["x/a.jpg", "x/b.jpg", "y/a.txt", "y/b.txt", "z/a.md", "README.md"], kinds) == "pictures"
    assert leading(["a.csv"], kinds) is None


def test_three_broken_files_among_thousands_are_named(tmp_path):
    for number in range(2000):
        place = tmp_path / str(number % 7)
        place.mkdir(exist_ok=True)
        if number < 1:
            draw(place / "0.png", 5)
        else:
            (place / f"{number}.png").write_bytes((tmp_path / "0" / "0.png").read_bytes())
    for number in (3, 1000, 1999):
        (tmp_path / str(number % 7) / f"{number}.png").write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match=r"3 of 2000 pictures can't be read \(3/3\.png, 4/1999\.png, 6/1000\.png\)"):
        read_samples(tmp_path)
    with pytest.warns(Remark, match=r"3 of 2000 .*3/3\.png, 4/1999\.png, 6/1000\.png"):
        assert len(read_samples(tmp_path, missing="drop")) == 1997


def test_videos_among_photographs_are_counted_and_not_mixed_with_them(folder):
    for name in ("a.mov", "b.MP4", "brain.nii.gz"):
        (folder / name).write_bytes(b"x")
    with pytest.warns(Remark, match=r"3 other files are not read \(1 of type \.mov, 1 of type \.mp4, 1"):
        assert len(read_samples(folder)) == 10
