"""Compressing any source: the samples come back, memory stays small, and bad input is refused in one line."""

import io
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import isthmus as ist
from isthmus.codec import Decompressor, codec_info
from isthmus.codec.file import CodecFile, write_header, write_index
from isthmus.errors import DataError, IsthmusError, UseError
from isthmus.extras import MissingPackageError

HOW: dict[str, Any] = {"epochs": 1, "batch_size": 64, "progress": False, "compile": False}
FIXTURE = Path(__file__).parents[1] / "fixtures" / "codec-1"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, black_and_white: np.ndarray) -> Path:
    """The folder of a run, and a file that it compressed next to it."""
    folder = tmp_path_factory.mktemp("kept")
    data = ist.open_data(black_and_white)
    run = ist.fit(ist.recipe("vae", code=4, widths=(16,)).build(data), data, **HOW, out=folder / "run")
    ist.compress(run, black_and_white[:200], folder / "a.isth", rows=80)
    return folder


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> ist.Run:
    """A model of patches of pictures of any size."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(6):
        Image.fromarray(_picture(number, 24 + number, 30)).save(folder / f"{number}.png")
    data = ist.open_data(folder, patches=4, size=8)
    return ist.fit(ist.recipe("deep", code=6, widths=(16,)).build(data, remarks=False), data, **HOW)


def _picture(number: int, height: int, width: int) -> np.ndarray:
    """A smooth picture with some noise, (height, width, 3)."""
    random = np.random.default_rng(number)
    rows, columns = np.mgrid[:height, :width]
    plane = (rows * 3 + columns * 2 + 40 * number)[..., None] + random.integers(0, 9, (height, width, 3))
    return (plane % 256).astype(np.uint8)


def test_files_of_arrays_are_coded_in_blocks_and_read_where_asked(
    kept: Path, black_and_white: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, read = ist.load(kept / "run"), []
    with Decompressor(kept / "a.isth", run) as file:
        block = file.block
        monkeypatch.setattr(file, "block", lambda place: read.append(place) or block(place))
        assert len(file) == 200
        for rows in (slice(100, 110), slice(150, 170), 199, -1, slice(None, None, -50)):
            wanted = black_and_white[:200][rows]
            assert np.array_equal(file[rows].tensor().numpy()[:, 0], wanted.reshape(-1, 8, 8))
        assert read == [1, 1, 2, 2, 2, 0, 1, 2]
        for rows in (200, slice(5, 5), -201):
            with pytest.raises(DataError, match="There are no samples"):
                file[rows]


def test_several_jobs_write_the_same_bytes_and_report_progress(
    kept: Path, black_and_white: np.ndarray, tmp_path
) -> None:
    run, told = ist.load(kept / "run"), []
    np.save(tmp_path / "a.npy", black_and_white[:200])
    made = ist.compress(
        run, tmp_path / "a.npy", tmp_path / "a.isth", rows=80, jobs=2, progress=lambda *what: told.append(what)
    )
    assert (tmp_path / "a.isth").read_bytes() == (kept / "a.isth").read_bytes()
    assert told == [(80, 200), (160, 200), (200, 200)]
    assert (made.samples, made.blocks, made.bytes) == (200, 3, (tmp_path / "a.isth").stat().st_size)
    assert made.plain == 200 * 64
    done = ist.decompress(
        tmp_path / "a.isth", tmp_path / "b.npy", run=run, jobs=2, progress=lambda *what: told.append(what)
    )
    assert done == tmp_path / "b.npy"
    assert told[3:] == [(80, 200), (160, 200), (200, 200)]
    assert np.array_equal(np.load(done).reshape(-1, 8, 8), black_and_white[:200])


class Slowly:
    """A file between whose `seek` and `read` other threads have their turn."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def seek(self, place: int) -> None:
        self.file.seek(place)
        time.sleep(0.002)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def test_threads_that_read_blocks_at_once_each_get_their_own(kept: Path) -> None:
    with CodecFile(kept / "a.isth") as file:
        expected = [file.block(place) for place in range(len(file.entries))]
        file._file = Slowly(file._file)  # pyright: ignore[reportAttributeAccessIssue]
        with ThreadPoolExecutor(3) as threads:
            found = list(threads.map(file.block, [*range(len(file.entries))] * 3))
    assert found == expected * 3


def test_a_table_of_text_numbers_and_holes_comes_back(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    lines = ["colour,size,weight"]
    for _ in range(120):
        size = "" if random.random() < 0.2 else f"{random.integers(0, 90) / 10}"
        lines.append(f"{random.choice(['red', 'green', 'blue'])},{size},{random.integers(-500, 500)}")
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    data = ist.open_data(tmp_path / "a.csv", categorical="auto", missing="keep")
    for recipe in ("table", "deep", "table-vae"):
        try:
            model = ist.recipe(recipe, code=2, widths=(8,)).build(data, remarks=False)
        except IsthmusError:
            continue
        run = ist.fit(model, data, **HOW)
        ist.compress(run, tmp_path / "a.csv", tmp_path / "a.isth", overwrite=True, rows=50)
        wanted, made = run.read(tmp_path / "a.csv").tensor(), ist.decompress(tmp_path / "a.isth", run=run).tensor()
        assert torch.equal(made.nan_to_num(-1e9), wanted.nan_to_num(-1e9))
        ist.decompress(tmp_path / "a.isth", tmp_path / "b.csv", run=run, overwrite=True)
        assert torch.equal(run.read(tmp_path / "b.csv").tensor().nan_to_num(-1e9), wanted.nan_to_num(-1e9))


@pytest.mark.parametrize("packed", [False, True])
def test_pictures_of_several_sizes_come_back_with_their_names(patches: ist.Run, tmp_path: Path, packed: bool) -> None:
    source, sizes = tmp_path / "in", [(8, 8), (17, 30), (30, 9), (3, 5)]
    source.mkdir()
    for number, size in enumerate(sizes):
        Image.fromarray(_picture(number, *size)).save(source / f"photo {number}.png")
    if packed:
        shutil.make_archive(str(tmp_path / "in"), "zip", source)
        source = tmp_path / "in.zip"
    made = ist.compress(patches, source, tmp_path / "a.isth")
    assert (made.samples, made.blocks) == (4, 4)
    with pytest.raises(DataError, match="several sizes"):
        ist.decompress(tmp_path / "a.isth", run=patches)
    ist.decompress(tmp_path / "a.isth", tmp_path / "out", run=patches)
    for number, size in enumerate(sizes):
        found = np.asarray(Image.open(tmp_path / "out" / f"photo {number}.png"))
        assert np.array_equal(found, _picture(number, *size))


def test_one_picture_comes_back(patches: ist.Run, tmp_path: Path) -> None:
    Image.fromarray(_picture(1, 21, 13)).save(tmp_path / "a.png")
    ist.compress(patches, tmp_path / "a.png", tmp_path / "a.isth")
    ist.decompress(tmp_path / "a.isth", tmp_path / "b.png", run=patches)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "b.png")), _picture(1, 21, 13))


def test_the_run_is_found_by_its_name_and_next_to_the_file(
    kept: Path, black_and_white: np.ndarray, tmp_path: Path
) -> None:
    assert np.array_equal(ist.decompress(kept / "a.isth").tensor().numpy()[:, 0], black_and_white[:200])
    shutil.copy(kept / "a.isth", tmp_path / "a.isth")
    moved = kept.rename(kept.parent / "elsewhere")
    try:
        with pytest.raises(UseError, match="isn't here"):
            ist.decompress(tmp_path / "a.isth")
        shutil.copytree(moved / "run", tmp_path / "run")
        assert np.array_equal(ist.decompress(tmp_path / "a.isth").tensor().numpy()[:, 0], black_and_white[:200])
    finally:
        moved.rename(kept)


def test_another_run_or_changed_weights_are_refused_in_one_line(kept: Path, vae: ist.Run, deep: ist.Run) -> None:
    changed = ist.load(kept / "run")
    with torch.no_grad():
        next(iter(changed.model.parameters())).view(-1)[0] += 1e-6
    for run in (vae, deep, changed):
        with pytest.raises(UseError, match="another model") as told:
            ist.decompress(kept / "a.isth", run=run)
        assert "\n" not in str(told.value)


def test_a_run_in_memory_must_be_given(deep: ist.Run, digits: np.ndarray, tmp_path: Path) -> None:
    ist.compress(deep, digits[:10], tmp_path / "a.isth")
    with pytest.raises(UseError, match="run in memory"):
        ist.decompress(tmp_path / "a.isth")


def test_what_is_there_is_overwritten_only_if_asked_and_errors_leave_nothing(
    deep: ist.Run, digits: np.ndarray, tmp_path: Path
) -> None:
    target = tmp_path / "a.isth"
    target.write_bytes(b"before")
    with pytest.raises(DataError, match="exists already"):
        ist.compress(deep, digits[:10], target)
    with pytest.raises(DataError):
        ist.compress(deep, tmp_path / "missing.npy", target, overwrite=True)
    with pytest.raises(RuntimeError, match="stop"):
        ist.compress(deep, digits[:10], target, overwrite=True, progress=_stop)
    assert target.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.isth"]
    ist.compress(deep, digits[:10], target, overwrite=True)
    np.save(tmp_path / "a.npy", digits[:3])
    with pytest.raises(DataError, match="exists already"):
        ist.decompress(target, tmp_path / "a.npy", run=deep)


def _stop(*_: object) -> None:
    raise RuntimeError("stop")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_error": 0}, "max_error is 0"),
        ({"max_error": float("inf")}, "max_error is inf"),
        ({"max_error": float("nan")}, "max_error is nan"),
        ({"quality": 101}, "quality is 101: expected a number 0 to 100"),
        ({"quality": -1}, "quality is -1"),
        ({"bits_per_pixel": 0}, "bits_per_pixel is 0"),
        ({"jobs": 0}, "jobs is 0"),
        ({"quality": 5, "max_error": 1}, "exclude each other"),
        ({"lossless": True, "quality": 5}, "exclude each other"),
    ],
)
def test_wrong_options_are_refused_in_one_line(
    deep: ist.Run, digits: np.ndarray, tmp_path: Path, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(UseError, match=says) as told:
        ist.compress(deep, digits[:10], tmp_path / "a.isth", **options)
    assert "\n" not in str(told.value)
    assert not list(tmp_path.iterdir())


def test_models_whose_code_does_not_hold_everything_are_refused_in_one_line(
    trained, digits: np.ndarray, tmp_path: Path
) -> None:
    labelled = (digits[:100], np.arange(100) % 10)
    for run in (trained("cvae", labelled, code=2, widths=(8,)), trained("denoise", digits[:100], channels=(4, 8))):
        with pytest.raises(IsthmusError) as told:
            ist.compress(run, digits[:10], tmp_path / "a.isth")
        assert "\n" not in str(told.value)
        assert not list(tmp_path.iterdir())


def test_without_the_library_one_line_says_how_to_install_it(
    deep: ist.Run, digits: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ist.compress(deep, digits[:10], tmp_path / "a.isth")
    monkeypatch.setitem(sys.modules, "constriction", None)
    for use in (
        lambda: ist.compress(deep, digits[:10], tmp_path / "b.isth"),
        lambda: ist.decompress(tmp_path / "a.isth", run=deep),
    ):
        with pytest.raises(MissingPackageError, match=r"pip install 'isthmus\[codec\]'"):
            use()


def test_the_file_says_what_it_holds_without_the_run(kept: Path) -> None:
    info = codec_info(kept / "a.isth")
    assert info["samples"] == 200
    assert info["blocks"] == len(info["block_bytes"]) == 3
    assert info["kind"] == "pictures"
    assert info["dtype"] == "uint8"
    assert Path(info["model"]["name"]).name == "run"
    assert info["bytes"] == (kept / "a.isth").stat().st_size


PROGRAM = """
import sys, numpy as np, torch
torch.set_num_threads(2)
torch.backends.mkldnn.enabled = False
import isthmus as ist
for path, target in zip(sys.argv[1::2], sys.argv[2::2]):
    np.save(target, ist.decompress(path, run=ist.load(path + ".run")).tensor().numpy())
"""


@pytest.mark.parametrize("dtype", [["uint8"], {"uint8": 1}, 5, "float16", None])
def test_a_header_that_names_no_type_is_refused_in_one_line(kept: Path, dtype: object) -> None:
    content = (kept / "a.isth").read_bytes()
    with CodecFile(kept / "a.isth") as file:
        header, entries, begun = {**file.header, "dtype": dtype}, list(file.entries), file.entries[0].start
    written = io.BytesIO()
    moved = write_header(written, header) - begun
    written.write(content[begun : entries[-1].start + entries[-1].size])
    write_index(written, [replace(entry, start=entry.start + moved) for entry in entries])
    (kept / "damaged.isth").write_bytes(written.getvalue())
    with pytest.raises(DataError, match="its header says nothing about the samples"):
        ist.decompress(kept / "damaged.isth")


def test_files_decode_in_another_process_on_another_processor_with_other_threads(
    tmp_path: Path, black_and_white: np.ndarray, digits: np.ndarray
) -> None:
    wanted: dict[str, np.ndarray] = {}
    for name, values, options in (
        ("conv-vae", black_and_white, {"code": 4, "channels": (4, 8)}),
        ("deep", digits, {"code": 4, "widths": (16,)}),
    ):
        data, path = ist.open_data(values), tmp_path / name
        model = ist.recipe(name, **options).build(data, remarks=False)
        run = ist.fit(model, data, **HOW, out=f"{path}.run")
        ist.compress(run, values[:40], path)
        wanted[name] = values[:40]
    # tests/exact has one more processor
    pairs = [word for name in wanted for word in (str(tmp_path / name), str(tmp_path / f"{name}.npy"))]
    elsewhere = {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"}
    words = [sys.executable, "-c", PROGRAM, *pairs]
    subprocess.run(words, env={**os.environ, **elsewhere}, check=True)
    for name, values in wanted.items():
        assert np.array_equal(np.load(tmp_path / f"{name}.npy")[:, 0], values), name


@pytest.mark.parametrize("name", ["lossless", "quality"])
def test_files_of_earlier_versions_decode_to_the_same_bits(name: str) -> None:
    made = ist.decompress(FIXTURE / f"{name}.isth", run=ist.load(FIXTURE / "run"))
    assert np.array_equal(made.tensor().numpy(), np.load(FIXTURE / f"{name}.npy"), equal_nan=True)
