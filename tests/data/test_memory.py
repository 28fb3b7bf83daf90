"""Memory: no source takes many times what it holds, and one that claims more than it has is refused before."""

import gzip
import json
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isthmus.data import open_data
from isthmus.data.describe import SPREAD, fingerprint
from isthmus.data.samples import Samples

MIB = 2**20
READ = """
import json, resource, sys, warnings
import isthmus.data.text, isthmus.data.tables
warnings.simplefilter("ignore")
open_data = isthmus.data.open_data
open_data([[1.0], [2.0], [3.0]])  # which starts the threads

def now(line):
    return next(int(said.split()[1]) * 1024 for said in open("/proc/self/status") if said.startswith(line))

limit = now("VmSize") + 2**31
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
found = {}
for path in sys.argv[1:]:
    open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
    before = now("VmRSS")
    try:
        said = str(len(open_data(path)))
    except ValueError as error:
        said = str(error)
    found[path.split("/")[-1]] = said, now("VmHWM") - before
print(json.dumps(found))
"""
ROWS = 2**19


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """What a process that may reserve 2 GiB makes of each source, and how many bytes it had in memory at most."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("memory is measured as Linux does it")
    folder = tmp_path_factory.mktemp("sources")
    (folder / "packed.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 10_000))
    row = b",".join([b"1234567"] * 16) + b"\n"
    (folder / "long.csv").write_bytes(row * 2**18)
    columns = {f"c{i}": np.zeros(ROWS, np.int64) for i in range(16)}
    pq.write_table(pa.table(columns), folder / "rows.parquet")
    named = pa.table({"a": np.arange(2000.0), "name": pa.array(["x" * 2**17] * 2000)})
    pq.write_table(named, folder / "names.parquet")
    with gzip.GzipFile(folder / "packed.idx.gz", "wb", 1) as file:
        file.write(struct.pack(">HBB3I", 0, 8, 3, 2**15, 32, 32) + bytes(32 * MIB))
    with zipfile.ZipFile(folder / "members.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, start in (("a.png", b"no picture"), ("b.png", b"\x89PNG\r\n\x1a\n"), ("c.bmp", b"BM")):
            archive.writestr(name, start + bytes(128 * MIB))
    paths = map(str, sorted(folder.iterdir()))
    ended = subprocess.run([sys.executable, "-c", READ, *paths], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize(
    ("name", "said", "most"),
    [
        ("packed.csv.gz", "10000", 0),
        ("long.csv", str(2**18), 3 * 16 * 4 * 2**18),
        ("rows.parquet", str(ROWS), 3 * 16 * 4 * ROWS),
        ("names.parquet", "2000", 0),
        ("packed.idx.gz", str(2**15), 3 * 32 * MIB),
        ("members.zip", "3 of 3 pictures can't be read", 0),
    ],
)
def test_no_source_takes_more_than_three_times_its_data(read, name, said, most):
    answer, peak = read[name]
    assert said in answer
    assert peak < most + 64 * MIB


def test_file_too_large_for_a_picture_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr("isthmus.data.folders.LARGEST", 10)
    (tmp_path / "a.png").write_bytes(bytes(11))
    with pytest.raises(ValueError, match="has 11 bytes: expected a file of at most 10 bytes"):
        open_data(tmp_path)


@pytest.mark.parametrize("content", ["1," * 200_000 + "1\n", ",".join(f"c{i}" for i in range(100_001)) + "\n1\n"])
def test_more_columns_than_can_be_are_refused_before_they_are_read(tmp_path, content):
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(ValueError, match=r"expected at most 100,000 .*\.npy"):
        open_data(tmp_path / "x.csv")


@pytest.mark.parametrize("start", ["", "a,b\n1,2\n"])
def test_endless_lines_are_refused_before_they_are_taken_to_pieces(tmp_path, monkeypatch, start):
    monkeypatch.setattr("isthmus.data.delimited.records.LONGEST_LINE", 2**17)
    (tmp_path / "x.csv").write_text(start + "1234567," * 2**16)
    with pytest.raises(ValueError, match="a line of more than 131072 bytes"):
        open_data(tmp_path / "x.csv")


def test_arrays_of_more_columns_than_a_table_can_have_are_refused():
    with pytest.raises(ValueError, match="expected at most 1,048,576"):
        open_data(np.zeros((3, 2**20 + 1), np.uint8))


def test_large_samples_are_hashed_each_once_and_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr("isthmus.data.describe.HASHED_WHOLE", 100)
    monkeypatch.setattr("isthmus.data.describe.BATCH", 200)
    taken = []

    class Watched(Samples):
        def batch(self, indices):
            taken.append(len(indices))
            return super().batch(indices)

    fingerprint({"train": Watched(Samples(np.zeros((50, 64), np.uint8)).tensor())})
    assert sum(taken) == 50 < SPREAD
    assert max(taken) == 200 // 64


def test_fingerprint_of_many_samples_stays_the_one_that_runs_have_saved(monkeypatch):
    monkeypatch.setattr("isthmus.data.describe.HASHED_WHOLE", 100)
    values = np.arange(10_000, dtype=np.uint8).reshape(-1, 1) * np.ones((1, 2), np.uint8)
    before = "544bba6f744e34dce79da9865cd8edc043ccb9d017abb08c26164694296f99f1"
    assert fingerprint({"train": Samples(values)}) == before
