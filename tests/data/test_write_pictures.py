import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from isthmus.data import open_data, read_samples, write_samples
from isthmus.errors import DataError

PICTURES = st.tuples(st.integers(1, 3), st.sampled_from([1, 3, 4]), st.integers(1, 5), st.integers(1, 5))


@given(PICTURES.flatmap(lambda shape: arrays(np.uint8, shape)), st.sampled_from(["set", "set.zip"]))
def test_pictures_come_back_exactly(tmp_path_factory, pictures, name):
    path = write_samples(tmp_path_factory.mktemp("pictures") / name, pictures)
    assert np.array_equal(read_samples(path).tensor().numpy(), pictures)


def test_floats_are_rounded_and_cut_off(tmp_path):
    values = torch.tensor([[[[-7.0, 0.4, 0.6, 254.6, 300.0]]]])
    assert read_samples(write_samples(tmp_path / "x", values)).tensor().flatten().tolist() == [0, 0, 1, 255, 255]


def test_pictures_of_floats_are_drawn_in_their_range(tmp_path):
    values = np.random.default_rng(0).random((9, 1, 4, 4)).astype(np.float32)
    back = read_samples(write_samples(tmp_path / "unit", values, like=open_data(values).description))
    assert np.abs(back.tensor().numpy() / 255 - values).max() < 1 / 500
    wide = values * 3000 - 1000
    like = open_data(wide).description
    low, scale = like["scaling"]["shift"], like["scaling"]["scale"]
    back = read_samples(write_samples(tmp_path / "wide", wide, like=like))
    assert np.array_equal(back.tensor().numpy(), np.clip(np.rint((wide - low) / scale * 255), 0, 255))


def test_names_are_kept_and_folders_are_labels_again(tmp_path, pictures):
    names = [f"{'ab'[i % 2]}/{i}.jpg" for i in range(12)]
    for name in ("set", "set.zip"):
        back = read_samples(write_samples(tmp_path / name, pictures, names=names))
        assert set(back.names) == {name.replace("jpg", "png") for name in names}
        assert back.label_names == ("a", "b")


def test_numbered_files_keep_the_order(tmp_path, pictures):
    many = np.concatenate([pictures] * 10)
    assert np.array_equal(read_samples(write_samples(tmp_path / "x", many)).tensor().numpy(), many)


def test_names_that_differ_in_the_suffix_alone_are_told_apart(tmp_path, pictures):
    back = read_samples(write_samples(tmp_path / "x", pictures[:2], names=["a.jpg", "a.gif"]))
    assert back.names == ("a.gif.png", "a.png")


@pytest.mark.parametrize("name", ["../a.png", "/a.png", "a/../../b", "..", "", "C:a.png", "..\\a.png"])
@pytest.mark.parametrize("target", ["set", "set.zip"])
def test_names_never_lead_out_of_the_folder(tmp_path, pictures, name, target):
    with pytest.raises(DataError, match="isn't a path"):
        write_samples(tmp_path / target, pictures[:1], names=[name])
    assert list(tmp_path.iterdir()) == []


def test_doubled_names_are_refused(tmp_path, pictures):
    with pytest.raises(DataError, match="same name"):
        write_samples(tmp_path / "x", pictures[:2], names=["a.png", "a.png"])


def test_one_picture_is_written_as_one_file(tmp_path, pictures):
    back = read_samples(write_samples(tmp_path / "x.png", pictures[:1]))
    assert np.array_equal(back.tensor().numpy(), pictures[:1])
    with pytest.raises(DataError, match="one picture, not 12"):
        write_samples(tmp_path / "y.png", pictures)


def test_transparency_is_not_lost_in_silence(tmp_path):
    with pytest.raises(DataError, match="transparency"):
        write_samples(tmp_path / "x.jpg", np.zeros((1, 4, 2, 2), np.uint8))


@pytest.mark.parametrize("shape", [(3, 5), (3, 2, 4, 4), (2, 3, 1, 4, 4)])
def test_what_is_no_picture_is_refused(tmp_path, shape):
    with pytest.raises(DataError, match="needs pictures"):
        write_samples(tmp_path / "x.zip", np.zeros(shape))


def test_missing_values_are_refused(tmp_path):
    with pytest.raises(DataError, match="NaN"):
        write_samples(tmp_path / "x", np.full((1, 2, 2), np.nan))


def test_folder_of_pictures_is_replaced_as_a_whole(tmp_path, pictures):
    write_samples(tmp_path / "x", pictures)
    write_samples(tmp_path / "x", pictures[:2], overwrite=True)
    assert len(read_samples(tmp_path / "x")) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_folder_with_something_else_is_never_replaced(tmp_path, pictures):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "thesis.tex").write_text("precious")
    with pytest.raises(DataError, match=r"thesis\.tex"):
        write_samples(tmp_path / "x", pictures, overwrite=True)
    assert (tmp_path / "x" / "thesis.tex").read_text() == "precious"


def test_folder_that_could_not_be_replaced_is_as_it_was(tmp_path, pictures, monkeypatch):
    path = write_samples(tmp_path / "x", pictures)
    monkeypatch.setattr("isthmus.data.write_pictures._image", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(Exception, match="disk is full"):
        write_samples(path, pictures[:2], overwrite=True)
    assert len(read_samples(path)) == 12
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_equal_pictures_make_equal_zips(tmp_path, pictures):
    one, other = (write_samples(tmp_path / name, pictures) for name in ("a.zip", "b.zip"))
    assert one.read_bytes() == other.read_bytes()
    assert zipfile.ZipFile(one).testzip() is None


@pytest.mark.parametrize("target", ["set", "set.zip", "a.png", "a.tiff", "a.pgm"])
def test_sixteen_bits_are_written_back(tmp_path, target):
    values = np.random.default_rng(0).integers(0, 65536, (6, 1, 5, 7)).astype(np.float32)
    write_samples(tmp_path / "deep", values, like={"depth": 16, "shape": [1, 5, 7], "kind": "pictures"})
    data = open_data(tmp_path / "deep")
    some = data.train.tensor() if target.startswith("set") else data.train.tensor()[:1]
    back = read_samples(write_samples(tmp_path / target, some, like=data.description))
    assert torch.equal(back.tensor(), some)
    assert back.dtype == "float32"


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("target", ["set", "set.zip", "a.tif"])
def test_floats_are_written_back_as_tiff(tmp_path, target, channels):
    values = np.random.default_rng(0).normal(size=(1, channels, 5, 7)).astype(np.float32)
    like = {"depth": 32, "shape": [channels, 5, 7], "kind": "pictures", "dtype": "float32"}
    back = read_samples(write_samples(tmp_path / target, values, like=like, names=["a.tiff"]))
    assert np.array_equal(back.tensor().numpy(), values)
    assert back.names[0].endswith((".tiff", ".tif"))


@pytest.mark.parametrize("suffix", [".jp2", ".tga", ".avif", ".heic", ".webp"])
def test_formats_that_are_read_are_written(tmp_path, suffix):
    values = np.full((1, 3, 16, 16), 0, np.uint8) + np.array([200, 100, 30], np.uint8)[None, :, None, None]
    back = read_samples(write_samples(tmp_path / f"a{suffix}", values)).tensor()[0, :, 8, 8].numpy()
    assert np.abs(back.astype(int) - [200, 100, 30]).max() <= 6


def test_formats_that_are_only_read_are_refused_with_others(tmp_path):
    for suffix in (".dcm", ".fits", ".nii.gz", ".mp4"):
        with pytest.raises(DataError, match=r"is only read.*such as \.png, \.tiff or \.npy"):
            write_samples(tmp_path / f"a{suffix}", np.zeros((1, 1, 4, 4), np.uint8))


@pytest.mark.parametrize("name", ["film.mp4", "scan.dcm", "brain.nii.gz"])
def test_folder_with_pictures_that_are_only_read_is_never_replaced(tmp_path, pictures, name):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / name).write_bytes(b"precious")
    with pytest.raises(DataError, match="contains other files than pictures"):
        write_samples(tmp_path / "set", pictures, overwrite=True)
    assert (tmp_path / "set" / name).read_bytes() == b"precious"
