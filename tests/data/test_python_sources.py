"""Sources in Python, each an object of the real package: torch, Hugging Face datasets, AnnData, xarray, memory maps."""

from typing import Any

import anndata
import datasets
import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from scipy import sparse
from torch.utils.data import Dataset, IterableDataset, Subset

from isthmus.data import open_data, read_samples
from isthmus.errors import DataError

OLD = pytest.mark.filterwarnings("ignore:The 'mode.chained_assignment' option")  # AnnData sets it

X = np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32)


class Pairs(Dataset):
    """Pictures with labels."""

    def __len__(self):
        return 60

    def __getitem__(self, place):
        return torch.full((1, 4, 4), float(place)), place % 3


class Flow(IterableDataset):
    """Fields, one sample after another, without a length."""

    def __iter__(self):
        return ({"image": np.full((9, 9, 3), place, np.uint8), "label": place % 2} for place in range(60))


def rows():
    """A factory of generators, called once for each reading."""
    yield from X


@pytest.mark.parametrize(
    ("source", "shape", "labels"),
    [(Pairs(), (1, 4, 4), 3), (Subset(Pairs(), range(40)), (1, 4, 4), 3), (Flow(), (3, 9, 9), 2), (rows, (6,), 0)],
    ids=["map-style", "subset", "iterable", "generator factory"],
)
def test_datasets_and_generators_are_opened_again_and_again(source, shape, labels):
    first, second = open_data(source), open_data(source)
    assert first.shape == shape
    assert len(first.label_names) == labels
    assert torch.equal(first.train.tensor(), second.train.tensor())


def test_columns_of_arrays_of_hugging_face_are_samples():
    pictures = np.arange(60 * 16, dtype=np.float32).reshape(60, 1, 4, 4)
    plain = datasets.Dataset.from_dict({"pixels": pictures, "label": [0, 1] * 30})
    typed = datasets.Dataset.from_dict(
        {"pixels": pictures}, features=datasets.Features({"pixels": datasets.Array3D((1, 4, 4), "float32")})
    )
    for source in (plain, typed):
        assert np.array_equal(read_samples(source).tensor().numpy(), pictures)
    assert read_samples(plain).label_names == ("0", "1")
    assert len(open_data(plain.to_iterable_dataset())) == 60


@pytest.fixture
def cells():
    """Four genes of six, whose counts are in a layer; the raw counts have all six."""
    counts = np.rint(np.abs(X) * 3)
    names = pd.Index([f"gene{place}" for place in range(6)], dtype=object)
    kind = pd.Categorical.from_codes([0, 1] * 30, pd.Index(["b", "t"], dtype=object))
    kinds = pd.DataFrame({"kind": kind}, index=pd.Index(map(str, range(60)), dtype=object))
    whole: Any = anndata.AnnData(sparse.csr_matrix(counts), obs=kinds, var=pd.DataFrame(index=names))
    whole.raw = whole.copy()
    some: Any = whole[:, :4].copy()
    some.layers["counts"] = some.X.copy()
    some.X = sparse.csr_matrix(np.log1p(some.X.toarray()))
    some.obsm["X_pca"] = X[:, :2]
    return some, counts


@OLD
def test_layers_and_raw_counts_of_annotated_data_are_read(cells):
    source, counts = cells
    assert np.allclose(read_samples(source).tensor(), np.log1p(counts[:, :4]))
    layer = read_samples(source, array="counts", label="kind")
    assert np.array_equal(layer.tensor().numpy(), counts[:, :4])
    assert layer.label_names == ("b", "t")
    raw = read_samples(source, array="raw")
    assert np.array_equal(raw.tensor().numpy(), counts)
    assert raw.columns[5] == "gene5"
    assert read_samples(source, array="X_pca").shape == (2,)
    with pytest.raises(DataError, match=r"array='count'.*Did you mean 'layers/counts'"):
        read_samples(source, array="count")


@OLD
def test_annotated_data_in_a_file_are_read_as_in_memory(cells, tmp_path):
    source, counts = cells
    with anndata.settings.override(allow_write_nullable_strings=True):
        source.write_h5ad(tmp_path / "cells.h5ad")
    assert np.array_equal(read_samples(tmp_path / "cells.h5ad", array="raw").tensor().numpy(), counts)
    backed: Any = anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    assert torch.equal(read_samples(backed).tensor(), read_samples(source).tensor())
    backed.file.close()


def test_chunked_arrays_of_xarray_are_computed():
    pytest.importorskip("dask")
    lazy = xr.DataArray(X.reshape(60, 2, 3), dims=("time", "y", "x")).chunk(time=10)
    assert np.array_equal(read_samples(lazy).tensor().numpy()[:, 0], X.reshape(60, 2, 3))


def test_memory_maps_stay_on_disk(tmp_path):
    np.save(tmp_path / "x.npy", X)
    for mapped in (
        np.load(tmp_path / "x.npy", mmap_mode="r"),
        np.memmap(tmp_path / "x.npy", np.uint8, "r", 128, (60, 24)),
    ):
        data = open_data(mapped)
        assert isinstance(data.train.values, np.ndarray)
        assert np.shares_memory(data.train.values, mapped)
