"""The file: blocks in any order, and whatever happens to its bytes is noticed."""

import io
from pathlib import Path

import numpy as np
import pytest

import isthmus as ist
from isthmus.codec.file import END, MAGIC, VERSION, CodecFile, checksum, write_block, write_header, write_index
from isthmus.codec.packing import numbers, part
from isthmus.errors import DataError, IsthmusError

HEADER = {"model": {"name": "", "fingerprint": ""}, "kind": "table", "dtype": "float32"}


def _write(path: Path, blocks: list[tuple[bytes, int]], header: object = HEADER) -> bytes:
    file, entries = io.BytesIO(), []
    start = write_header(file, header)  # pyright: ignore[reportArgumentType]
    for content, count in blocks:
        entries.append(write_block(file, start, count, content))
        start += entries[-1].size
    write_index(file, entries)
    path.write_bytes(file.getvalue())
    return file.getvalue()


def test_blocks_come_back_in_any_order_with_their_places(tmp_path: Path) -> None:
    blocks = [(b"one", 3), (b"", 0), (b"three" * 100, 70)]
    _write(tmp_path / "a.isth", blocks)
    with CodecFile(tmp_path / "a.isth") as file:
        assert file.header == HEADER
        assert len(file) == 73
        assert [file.block(place) for place in (2, 0, 1)] == [blocks[2][0], blocks[0][0], b""]
        assert list(file.holding(range(2, 4))) in ([0, 2], [0, 1, 2])
        assert list(file.holding(range(4, 9))) == [2]
        assert file.first(2) == 3


def test_a_block_costs_little_more_than_its_bytes(tmp_path: Path) -> None:
    assert len(_write(tmp_path / "a.isth", [(b"x" * 1000, 5)])) < 1130


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "isn't a compressed file of Isthmus"),
        (b"PK\3\4" * 10, "isn't a compressed file of Isthmus"),
        (MAGIC, "is damaged"),
        (MAGIC + bytes([VERSION + 1]) + b"x" * 30, "Install a later version"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.isth").write_bytes(content)
    with pytest.raises(DataError, match=says) as told:
        CodecFile(tmp_path / "a.isth")
    assert "\n" not in str(told.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        CodecFile(tmp_path / "a.isth")
    with pytest.raises(DataError):
        CodecFile(tmp_path)


@pytest.mark.parametrize("header", [[], {}, {"model": []}, {"model": "x"}, None])
def test_a_header_without_its_fields_is_damage(tmp_path: Path, header: object) -> None:
    _write(tmp_path / "a.isth", [], header)
    with pytest.raises(DataError, match="damaged"):
        CodecFile(tmp_path / "a.isth")


@pytest.mark.parametrize("index", [[], [7], [3, 1], [7, -1], [7, 2**62, 7, 2**62], [2**60, 1], [8, 1]])
def test_an_index_that_cannot_be_right_is_damage(tmp_path: Path, index: list[int]) -> None:
    whole = _write(tmp_path / "a.isth", [(b"abc", 1)])
    body = whole[: len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")]
    made = numbers(index)
    end = made + checksum(made) + (len(made) + 4).to_bytes(4, "little") + END
    (tmp_path / "a.isth").write_bytes(body + end)
    with pytest.raises(DataError, match="damaged"):
        CodecFile(tmp_path / "a.isth")


def test_a_header_that_unpacks_to_gigabytes_is_damage(tmp_path: Path) -> None:
    import zlib

    packed = zlib.compress(b" " * 10**7)
    whole = MAGIC + bytes([VERSION]) + part(packed)
    (tmp_path / "a.isth").write_bytes(whole + checksum(whole) + b"\0" * 20)
    with pytest.raises(DataError, match="damaged"):
        CodecFile(tmp_path / "a.isth")


@pytest.fixture(scope="module")
def small(deep: ist.Run, digits: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """A file with two blocks of a few digits, whose cells are mostly cut away."""
    path = tmp_path_factory.mktemp("small") / "a.isth"
    ist.compress(deep, digits[:5], path, rows=3)
    return path, digits[:5]


def _outcome(path: Path, run: ist.Run, wanted: np.ndarray) -> str:
    try:
        made = ist.decompress(path, run=run)
    except IsthmusError as error:
        return "several lines" if "\n" in str(error) else "refused"
    return "same" if np.array_equal(made.tensor().numpy()[:, 0], wanted) else "wrong"


def test_a_file_that_was_cut_off_anywhere_is_refused(small, deep: ist.Run, tmp_path: Path) -> None:
    path, wanted = small
    whole, cut = path.read_bytes(), tmp_path / "cut.isth"
    assert _outcome(path, deep, wanted) == "same"
    for length in range(len(whole)):
        cut.write_bytes(whole[:length])
        assert _outcome(cut, deep, wanted) == "refused", length


def test_a_changed_byte_is_noticed_wherever_it_is(small, deep: ist.Run, tmp_path: Path) -> None:
    path, wanted = small
    whole, changed = path.read_bytes(), tmp_path / "changed.isth"
    random = np.random.default_rng(0)
    head = set(range(100)) | set(range(len(whole) - 20, len(whole)))
    for place in sorted(head | set(range(random.integers(4), len(whole), 4))):  # most others lie in the same parts
        made = bytearray(whole)
        made[place] ^= int(random.integers(1, 256))
        changed.write_bytes(made)
        assert _outcome(changed, deep, wanted) == "refused", place
