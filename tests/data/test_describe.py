import numpy as np
import torch

from isthmus.data import Samples
from isthmus.data.describe import fingerprint


def test_fingerprint_sees_every_value_label_and_part(table):
    base = {"train": Samples(torch.from_numpy(table), torch.zeros(40, dtype=torch.int64), ("a",))}
    other = table.copy()
    other[39, 3] += 1e-3
    seen = {
        fingerprint(base),
        fingerprint({"train": Samples(torch.from_numpy(other), base["train"].labels, ("a",))}),
        fingerprint({"train": Samples(torch.from_numpy(table))}),
        fingerprint({"train": Samples(torch.from_numpy(table), base["train"].labels, ("b",))}),
        fingerprint({"test": base["train"]}),
        fingerprint({"train": base["train"].take(range(39))}),
    }
    assert len(seen) == 6


def test_fingerprint_does_not_depend_on_where_values_lie(tmp_path, table):
    np.save(tmp_path / "x.npy", table)
    mapped = Samples(np.load(tmp_path / "x.npy", mmap_mode="r"))
    assert fingerprint({"train": mapped}) == fingerprint({"train": Samples(torch.from_numpy(table))})


def test_fingerprint_of_a_large_part_reads_few_rows(monkeypatch):
    monkeypatch.setattr("isthmus.data.describe.HASHED_WHOLE", 1000)
    monkeypatch.setattr("isthmus.data.describe.SPREAD", 16)
    values = torch.zeros(10_000, 1)
    before = fingerprint({"train": Samples(values)})
    values[1] = 1
    assert fingerprint({"train": Samples(values)}) == before
    values[-1] = 1
    assert fingerprint({"train": Samples(values)}) != before
