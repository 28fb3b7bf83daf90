import io
import zipfile

import numpy as np
import pytest
import torch

from isthmus.data import open_data, read_samples
from isthmus.errors import DataError


def test_numpy_arrays_and_tensors_hold_the_same(table):
    for source in (
        table,
        torch.from_numpy(table),
        table.tolist(),
        table.astype(">f8"),
        torch.from_numpy(table).double(),
    ):
        assert torch.equal(read_samples(source).tensor(), torch.from_numpy(table))


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint16, np.bool_, np.float16])
def test_other_types_become_float32(dtype):
    samples = read_samples(np.array([[0, 1], [1, 1]], dtype))
    assert samples.dtype == "float32"
    assert samples.tensor().tolist() == [[0, 1], [1, 1]]


def test_labels_come_beside_the_values(table):
    labels = ["a", "b"] * 20
    for samples in (read_samples((table, labels)), read_samples(table, labels=labels)):
        assert samples.label_names == ("a", "b")
        assert samples.labels is not None
        assert samples.labels.tolist() == [0, 1] * 20


def test_tensor_with_gradient_is_taken(table):
    assert not read_samples(torch.from_numpy(table).requires_grad_()).tensor().requires_grad


def test_npy_is_mapped_where_asked_and_reads_the_same(tmp_path, pictures):
    np.save(tmp_path / "x.npy", pictures)
    mapped, whole = (open_data(tmp_path / "x.npy", memory_map=flag) for flag in (True, False))
    assert isinstance(mapped.train.values, np.memmap)
    assert isinstance(whole.train.values, torch.Tensor)
    assert mapped.description["fingerprint"] == whole.description["fingerprint"]
    for name, part in mapped.parts.items():
        assert torch.equal(part.tensor(), whole.parts[name].tensor())


def test_large_npy_is_mapped_by_itself(tmp_path, monkeypatch, table):
    np.save(tmp_path / "x.npy", table)
    monkeypatch.setattr("isthmus.data.arrays.MAPPED_FROM", 100)
    assert isinstance(open_data(tmp_path / "x.npy").train.values, np.memmap)


def test_fortran_order_is_read_right(tmp_path, table):
    np.save(tmp_path / "x.npy", np.asfortranarray(table))
    for flag in (True, False):
        assert np.array_equal(read_samples(tmp_path / "x.npy", memory_map=flag).tensor().numpy(), table)


@pytest.mark.parametrize("names", [("anything",), ("X", "y"), ("x", "y"), ("data", "target"), ("images", "labels")])
def test_npz_with_usual_names(tmp_path, table, names):
    arrays: dict = dict(zip(names, (table, np.arange(40) % 3), strict=False))
    np.savez(tmp_path / "x.npz", **arrays)
    samples = read_samples(tmp_path / "x.npz")
    assert np.array_equal(samples.tensor().numpy(), table)
    assert samples.label_names == (("0", "1", "2") if len(names) == 2 else ())


def test_npz_keeps_its_own_parts(tmp_path, table):
    np.savez(tmp_path / "x.npz", x_train=table, y_train=np.zeros(40), x_test=table[:7], y_test=np.ones(7))
    data = open_data(tmp_path / "x.npz")
    assert [len(part) for part in data.parts.values()] == [36, 4, 7]
    assert torch.equal(data.test.tensor(), torch.from_numpy(table[:7]))
    assert data.label_names == ("0", "1")


def test_npz_keeps_its_own_validation_part(tmp_path, table):
    np.savez(tmp_path / "x.npz", x_train=table, x_val=table[:5], x_test=table[:7])
    assert [len(part) for part in open_data(tmp_path / "x.npz").parts.values()] == [40, 5, 7]


def test_npz_with_several_arrays_asks_which(tmp_path, table):
    np.savez(tmp_path / "x.npz", one=table, two=table)
    with pytest.raises(DataError, match=r"one, two.*array="):
        open_data(tmp_path / "x.npz")
    assert len(open_data(tmp_path / "x.npz", array="two")) == 40
    with pytest.raises(DataError, match="Did you mean 'two'"):
        open_data(tmp_path / "x.npz", array="twoo")


def test_npz_label_can_be_named(tmp_path, table):
    np.savez(tmp_path / "x.npz", X=table, colour=np.array(["red", "blue"] * 20))
    assert open_data(tmp_path / "x.npz", label="colour").label_names == ("blue", "red")


def test_npz_without_an_array_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz")
    with pytest.raises(DataError, match="no array"):
        open_data(tmp_path / "x.npz")


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_object_arrays_are_never_unpickled(tmp_path, name):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("code was run",))

    objects = np.array([Bomb()], dtype=object)
    if name.endswith("npy"):
        np.save(tmp_path / name, objects)
    else:
        np.savez(tmp_path / name, x=objects)
    with pytest.raises(DataError, match="pickle") as caught:
        open_data(tmp_path / name)
    assert str(caught.value).count("expected") == 1


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
@pytest.mark.parametrize("keep", [0.02, 0.3, 0.9, 0.999])
def test_truncated_files_are_refused(tmp_path, table, name, keep):
    (np.save if name.endswith("npy") else np.savez)(tmp_path / name, table)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(DataError) as caught:
        open_data(tmp_path / name)
    assert name in str(caught.value)


def test_mapped_file_that_is_cut_short_is_refused(tmp_path, table):
    np.save(tmp_path / "x.npy", table)
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:-50])
    with pytest.raises(DataError, match="cut short"):
        open_data(tmp_path / "x.npy", memory_map=True)


def test_damaged_member_of_npz_is_refused(tmp_path, table):
    np.savez(tmp_path / "x.npz", table)
    content = bytearray((tmp_path / "x.npz").read_bytes())
    content[300] ^= 0xFF
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        open_data(tmp_path / "x.npz")


def test_npz_bomb_is_refused_and_the_limit_can_be_raised(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", np.zeros((1000, 1000), np.uint8))
    with pytest.raises(DataError, match="max_bytes"):
        read_samples(tmp_path / "x.npz", max_bytes=100_000)
    assert len(read_samples(tmp_path / "x.npz", max_bytes=2_000_000)) == 1000


def test_npz_header_that_promises_more_than_there_is_reserves_nothing(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**12, 10**6)})
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue())
    (tmp_path / "x.npy").write_bytes(header.getvalue())
    for name in ("x.npz", "x.npy"):
        with pytest.raises(DataError):
            read_samples(tmp_path / name)


def test_damaged_header_is_refused(tmp_path, table):
    np.save(tmp_path / "x.npy", table)
    content = (tmp_path / "x.npy").read_bytes()
    for damaged in (content.replace(b"{", b"\xb4"), content.replace(b"}", b"["), content.replace(b"<f4", b"<z9")):
        (tmp_path / "x.npy").write_bytes(damaged)
        with pytest.raises(DataError, match="damaged"):
            open_data(tmp_path / "x.npy")


def test_lists_that_differ_in_more_than_their_length_are_refused():
    with pytest.raises(DataError, match="one shape"):
        open_data([[[1, 2], [3, 4]], [[1, 2, 3]]])
    with pytest.raises(DataError, match="expected finite numbers"):
        open_data([["a", "b"], ["c"]])


def test_mappings_are_read_as_npz_is(table):
    assert len(open_data({"X": table, "y": [0] * 40}).test) == 4


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("X_train", "X_Test"),
        ("training_x", "testing_x"),
        ("Xtrain", "Xtest"),
        ("train_images", "test_images"),
        ("x_tr", "x_te"),
    ],
)
def test_parts_of_an_npz_may_have_any_common_name(tmp_path, table, train, test):
    np.savez(tmp_path / "x.npz", **{train: table, test: table[:7]})
    assert [len(part) for part in open_data(tmp_path / "x.npz").parts.values()] == [36, 4, 7]


@pytest.mark.parametrize("name", ["factors", "latents_classes"])
def test_factors_come_beside_the_values_and_stay_with_their_samples(tmp_path, table, name):
    factors = np.stack([np.arange(40) % 3, np.arange(40)], 1)
    np.savez(tmp_path / "x.npz", **{"imgs": table, name: factors, "factor_names": np.array(["kind", "place"])})
    data = open_data(tmp_path / "x.npz")
    assert data.train.factor_names == ("kind", "place")
    for part in data.parts.values():
        assert part.factors is not None
        assert np.array_equal(part.tensor(), table[part.factors[:, 1]])
    joined = read_samples(data)
    assert joined.factors is not None
    assert joined.factors.shape == (40, 2)


@pytest.mark.parametrize("factors", [np.full((40, 2), 0.5), np.zeros((39, 2)), np.zeros((40, 2, 2)), [["a"]] * 40])
def test_factors_that_are_no_table_of_whole_numbers_are_refused(table, factors):
    with pytest.raises(DataError, match=r"[Ff]actors"):
        read_samples({"x": table, "factors": np.asarray(factors)})
