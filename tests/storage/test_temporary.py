"""Temporary files of processes that died are removed by the next writer; those of any other process stay."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from isthmus.storage.files import write_whole
from isthmus.storage.temporary import OLD_SECONDS, name_beside, sweep


def _left_by_a_process_that_died(folder: Path) -> Path:
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom isthmus.storage.temporary import name_beside\n"
        "left = name_beside(Path(sys.argv[1]) / 'a.txt')\nleft.touch()\n"
        "name_beside(Path(sys.argv[1]) / 'b').mkdir()\nprint(left)\n"
    )
    words = [sys.executable, "-c", program, str(folder)]
    return Path(subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip())


@pytest.mark.skipif(os.name != "posix", reason="elsewhere they are removed by their age")
def test_the_next_writer_removes_what_a_process_that_died_left(tmp_path: Path) -> None:
    assert _left_by_a_process_that_died(tmp_path).exists()
    write_whole(tmp_path / "b.txt", lambda beside: beside.write_text("b"))
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]


def test_what_living_processes_and_other_machines_write_stays_until_it_is_old(tmp_path: Path) -> None:
    own = name_beside(tmp_path / "a.txt")
    other = tmp_path / ".a.txt.000000-1234567-00000000.txt"
    foreign = tmp_path / ".a.txt.swp"
    for path in (own, other, foreign):
        path.touch()
    sweep(tmp_path)
    assert own.exists()
    assert other.exists()
    for path in (own, other, foreign):
        os.utime(path, (0, path.stat().st_mtime - OLD_SECONDS - 60))
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".a.txt.swp"]


def test_a_name_of_any_length_has_a_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 120 + ".txt")
    write_whole(path, lambda beside: beside.write_text("x"))
    assert list(tmp_path.iterdir()) == [path]
