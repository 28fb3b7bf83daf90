import io
import tarfile
from pathlib import Path

import numpy as np
import pooch
import pytest

from isthmus.data import open_data, reopen
from isthmus.data.idx import write_idx
from isthmus.data.named import SETS
from isthmus.data.sprites import sprites
from isthmus.errors import DataError

RECORD = 3073


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """No local copies, no cache, and no network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ISTHMUS_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)

    def refuse(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(pooch, "retrieve", refuse)


def write_mnist(folder: Path, suffix: str = "") -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, count in (("train", 20), ("t10k", 5)):
        pictures, labels = rng.integers(0, 256, (count, 28, 28)), rng.integers(0, 10, count)
        write_idx(folder / f"{part}-images-idx3-ubyte{suffix}", pictures.astype(np.uint8), gzipped=bool(suffix))
        write_idx(folder / f"{part}-labels-idx1-ubyte{suffix}", labels.astype(np.uint8), gzipped=bool(suffix))


def cifar_files() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    files = {}
    for name in names:
        records = rng.integers(0, 256, (4, RECORD), dtype=np.uint8)
        records[:, 0] %= 10
        files[name] = records.tobytes()
    return files


def test_digits_are_bundled():
    data = open_data("digits")
    assert data.shape == (1, 8, 8)
    assert len(data) == 1797
    assert data.train.tensor().max() == 255
    assert data.label_names == tuple("0123456789")


def test_local_copy_is_found_where_the_variable_says(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    arrays: dict = {
        f"x_{part}": rng.integers(0, 256, (n, 28, 28), dtype=np.uint8) for part, n in (("train", 20), ("test", 4))
    }
    (tmp_path / "copies").mkdir()
    arrays |= {"y_train": np.arange(20) % 10, "y_test": np.arange(4)}
    np.savez(tmp_path / "copies" / "mnist.npz", **arrays)
    monkeypatch.setenv("ISTHMUS_DATA", str(tmp_path / "copies"))
    data = open_data("mnist")
    assert [len(part) for part in data.parts.values()] == [18, 2, 4]
    assert data.description["source"] == "mnist"
    assert reopen(data.description).description == data.description


@pytest.mark.parametrize("place", ["data/mnist", "data/MNIST/raw", "data"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_local_idx_files_are_found(tmp_path, place, suffix):
    write_mnist(tmp_path / place, suffix)
    assert len(open_data("mnist").test) == 5


def test_mnist_is_not_taken_for_fashion_mnist(tmp_path):
    write_mnist(tmp_path / "data")
    with pytest.raises(DataError, match="Fashion-MNIST was not found"):
        open_data("fashion-mnist")


def test_classes_have_names(tmp_path):
    write_mnist(tmp_path / "data" / "fashion-mnist")
    assert open_data("fashion-mnist").label_names[-1] == "ankle boot"


def test_local_cifar_files_are_found(tmp_path):
    folder = tmp_path / "data" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for name, content in cifar_files().items():
        (folder / name).write_bytes(content)
    data = open_data("cifar10")
    assert data.shape == (3, 32, 32)
    assert [len(part) for part in data.parts.values()] == [18, 2, 4]
    record = np.frombuffer(cifar_files()["test_batch.bin"], np.uint8).reshape(4, RECORD)[2]
    assert data.test.tensor()[2].flatten().tolist() == record[1:].tolist()
    assert data.label_names[3] == "cat"


def test_cifar_file_of_a_wrong_length_is_refused(tmp_path):
    folder = tmp_path / "data" / "cifar10"
    folder.mkdir(parents=True)
    for name, content in cifar_files().items():
        (folder / name).write_bytes(content[:-1] if name == "data_batch_3.bin" else content)
    with pytest.raises(DataError, match=r"data_batch_3\.bin has 12291 bytes"):
        open_data("cifar10")


def test_missing_cifar_file_is_named(tmp_path):
    folder = tmp_path / "data" / "cifar10"
    folder.mkdir(parents=True)
    for name, content in cifar_files().items():
        if name != "test_batch.bin":
            (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=r"lacks test_batch\.bin"):
        open_data("cifar10")


def test_mnist_is_downloaded_with_known_hashes(tmp_path, monkeypatch):
    asked = {}

    def retrieve(url, known_hash, fname, path):
        asked[url] = known_hash
        if not path.exists():
            write_mnist(path, ".gz")
        return str(path / fname)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    assert len(open_data("mnist").test) == 5
    wanted = SETS["mnist"]
    assert asked == {wanted.url + file: f"md5:{md5}" for file, md5 in wanted.files.items()}


def test_cifar_is_downloaded_and_read_out_of_its_archive(monkeypatch):
    def retrieve(url, known_hash, fname, path):
        assert known_hash == "md5:c32a1d4ab5d03f1284b67883e8d87530"
        path.mkdir(parents=True)
        with tarfile.open(path / fname, "w:gz") as archive:
            for name, content in cifar_files().items():
                member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return str(path / fname)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    assert len(open_data("cifar10")) == 24


def test_damaged_archive_is_refused(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cifar-10-binary.tar.gz").write_bytes(b"\x1f\x8bdamaged")
    with pytest.raises(DataError, match="damaged"):
        open_data("cifar10")


@pytest.mark.parametrize("name", SETS)
def test_failed_download_says_where_to_put_a_copy(name):
    with pytest.raises(DataError, match=rf"no network.*Put {name}\.npz.*ISTHMUS_DATA") as caught:
        open_data(name)
    assert "\n" not in str(caught.value)


@pytest.mark.data
def test_real_sets_are_found(real_data, monkeypatch):
    monkeypatch.setenv("ISTHMUS_DATA", str(real_data))
    mnist = open_data("mnist")
    assert [len(part) for part in mnist.parts.values()] == [54_000, 6_000, 10_000]
    assert mnist.test.labels is not None
    assert mnist.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    cifar = open_data("cifar10")
    assert cifar.shape == (3, 32, 32)
    assert cifar.label_names[0] == "airplane"


def test_sprites_are_drawn_from_every_combination_of_their_factors():
    data = open_data("sprites")
    assert data.shape == (1, 32, 32)
    assert data.label_names == ("triangle", "heart", "moon")
    whole = [part.factors for part in data.parts.values()]
    assert all(factors is not None for factors in whole)
    assert len(np.unique(np.concatenate([factors for factors in whole if factors is not None]), axis=0)) == len(data)
    assert data.train.factor_names == ("shape", "scale", "rotation", "x", "y")
    assert reopen(data.description).test[0].equal(data.test[0])


def test_no_two_sprites_look_the_same_and_each_has_room():
    drawn = sprites()
    pictures = np.asarray(drawn.values)
    assert len({picture.tobytes() for picture in pictures}) == len(pictures) == 3 * 4 * 12 * 8 * 8
    area = (pictures / 255).sum((1, 2))
    by_scale = [area[drawn.factors[:, 1] == scale].mean() for scale in range(4)]
    assert by_scale == sorted(by_scale)
    assert area.min() > 12


@pytest.mark.parametrize(("factor", "axis"), [(3, 2), (4, 1)])
def test_a_place_moves_a_sprite_by_two_pixels(factor, axis):
    drawn = sprites()
    at = [np.flatnonzero(drawn.factors[:, factor] == place) for place in (2, 3)]
    assert np.array_equal(np.roll(drawn.values[at[0]], 2, axis), drawn.values[at[1]])


def test_a_quarter_turn_of_the_rotation_turns_the_picture():
    drawn = sprites()
    here = (drawn.factors[:, [0, 1, 3, 4]] == [0, 3, 0, 0]).all(1)
    upright, turned = (drawn.values[here & (drawn.factors[:, 2] == turn)][0][:17, :17] for turn in (0, 3))
    assert np.array_equal(np.rot90(upright), turned)
