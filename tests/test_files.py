"""Files that are written whole or not at all."""

import errno
from pathlib import Path

import pytest

from isthmus.errors import IsthmusError
from isthmus.files import unwritable, write_json, write_whole


def test_a_block_that_raises_leaves_the_old_file(tmp_path):
    (tmp_path / "file.txt").write_text("old")

    def write(beside):
        beside.write_text("half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_whole(tmp_path / "file.txt", write)
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]
    assert (tmp_path / "file.txt").read_text() == "old"


def test_json_with_nan_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "file.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError("2240000 requested and 48096 written"), "the disk is full"),
        (OSError(errno.EROFS, "Read-only"), "read-only"),
        (OSError(errno.EACCES, "Permission denied"), "permissions"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
    ],
)
def test_the_message_tells_the_cause(error, said):
    message = str(unwritable(Path("there.npy"), error))
    assert said in message
    assert "there.npy" in message
    assert "\n" not in message


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(IsthmusError, match="does not exist"):
        write_json(tmp_path / "nowhere" / "file.json", {})
