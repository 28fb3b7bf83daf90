import collections
import functools

import datasets as hugging_face
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
import xarray as xr
from PIL import Image
from scipy import sparse
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, WeightedRandomSampler

from isthmus.data import open_data, read_samples
from isthmus.errors import DataError, Remark

X = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
Y = np.arange(30) % 3


def picture(shade=0, size=(5, 4)):
    return Image.new("RGB", size, (shade, 0, 0))


class Pictures(Dataset):
    """Ends by its length, as loaders expect, and never by an IndexError."""

    def __len__(self):
        return 6

    def __getitem__(self, place):
        return torch.full((3, 8, 8), float(place)), place % 3


class Fields(Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, place):
        return {"image": torch.full((3, 8, 8), float(place)), "label": "ab"[place % 2], "id": place}


class Rows(Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, place):
        return {"size": place / 2, "colour": "red" if place % 2 else "blue"}


class Few(IterableDataset):
    def __iter__(self):
        return ((torch.full((5,), float(place)), place % 2) for place in range(7))


def test_a_dataset_is_read_by_its_length():
    samples = read_samples(Pictures())
    assert (len(samples), samples.shape) == (6, (3, 8, 8))
    assert samples.labels is not None
    assert samples.labels.tolist() == [0, 1, 2, 0, 1, 2]


def test_an_object_with_a_length_and_items_is_a_dataset():
    class Plain:
        def __len__(self):
            return 3

        def __getitem__(self, place):
            return np.full(4, place)

    assert read_samples(Plain()).tensor()[:, 0].tolist() == [0, 1, 2]


def test_one_tensor_is_a_table_and_two_are_samples_and_labels():
    assert open_data(TensorDataset(torch.from_numpy(X))).shape == (4,)
    samples = read_samples(TensorDataset(torch.from_numpy(X), torch.from_numpy(Y)))
    assert samples.kind == "table"
    assert samples.label_names == ("0", "1", "2")


def test_a_target_that_equals_its_input_is_no_label():
    values = torch.from_numpy(X)
    assert read_samples(TensorDataset(values, values.clone())).labels is None
    assert read_samples(list(zip(values, values, strict=True))).labels is None


def test_tensors_that_are_no_labels_are_refused_with_advice():
    values = torch.from_numpy(X)
    with pytest.raises(DataError, match=r"3 tensors .*Give TensorDataset\(samples, labels\)"):
        open_data(TensorDataset(values, values, values))
    with pytest.raises(DataError, match=r"open_data\(clean, damaged=damaged\)"):
        open_data(TensorDataset(values, values + 1))


def test_fields_of_a_dataset_are_samples_and_labels():
    samples = read_samples(Fields())
    assert (samples.shape, samples.label_names) == ((3, 8, 8), ("a", "b"))
    assert read_samples(Fields(), label="id").label_names == ("0", "1", "2", "3", "4", "5")
    with pytest.raises(DataError, match=r"array='imago'.*Did you mean 'image'"):
        read_samples(Fields(), array="imago")


def test_items_of_single_values_are_rows_of_a_table():
    for source in (Rows(), [Rows()[place] for place in range(6)]):
        samples = read_samples(source, categorical="auto")
        assert samples.columns == ("size", "colour")
        assert samples.categories[1] == ("blue", "red")


def test_a_loaders_dataset_is_read_in_its_own_order():
    assert torch.equal(read_samples(DataLoader(Pictures(), 4)).tensor(), read_samples(Pictures()).tensor())
    with pytest.warns(Remark, match="shuffles: its dataset is read instead"):
        shuffled = read_samples(DataLoader(Pictures(), 4, shuffle=True))
    assert torch.equal(shuffled.tensor(), read_samples(Pictures()).tensor())


def test_a_loader_with_a_sampler_is_read_once():
    loader = DataLoader(Pictures(), 4, sampler=WeightedRandomSampler([1.0] * 6, 10))
    with pytest.warns(Remark, match="order of its WeightedRandomSampler"):
        assert len(read_samples(loader)) == 10


def test_a_loaders_batches_of_fields_are_taken_apart():
    def collate(items):
        return {"image": torch.stack([item["image"] for item in items]), "label": torch.arange(len(items))}

    samples = read_samples(DataLoader(Fields(), 3, collate_fn=collate))
    assert (len(samples), samples.shape, samples.label_names) == (6, (3, 8, 8), ("0", "1", "2"))


def test_a_loader_that_gives_items_is_read():
    assert len(read_samples(DataLoader(Few(), batch_size=None))) == 7
    assert len(read_samples(DataLoader(Pictures(), batch_size=None))) == 6
    batches = [[5, 3], [1]]
    with pytest.warns(Remark, match="order of its list"):
        samples = read_samples(DataLoader(Pictures(), batch_sampler=batches))
    assert samples.tensor()[:, 0, 0, 0].tolist() == [5, 3, 1]


def test_chunks_of_a_table_are_joined(tmp_path):
    frame = pd.DataFrame(X, columns=list("abcd")).assign(k=["u", "v", "w"] * 10)
    frame.to_csv(tmp_path / "x.csv", index=False)
    for source in (
        pd.read_csv(tmp_path / "x.csv", chunksize=4),
        iter(pa.Table.from_pandas(frame).to_batches(max_chunksize=4)),
        pl.from_pandas(frame).iter_slices(4),
    ):
        samples = read_samples(source, categorical="k")
        assert (len(samples), samples.categories[4]) == (30, ("u", "v", "w"))


def test_rows_of_numbers_and_words_are_a_table():
    samples = read_samples([["a", 1], ["b", 2.5]] * 5, categorical="0")
    assert (samples.columns, samples.categories[0]) == (("0", "1"), ("a", "b"))
    nested = read_samples([{"box": {"w": 1, "h": 2}, "at": [3, 4]}] * 2)
    assert nested.columns == ("box.w", "box.h", "at.0", "at.1")
    assert read_samples({"a": {0: 1, 1: 2}, "b": {0: 3, 1: 4}}).tensor().tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize(
    "source",
    [
        Few(),
        DataLoader(Few(), 3),
        lambda: iter(Few()),
        functools.partial(iter, [(np.full(5, place), place % 2) for place in range(7)]),
    ],
)
def test_iterables_are_read_once(source):
    samples = read_samples(source)
    assert (len(samples), samples.label_names) == (7, ("0", "1"))
    assert samples.tensor()[:, 0].tolist() == list(range(7))


def test_an_endless_iterator_is_stopped_by_its_size():
    def endless():
        while True:
            yield np.ones(1000)

    for source in (endless, endless()):
        with pytest.raises(DataError, match=r"more than max_bytes=100000 of memory.*raise max_bytes"):
            open_data(source, max_bytes=100_000)


def test_a_function_that_needs_arguments_is_refused():
    with pytest.raises(DataError, match=r"needs arguments \(path\).*lambda"):
        open_data(lambda path: path)


def test_masked_values_are_missing():
    hidden = np.ma.masked_array(np.where(X > 1, -9999, X), X > 1)
    for source in (hidden, {"X": hidden, "y": Y}, (hidden, Y), list(hidden), pd.DataFrame(hidden.filled(np.nan))):
        samples = read_samples(source, missing="keep")
        assert torch.equal(samples.tensor().isnan(), torch.from_numpy(X > 1))
    with pytest.raises(DataError, match="NaN or infinite values"):
        open_data(hidden)
    whole = np.ma.masked_array(np.arange(6, dtype=np.uint8).reshape(3, 2), False)
    assert read_samples(whole).dtype == "uint8"


def test_sparse_matrices_get_their_zeros():
    full = np.where(X > 0, X, 0)
    for kind in (sparse.csr_matrix, sparse.csc_array, sparse.coo_array):
        assert np.array_equal(read_samples(kind(full)).tensor().numpy(), full)
    assert np.array_equal(read_samples(torch.from_numpy(full).to_sparse()).tensor().numpy(), full)
    with pytest.raises(DataError, match=r"needs 400000000000 bytes with its zeros.*raise max_bytes"):
        open_data(sparse.csr_matrix((1_000_000, 100_000)))


def test_arrays_with_fields_are_tables():
    fields = [("size", ">f4"), ("colour", "S4"), ("at", "f8", (2,))]
    array = np.array([(1.5, b"red", (1, 2)), (2.5, b"blue", (3, 4))], dtype=fields)
    for source in (array, array.view(np.recarray)):
        samples = read_samples(source, categorical="auto")
        assert samples.columns == ("size", "colour", "at.0", "at.1")
        assert samples.tensor().tolist() == [[1.5, 1, 1, 2], [2.5, 0, 3, 4]]


def test_an_array_of_numbers_and_words_is_a_table():
    frame = pd.DataFrame({"size": X[:, 0], "kind": ["a", "b", "c"] * 10})
    samples = read_samples(frame.to_numpy(), categorical="1")
    assert samples.columns == ("0", "1")
    assert np.allclose(samples.tensor()[:, 0].numpy(), X[:, 0])


def test_nullable_columns_of_pandas_are_read():
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "real": pd.array([1.5, 2.5, None], dtype="Float64"),
            "flag": pd.array([True, False, None], dtype="boolean"),
            "word": pd.array(["a", None, "b"], dtype="string"),
            "kind": pd.Categorical(["x", "y", "x"]),
        }
    )
    samples = read_samples(frame, categorical="word,kind", missing="keep")
    assert samples.tensor().nan_to_num(-1).tolist() == [[1, 1.5, 1, 0, 0], [-1, 2.5, 0, -1, 1], [3, -1, -1, 1, 0]]


def test_sparse_columns_of_pandas_are_read():
    matrix = sparse.random(20, 3, 0.4)
    frame = pd.DataFrame.sparse.from_spmatrix(matrix, columns=list("abc")).assign(d=1.0)
    samples = read_samples(frame)
    assert samples.columns == ("a", "b", "c", "d")
    assert np.allclose(samples.tensor()[:, :3].numpy(), matrix.toarray())


def test_levels_of_columns_are_joined():
    columns = pd.MultiIndex.from_tuples([("size", "width"), ("size", "height")])
    assert read_samples(pd.DataFrame(X[:, :2], columns=columns)).columns == ("size/width", "size/height")


def test_a_column_of_mixed_types_does_no_harm_where_it_is_left_out():
    frame = pd.DataFrame({"v": X[:, 0], "note": [1, "a"] * 15})
    assert read_samples(frame, exclude="note").columns == ("v",)
    assert read_samples(frame, categorical="note").categories[1] == ("1", "a")


@pytest.mark.parametrize(
    "source", [pd.Series(X[:, 0]), pl.Series(X[:, 0]), pa.array(X[:, 0]), pa.chunked_array([X[:, 0]])]
)
def test_a_column_alone_is_a_table(source):
    samples = read_samples(source)
    assert samples.columns == ("value",)
    assert np.array_equal(samples.tensor()[:, 0].numpy(), X[:, 0])


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["x", "y"]), pl.String])
def test_categories_of_polars_are_read(kind):
    frame = pl.DataFrame({"k": pl.Series(["x", "y"] * 10).cast(kind), "v": range(20)})
    for source in (frame, frame.lazy()):
        assert read_samples(source, categorical="auto").categories[0] == ("x", "y")


def test_columns_of_lists_and_structures_become_columns():
    table = pa.table({"vector": [[1.0, 2.0], [3.0, 4.0]], "box": [{"w": 1, "h": 2}, {"w": 3, "h": 4}]})
    samples = read_samples(table)
    assert samples.columns == ("vector.0", "vector.1", "box.w", "box.h")
    assert samples.tensor().tolist() == [[1, 2, 1, 2], [3, 4, 3, 4]]


def test_a_frame_with_labels_is_a_pair():
    frame = pd.DataFrame(X, columns=list("abcd"))
    samples = read_samples((frame, pd.Series(Y)))
    assert (samples.columns, samples.label_names) == (("a", "b", "c", "d"), ("0", "1", "2"))


def test_labels_of_a_frame_may_be_given():
    assert read_samples(pd.DataFrame(X, columns=list("abcd")), labels=Y).label_names == ("0", "1", "2")


@pytest.mark.parametrize(
    "source",
    [
        {"train": (X, Y), "test": (X[:5], Y[:5])},
        {"train": pd.DataFrame(X), "test": pd.DataFrame(X[:5])},
        ((X, Y), (X[:5], Y[:5])),
        {"train": TensorDataset(torch.from_numpy(X)), "test": TensorDataset(torch.from_numpy(X[:5]))},
    ],
)
def test_parts_in_memory_stay_parts(source):
    data = open_data(source, validation=0.0)
    assert (len(data.train), len(data.test)) == (30, 5)


def test_lists_of_columns_are_a_table():
    samples = read_samples({"v": [1, 2.5, None], "k": ["x", "y", "x"]}, categorical="auto", missing="keep")
    assert samples.columns == ("v", "k")
    with pytest.raises(DataError, match="different lengths"):
        open_data({"v": [1, 2], "k": ["x"]})


def test_pictures_of_pillow_are_read_alone_and_in_lists():
    assert read_samples(picture()).shape == (3, 4, 5)
    samples = read_samples([(picture(9), "a"), (picture(1), "b")])
    assert (samples.dtype, samples.label_names) == ("uint8", ("a", "b"))
    assert read_samples([picture(), picture(size=(9, 9))], size=3, mode="L").shape == (1, 3, 3)
    with pytest.raises(DataError, match=r"different shapes.*size="):
        read_samples([picture(), picture(size=(9, 9))])


def test_pictures_in_memory_fit_a_models_size():
    like = open_data([picture(shade) for shade in range(20)], size=3).description
    assert read_samples([picture(size=(9, 9))], like=like).shape == (3, 3, 3)


def test_lists_of_paths_keep_their_order(tmp_path):
    for number, kind in enumerate("abab"):
        (tmp_path / kind).mkdir(exist_ok=True)
        Image.new("L", (4, 4), number).save(tmp_path / kind / f"{number}.png")
    paths = [tmp_path / "b" / "3.png", tmp_path / "a" / "0.png", tmp_path / "b" / "1.png"]
    for source in (paths, [str(path) for path in paths], np.array([str(path) for path in paths])):
        samples = read_samples(source)
        assert samples.tensor()[:, 0, 0, 0].tolist() == [3, 0, 1]
        assert samples.label_names == ("a", "b")
    assert read_samples((paths, ["u", "v", "u"])).label_names == ("u", "v")
    assert read_samples(paths, size=2).shape == (1, 2, 2)


def test_lists_of_paths_of_other_files_are_read(tmp_path):
    for number in range(3):
        np.save(tmp_path / f"{number}.npy", X[number])
        pd.DataFrame(X[10 * number : 10 * number + 10], columns=list("abcd")).to_csv(
            tmp_path / f"{number}.csv", index=False
        )
    arrays = read_samples([tmp_path / f"{number}.npy" for number in (2, 0)], kind="table")
    assert np.array_equal(arrays.tensor().numpy(), X[[2, 0]])
    tables = read_samples([tmp_path / f"{number}.csv" for number in (1, 0)])
    assert np.allclose(tables.tensor().numpy(), X[[*range(10, 20), *range(10)]])
    with pytest.raises(DataError, match="several types"):
        read_samples([tmp_path / "0.npy", tmp_path / "0.csv"])
    with pytest.raises(DataError, match="is no file"):
        read_samples([tmp_path / "none.npy"])


def test_strings_that_are_no_files_stay_text():
    assert read_samples(["a.png", "b.png"] * 5).kind == "tokens"


def test_labelled_arrays_of_xarray_are_read():
    table = xr.DataArray(X, dims=("time", "sensor"), coords={"sensor": list("abcd")})
    assert read_samples(table).columns == ("a", "b", "c", "d")
    grid = xr.Dataset({name: (("time", "y", "x"), X.reshape(30, 2, 2)) for name in ("warm", "wet")})
    with pytest.warns(Remark, match="warm, wet are the channels"):
        assert read_samples(grid).shape == (2, 2, 2)
    assert read_samples(grid, array="wet").shape == (1, 2, 2)
    flat = xr.Dataset({"a": ("time", X[:, 0]), "b": ("time", X[:, 1])})
    assert read_samples(flat).columns == ("a", "b")
    with pytest.raises(DataError, match=r"several shapes.*array='a'"):
        read_samples(xr.Dataset({"a": ("i", X[:, 0]), "b": ("j", X[:5, 0])}))


def test_datasets_of_hugging_face_are_read():
    table = hugging_face.Dataset.from_dict(
        {"v": [1.0, 2.0, 3.0], "k": [0, 1, 0]},
        features=hugging_face.Features(
            {"v": hugging_face.Value("float32"), "k": hugging_face.ClassLabel(names=["cat", "dog"])}
        ),
    )
    samples = read_samples(table.select([2, 1]), label="k")
    assert samples.tensor().tolist() == [[3], [2]]
    assert samples.label_names == ("cat", "dog")
    pictures = hugging_face.Dataset.from_dict(
        {"image": [picture(), picture()], "label": [1, 0]},
        features=hugging_face.Features(
            {"image": hugging_face.Image(), "label": hugging_face.ClassLabel(names=["cat", "dog"])}
        ),
    )
    assert read_samples(pictures).label_names == ("cat", "dog")
    parts = open_data(hugging_face.DatasetDict({"train": table, "test": table}), label="k")
    assert len(parts.test) == 3


def test_tensors_of_any_kind_are_read():
    values = torch.from_numpy(X)
    for source in (
        values.clone().requires_grad_(),
        values.bfloat16(),
        values.half(),
        list(values),
        [list(row) for row in values],
    ):
        assert read_samples(source).shape == (4,)
    assert torch.equal(read_samples(list(values.bfloat16())).tensor(), values.bfloat16().float())


class OnAccelerator:
    """An array that is copied only by DLPack, as on another device."""

    def __init__(self, values):
        self.values = torch.from_numpy(values)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion is not allowed")

    def __dlpack__(self, **words):
        return self.values.__dlpack__(**words)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


def test_arrays_of_other_libraries_are_read():
    assert np.array_equal(read_samples(OnAccelerator(X)).tensor().numpy(), X)
    assert np.array_equal(read_samples([OnAccelerator(row) for row in X]).tensor().numpy(), X)
    assert read_samples(collections.deque([[1, 2], [3, 4]])).shape == (2,)


class Annotated:
    """An `AnnData` as far as it is read."""

    __module__ = "anndata._core.anndata"

    def __init__(self):
        self.X, self.layers, self.obsm = sparse.csr_matrix(X), {"raw": X * 2}, {"X_pca": X[:, :2]}
        self.obs = pd.DataFrame({"kind": pd.Categorical(["b", "t", None] * 10)})
        self.obs_names, self.var_names = pd.Index([f"c{i}" for i in range(30)]), pd.Index(list("abcd"))


Annotated.__name__ = "AnnData"


def test_annotated_data_are_read():
    samples = read_samples(Annotated(), label="kind")
    assert (samples.columns, samples.names[0]) == (("a", "b", "c", "d"), "c0")
    assert samples.label_names == ("b", "t", "(none)")
    assert np.allclose(read_samples(Annotated(), array="raw").tensor().numpy(), X * 2)
    assert read_samples(Annotated(), array="X_pca").shape == (2,)
    assert read_samples(Annotated(), exclude="b").columns == ("a", "c", "d")
    with pytest.raises(DataError, match=r"label='kinds'.*Did you mean 'kind'"):
        read_samples(Annotated(), label="kinds")


class Unknown:
    """Its items never end, and it has no length."""

    def __getitem__(self, place):
        return 1.0


@pytest.mark.parametrize("source", [Unknown(), object(), None, 3, {1, 2}, b"abc", torch.nn.Linear(2, 2), Pictures])
def test_an_unknown_type_is_refused_by_its_name(source):
    name = source.__name__ if isinstance(source, type) else type(source).__name__
    with pytest.raises(DataError, match=rf"{name}.*expected"):
        open_data(source)


def test_an_open_file_is_refused_with_its_path(tmp_path):
    (tmp_path / "x.csv").write_text("1,2\n")
    with (tmp_path / "x.csv").open() as file, pytest.raises(DataError, match=r"open file.*Give its path"):
        open_data(file)


def test_new_data_for_a_model_may_be_in_any_container():
    like = open_data(pd.DataFrame(X, columns=list("abcd"))).description
    for source in (
        TensorDataset(torch.from_numpy(X)),
        iter(X),
        [dict(zip("abcd", row, strict=True)) for row in X.tolist()],
        {name: X[:, place] for place, name in enumerate("abcd")},
    ):
        assert np.array_equal(read_samples(source, like=like).tensor().numpy(), X)
