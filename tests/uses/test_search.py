"""Searching by codes: bits by their Hamming distance, numbers by their Euclidean one, and the file of an index."""

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.errors import DataError, RunError, UseError
from isthmus.uses.code_index import CodeIndex


@pytest.fixture(scope="module")
def hashing(barely):
    return barely("hashing", ist.open_data("digits"), code=20, code__length=4, widths=(16,))


@pytest.fixture(scope="module")
def plain(barely):
    return barely("deep", ist.open_data("digits"), code=4, widths=(16,))


def test_bits_are_compared_by_how_many_differ(hashing):
    found = ist.search(hashing, "test:3", k=6)
    train = hashing.encode(hashing.open().train).bool()
    apart = (train != hashing.encode(hashing.open().test.take([3])).bool()).sum(1)
    order = apart.sort(stable=True).indices[:6]
    assert torch.equal(found.rows, order[None])
    assert torch.equal(found.distances, apart[order][None])
    assert (found.unit, found.source, found.queries) == ("bits", "the train part", ("test:3",))


def test_other_codes_are_compared_by_their_euclidean_distance(plain):
    found = ist.search(plain, "validation", "test", k=4)
    codes, asked = plain.encode(plain.open().test), plain.encode(plain.open().validation)
    apart = (asked[:, None] - codes[None]).square().sum(2).sqrt()
    torch.testing.assert_close(found.distances, apart.sort(1).values[:, :4], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(apart.gather(1, found.rows), found.distances, atol=1e-4, rtol=1e-4)
    assert found.unit == "distance"
    assert "nearest of the test part" in str(found)
    assert list(found.table()) == ["query", "rank", "sample", "distance"]


def test_queries_are_drawn_next_to_their_nearest_samples(plain, tmp_path):
    found = ist.search(plain, plain.open().test[:2], k=3)
    assert found.draw().axes
    assert found._card().figures
    index = CodeIndex.of(plain, plain.stream(plain.open().test.tensor()), "some", None)
    with pytest.raises(UseError, match="holds their codes alone"):
        ist.search(plain, "test:0", index).draw()


def test_a_sample_of_the_source_finds_itself_first(hashing):
    raw = hashing.open().test.tensor()[:5]
    for source in (raw, raw.numpy()):
        assert ist.search(hashing, raw, source, k=1).distances.flatten().tolist() == [0] * 5


@pytest.mark.parametrize("name", ["hashing", "plain"])
def test_an_index_is_kept_in_a_file_and_used_again_without_its_source(name, request, tmp_path):
    run, path = request.getfixturevalue(name), tmp_path / "a.safetensors"
    source = run.open().test.tensor().numpy()
    np.save(tmp_path / "digits.npy", source[:, 0])
    first = ist.search(run, "test:0", tmp_path / "digits.npy", index=path)
    (tmp_path / "digits.npy").unlink()
    again = ist.search(run, "test:0", index=path)
    assert torch.equal(first.rows, again.rows)
    index = CodeIndex.load(path)
    assert len(index) == len(source)
    assert torch.equal(ist.search(run, "test:0", index).rows, first.rows)


def test_an_index_of_another_model_or_source_or_a_damaged_one_is_refused(hashing, plain, tmp_path):
    path = tmp_path / "a.safetensors"
    ist.search(hashing, "test:0", "test", index=path)
    with pytest.raises(UseError, match="was made with another model"):
        ist.search(plain, "test:0", index=path)
    with pytest.raises(UseError, match="is an index of the test part, not of the train part"):
        ist.search(hashing, "test:0", "train", index=path)
    assert ist.search(hashing, "test:0", "train", index=path, overwrite=True).source == "the train part"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(RunError, match="can't be read"):
        ist.search(hashing, "test:0", index=path)


def test_what_cannot_be_searched_is_refused(hashing):
    with pytest.raises(UseError, match="k=0: expected a whole number from 1"):
        ist.search(hashing, "test:0", k=0)
    with pytest.raises(DataError, match="There is no sample 100000"):
        ist.search(hashing, "test:100000")
