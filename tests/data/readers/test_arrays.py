"""Files of arrays: each is written by the library of its format, and read."""

import gzip
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import xarray as xr
import zarr
from safetensors.torch import save_file
from scipy import io, sparse

from isthmus.data import open_data, read_samples
from isthmus.errors import DataError, Remark

X = np.random.default_rng(0).normal(size=(20, 4))
Y = np.arange(20) % 2


def message_of(source, **options) -> str:
    with pytest.raises(DataError) as caught:
        read_samples(source, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def hdf5(path):
    with h5py.File(path, "w") as file:
        file["X"], file["y"] = X, Y


def matlab_73(path):
    """MATLAB's own form: HDF5 behind a header, with the axes in reverse order."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file["X"], file["y"] = X.T, Y[:, None]
    content = bytearray(path.read_bytes())
    content[:19] = b"MATLAB 7.3 MAT-file"
    path.write_bytes(content)


def zarr_group(path):
    group = zarr.open_group(str(path), mode="w")
    group.create_array("X", data=X)
    group.create_array("y", data=Y)


WRITE = {
    "x.mat": lambda path: io.savemat(path, {"X": X, "y": Y}),
    "z.mat": lambda path: io.savemat(path, {"X": X, "y": Y}, do_compression=True),
    "new.mat": matlab_73,
    "x.h5": hdf5,
    "x.zarr": zarr_group,
    "x.safetensors": lambda path: save_file({"X": torch.from_numpy(X), "y": torch.from_numpy(Y)}, path),
}


@pytest.mark.parametrize("name", WRITE)
def test_each_format_has_the_same_values_and_labels(name, tmp_path):
    WRITE[name](tmp_path / name)
    samples = read_samples(tmp_path / name)
    assert np.allclose(samples.tensor().numpy(), X)
    assert samples.labels is not None
    assert samples.labels.tolist() == Y.tolist()


@pytest.mark.parametrize("name", [name for name in WRITE if name != "x.zarr"])
def test_a_damaged_file_of_each_format_is_refused_in_one_line(name, tmp_path):
    WRITE[name](tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 3])
    assert str(tmp_path / name) in message_of(tmp_path / name)


def test_one_array_by_its_path_in_hdf5(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["run/first"], file["run/second"], file["times"] = X, X[:5, :, None], np.arange(20.0)
    said = message_of(tmp_path / "x.h5")
    assert "run/first (20, 4), run/second (5, 4, 1), times (20,)" in said
    assert "array='run/first'" in said
    assert np.allclose(read_samples(tmp_path / "x.h5", array="run/first").tensor().numpy(), X)
    assert "Did you mean 'run/first'" in message_of(tmp_path / "x.h5", array="run/frist")


def test_parts_and_groups_of_hdf5_are_found(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for part, count in (("train", 20), ("test", 5)):
            file[f"{part}/x"], file[f"{part}/y"] = X[:count], np.array([b"u", b"v"] * 10)[:count]
    data = open_data(tmp_path / "x.h5")
    assert (len(data.test), data.label_names) == (5, ("u", "v"))


def test_tables_of_hdf5_keep_their_columns(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["table"] = np.array([(1.5, b"a"), (2.5, b"b")], dtype=[("size", "f8"), ("kind", "S1")])
    assert read_samples(tmp_path / "x.h5", categorical="kind").columns == ("size", "kind")
    array = np.array([(1.5, 2), (2.5, 3)], dtype=[("size", "f8"), ("count", "i4")])
    np.save(tmp_path / "x.npy", array)
    assert read_samples(tmp_path / "x.npy").columns == ("size", "count")


def test_samples_on_matlabs_last_axis_are_put_first(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (8, 9, 3, 20), dtype=np.uint8)
    io.savemat(tmp_path / "x.mat", {"X": pictures, "y": Y})
    with pytest.warns(Remark, match="20 samples on the last axis"):
        samples = read_samples(tmp_path / "x.mat")
    assert (len(samples), samples.shape, samples.dtype) == (20, (3, 8, 9), "uint8")


def test_objects_of_matlab_are_never_read(tmp_path):
    io.savemat(tmp_path / "x.mat", {"s": {"a": 1.0}})
    assert "no array of numbers (s (struct))" in message_of(tmp_path / "x.mat")
    io.savemat(tmp_path / "y.mat", {"s": {"a": 1.0}, "X": sparse.csc_matrix(X)})
    assert np.allclose(read_samples(tmp_path / "y.mat").tensor().numpy(), X)


def test_numbers_of_a_type_that_matlab_lacks_are_refused_before_scipy_ends_the_process(tmp_path):
    io.savemat(tmp_path / "x.mat", {"X": X})
    content = (tmp_path / "x.mat").read_bytes()
    tag = (9).to_bytes(4, "little") + X.astype(np.float64).nbytes.to_bytes(4, "little")
    place = content.index(tag if tag in content else (7).to_bytes(4, "little") + X.nbytes.to_bytes(4, "little"))
    (tmp_path / "x.mat").write_bytes(content[:place] + (23).to_bytes(4, "little") + content[place + 4 :])
    assert "numbers of the unknown type 23" in message_of(tmp_path / "x.mat")


@pytest.mark.parametrize("engine", ["h5netcdf", "scipy"])
def test_netcdf_is_read(engine, tmp_path):
    names = {"warm": (("time", "sensor"), X), "wet": ("time", X[:, 0])}
    xr.Dataset(names, coords={"sensor": list("abcd")}).to_netcdf(tmp_path / "x.nc", engine=engine)
    assert "several shapes" in message_of(tmp_path / "x.nc")
    assert np.allclose(read_samples(tmp_path / "x.nc", array="warm").tensor().numpy(), X)
    (tmp_path / "x.nc").write_bytes((tmp_path / "x.nc").read_bytes()[:100])
    assert "is damaged or no netCDF" in message_of(tmp_path / "x.nc")


@pytest.mark.filterwarnings("ignore::UserWarning:zarr")
def test_zarr_of_xarray_is_read(tmp_path):
    dataset = xr.Dataset({"warm": (("time", "y", "x"), X.reshape(20, 2, 2))})
    dataset.to_zarr(tmp_path / "x.zarr", consolidated=False)
    assert read_samples(tmp_path / "x.zarr").shape == (1, 2, 2)


def test_a_sparse_matrix_of_scipy_gets_its_zeros(tmp_path):
    matrix = sparse.random(30, 5, 0.3)
    for kind in ("csr", "csc", "coo"):
        sparse.save_npz(tmp_path / "x.npz", matrix.asformat(kind))
        assert np.allclose(read_samples(tmp_path / "x.npz").tensor().numpy(), matrix.toarray())
    sparse.save_npz(tmp_path / "x.npz", sparse.csr_matrix((1000, 1000)))
    assert "with its zeros" in message_of(tmp_path / "x.npz", max_bytes=100_000)


def test_a_packed_array_is_read(tmp_path):
    np.save(tmp_path / "x.npy", X)
    content = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy.gz").write_bytes(gzip.compress(content))
    assert np.allclose(read_samples(tmp_path / "x.npy.gz").tensor().numpy(), X)
    (tmp_path / "x.npy.gz").write_bytes(gzip.compress(content)[:100])
    assert "x.npy.gz is damaged or cut short" in message_of(tmp_path / "x.npy.gz")


def test_a_folder_of_arrays_has_a_sample_in_each(tmp_path):
    for number in range(12):
        folder = tmp_path / "ab"[number % 2]
        folder.mkdir(exist_ok=True)
        np.save(folder / f"{number}.npy", X[:2, : 2 + number % 3])
    samples = read_samples(tmp_path)
    assert (len(samples), samples.kind, samples.label_names) == (12, "series", ("a", "b"))
    assert samples.names[:3] == ("a/0.npy", "a/2.npy", "a/4.npy")


def test_one_tensor_of_several_is_named(tmp_path):
    save_file({"p": torch.ones(5, 3, dtype=torch.bfloat16), "q": torch.ones(4, 2)}, tmp_path / "x.safetensors")
    assert "the arrays p, q" in message_of(tmp_path / "x.safetensors")
    assert read_samples(tmp_path / "x.safetensors", array="p").shape == (3,)


CELLS = Path(__file__).parents[2] / "fixtures" / "files" / "cells.h5ad"
"""Written by anndata 0.12: 12 cells by 5 genes, sparse; obs has kind and day, one layer, X_pca."""


def test_annotated_data_are_read_from_a_file():
    samples = read_samples(CELLS, label="kind")
    assert (len(samples), samples.columns[:2], samples.names[:2]) == (12, ("gene0", "gene1"), ("cell0", "cell1"))
    assert samples.label_names == ("B", "T", "(none)")
    assert torch.equal(read_samples(CELLS, array="doubled").tensor(), 2 * samples.tensor())
    assert torch.equal(read_samples(CELLS, array="X_pca").tensor(), samples.tensor()[:, :2])
    assert read_samples(CELLS, columns="gene3,gene1").columns == ("gene3", "gene1")
    assert read_samples(CELLS, label="day").label_names[:2] == ("0", "1")
    assert "Did you mean 'kind'" in message_of(CELLS, label="kinds")
    assert "has no such matrix" in message_of(CELLS, array="none")
