"""Files are written whole or not at all, and what stands in the way is said."""

import errno
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from isthmus.errors import IsthmusError
from isthmus.storage.files import no_run, unwritable, whole_file, write_json, write_whole


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_file_takes_its_place_when_it_is_whole(tmp_path):
    with whole_file(tmp_path / "a.txt") as beside:
        beside.write_text("new")
        assert beside.parent == tmp_path
        assert beside.suffix == ".txt"
        assert not (tmp_path / "a.txt").exists()
    assert contents(tmp_path) == {"a.txt": "new"}


def test_a_file_that_was_there_is_replaced(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    write_whole(tmp_path / "a.txt", lambda beside: beside.write_text("new"))
    assert contents(tmp_path) == {"a.txt": "new"}


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), IsthmusError("no")], ids=repr)
def test_a_block_that_raises_leaves_everything_as_it_was(tmp_path, error):
    (tmp_path / "a.txt").write_text("old")

    def write(beside):
        beside.write_text("half")
        raise error

    with pytest.raises(type(error)):
        write_whole(tmp_path / "a.txt", write)
    assert contents(tmp_path) == {"a.txt": "old"}


CAUSES = [
    (errno.ENOSPC, "the disk is full"),
    (errno.EDQUOT, "quota"),
    (errno.EROFS, "read-only"),
    (errno.EACCES, "can't be written to"),
    (errno.EIO, "Input/output error"),
]


@pytest.mark.parametrize(("number", "words"), CAUSES)
@pytest.mark.parametrize("moment", ["open", "fsync", "replace"])
def test_whatever_the_system_refuses_leaves_nothing_half_written(tmp_path, monkeypatch, number, words, moment):
    (tmp_path / "a.txt").write_text("old")

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(*((Path, "replace") if moment == "replace" else (os, moment)), refuse)
    with pytest.raises(IsthmusError) as caught, whole_file(tmp_path / "a.txt") as beside:
        beside.write_text("half")
    monkeypatch.undo()
    message = str(caught.value)
    assert words in message
    assert str(tmp_path / "a.txt") in message
    assert message.endswith("Nothing was left half-written.")
    assert "\n" not in message
    assert contents(tmp_path) == {"a.txt": "old"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_disk_that_fills_while_writing_is_said_to_be_full(tmp_path):
    def write(beside):
        beside.write_text("half")
        Path("/dev/full").write_text("the rest")

    with pytest.raises(IsthmusError, match="the disk is full"):
        write_whole(tmp_path / "a.txt", write)
    assert contents(tmp_path) == {}


def test_a_file_that_is_open_on_windows_is_replaced_when_it_is_closed(tmp_path, monkeypatch):
    """Windows refuses to rename onto a file that is open."""
    tries, replace = [], Path.replace

    def refused_twice(self, target):
        tries.append(target)
        if len(tries) < 3:
            raise PermissionError(errno.EACCES, "The process cannot access the file")
        return replace(self, target)

    monkeypatch.setattr("isthmus.storage.files.sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr("isthmus.storage.files.time", SimpleNamespace(sleep=lambda seconds: None))
    monkeypatch.setattr(Path, "replace", refused_twice)
    write_json(tmp_path / "a.json", {})
    assert contents(tmp_path) == {"a.json": "{}\n"}
    assert len(tries) == 3


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(IsthmusError, match=r"folder does not exist\. Make it first"):
        write_whole(tmp_path / "no" / "a.txt", lambda beside: pytest.fail("there is no place to write to"))


def test_a_file_in_the_place_of_a_folder_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(IsthmusError, match="is a file, not a folder"):
        write_json(tmp_path / "file" / "a.json", {})


@pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX'")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_files_get_the_permissions_that_any_new_file_gets(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "a.txt", lambda beside: beside.write_text("x"))
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o666 & ~umask


def test_json_comes_back(tmp_path):
    value = {"name": "Müller", "numbers": [1, 2.5, None, True], "deep": {"a": []}}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert "Müller" in text
    assert text.endswith("}\n")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_has_no_word_for_is_refused_and_nothing_written(tmp_path, value):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"loss": value})
    assert contents(tmp_path) == {}


def test_a_cause_that_nobody_foresaw_is_in_the_systems_words():
    message = str(unwritable(Path("a.txt"), OSError(errno.ELOOP, "Too many levels of symbolic links")))
    assert "the system says: Too many levels of symbolic links" in message


def test_a_disk_that_numpy_found_full_is_said_to_be_full():
    error = OSError("2240000 requested and 48096 written")  # NumPy's words, without a number
    assert "the disk is full" in str(unwritable(Path("there.npy"), error))


def test_a_process_that_dies_while_writing_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    program = (
        "import sys, time\nfrom isthmus.storage.files import whole_file\n"
        "with whole_file(sys.argv[1]) as beside:\n"
        "    beside.write_text('half')\n    print('writing', flush=True)\n    time.sleep(60)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", program, str(target)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    with writer:
        assert writer.stdout.readline() == "writing\n"
        writer.kill()
    assert target.read_text() == "old"


def test_many_writers_of_one_file_leave_one_of_their_texts_whole(tmp_path):
    target = tmp_path / "a.txt"
    program = (
        "import sys\nfrom isthmus.storage.files import write_whole\n"
        "for _ in range(30):\n    write_whole(sys.argv[1], lambda beside: beside.write_text(sys.argv[2] * 5000))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(target), letter]) for letter in "ab"]
    deadline = time.monotonic() + 600
    while any(writer.poll() is None for writer in writers):
        assert time.monotonic() < deadline
        if target.exists():
            text = target.read_text()
            assert text in {"a" * 5000, "b" * 5000}
    assert [writer.wait() for writer in writers] == [0, 0]
    assert list(tmp_path.iterdir()) == [target]


def test_a_mistyped_run_is_told_which_runs_are_beside_it(tmp_path):
    for name in ("digits", "digit-pictures"):
        (tmp_path / name).mkdir()
    (tmp_path / "digits" / "model.json").touch()
    assert str(no_run(tmp_path / "digit")).endswith(
        f"digit: expected the folder of a run. Did you mean {tmp_path / 'digits'}?"
    )
    for far in (tmp_path / "mnist", tmp_path / "gone" / "digits"):
        assert str(no_run(far)).endswith("Give the one that `isthmus train` printed.")


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices in folders are POSIX'")
def test_folders_devices_and_pipes_are_never_written_over(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/null")
    for name, words in (("folder", "a folder"), ("pipe", "a pipe"), ("link", "a device")):
        with pytest.raises(IsthmusError, match=f"it is {words}, expected a file"):
            write_whole(tmp_path / name, lambda beside: beside.write_text("x"))
    with pytest.raises(IsthmusError, match="a device"):
        write_whole("/dev/null", lambda beside: beside.write_text("x"))
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "pipe", "link"}


def test_a_path_that_is_none_is_refused_in_one_line(tmp_path):
    with pytest.raises(IsthmusError, match="null"):
        write_whole(tmp_path / "a\0b", lambda beside: beside.write_text("x"))


def test_names_that_utf8_cannot_hold_are_kept_in_json(tmp_path):
    write_json(tmp_path / "a.json", {"source": "caf\udce9"})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"source": "caf\udce9"}
