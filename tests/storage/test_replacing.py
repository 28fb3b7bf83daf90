"""A folder that is replaced is never lost, whenever the process dies; what it left is finished by the next command."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isthmus as ist
from isthmus.errors import DataError, IsthmusError
from isthmus.storage.replacing import put_folder
from isthmus.uses.restore_files import _plan

OLD, NEW = np.zeros((2, 1, 4, 4), "u1"), np.full((3, 1, 4, 4), 9, "u1")


class Killed(BaseException):
    """The process has died."""


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, bool], Callable[[], None]]:
    """Dies at the so manyeth rename; gives what brings it to life again."""

    def arm(number: int, before: bool) -> Callable[[], None]:
        rename, count = Path.rename, [0]

        def renamed(path: Path, target: Any) -> Any:
            count[0] += 1
            if count[0] > number or (count[0] == number and before):
                raise Killed  # and nothing more happens
            made = rename(path, target)
            if count[0] == number:
                raise Killed
            return made

        monkeypatch.setattr(Path, "rename", renamed)
        return monkeypatch.undo

    return arm


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_folder_of_pictures_that_is_replaced_is_never_lost(tmp_path, dying, number: int, before: bool) -> None:
    ist.write_samples(tmp_path / "folder", OLD)
    wake = dying(number, before)
    with pytest.raises(Killed):
        ist.write_samples(tmp_path / "folder", NEW, overwrite=True)
    wake()
    found = ist.read_samples(tmp_path / "folder").tensor().numpy()
    assert np.array_equal(found, OLD) or np.array_equal(found, NEW)
    ist.write_samples(tmp_path / "folder", NEW, overwrite=True)
    assert np.array_equal(ist.read_samples(tmp_path / "folder").tensor().numpy(), NEW)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_writer_and_a_restorer_finish_a_swap_too(tmp_path, dying) -> None:
    ist.write_samples(tmp_path / "folder", OLD)
    wake = dying(2, False)
    with pytest.raises(Killed):
        ist.write_samples(tmp_path / "folder", NEW, overwrite=True)
    wake()
    assert not (tmp_path / "folder").exists()
    with pytest.raises(DataError, match="exists already"):
        ist.write_samples(tmp_path / "folder", NEW)
    (tmp_path / "folder").rename(tmp_path / ".folder.swap" / "new")
    assert len(_plan(tmp_path / "folder", tmp_path / "out")) == 3


def test_a_swap_that_the_system_refuses_leaves_the_old_folder(tmp_path, monkeypatch) -> None:
    for name in ("new", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    rename = Path.rename

    def refuse(path: Path, target: Any) -> Any:
        if path == tmp_path / ".there.swap" / "new":
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(IsthmusError, match="Could not write"):
        put_folder(tmp_path / "new", tmp_path / "there")
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["there"]
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
