"""Training on streamed samples: it equals that in memory, can be repeated, and goes on where it was interrupted."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import isthmus as ist
from isthmus.errors import DataError
from isthmus.storage.run_folder import CHECKPOINT

SETTINGS = {"epochs": 2, "batch_size": 50, "seed": 4, "progress": False, "checkpoint_seconds": 0, "compile": False}
WINDOW = 250 * 4 * 4
"""Bytes of 250 rows."""


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        values = np.random.default_rng(number).normal(size=(300 + number, 4)).astype(np.float32)
        (tmp_path / "rows").mkdir(exist_ok=True)
        pq.write_table(pa.table(list(values.T), list("abcd")), tmp_path / "rows" / f"{number}.parquet", 128)
    return tmp_path / "rows"


def fit(data, callbacks=(), **words):
    torch.manual_seed(0)
    model = ist.recipe("denoising", code=2, widths=(8,)).build(data)
    return ist.fit(model, data, callbacks=callbacks, **SETTINGS | words)


def weights(run):
    return torch.cat([value.flatten() for value in run.model.state_dict().values()])


class Seen(ist.Callback):
    """Counts how often each row is taken, by its first number."""

    def __init__(self):
        self.rows = []

    def epoch_begin(self, training):
        self.rows.append([])

    def batch_begin(self, training):
        self.order = training.order()
        rows = training.rows_of(self.order, training.state.step)
        self.rows[-1] += rows.tolist()


class At(ist.Callback):
    """Does something after a step."""

    def __init__(self, epoch, step, act):
        self.place, self.act = (epoch, step), act

    def batch_end(self, training):
        if (training.state.epoch, training.state.step) == self.place:
            self.act(training)


def test_a_window_as_large_as_the_data_trains_as_in_memory(folder):
    runs = [fit(ist.open_data(folder, stream=stream)) for stream in (False, True)]
    assert torch.equal(weights(runs[0]), weights(runs[1]))
    assert [row["loss"] for row in runs[0].history] == [row["loss"] for row in runs[1].history]


def test_every_sample_is_taken_once_an_epoch_and_the_same_seed_gives_the_same_bits(folder):
    data, seen = ist.open_data(folder, stream=True, shuffle_bytes=WINDOW), Seen()
    assert data.train.layout is not None
    assert len(data.train) > 2 * data.train.layout.window
    runs = [fit(data, [seen]), fit(data)]
    assert torch.equal(weights(runs[0]), weights(runs[1]))
    assert [sorted(rows) for rows in seen.rows] == [list(range(len(data.train)))] * 2
    assert seen.rows[0] != seen.rows[1]


@pytest.mark.parametrize("step", [1, 6])
def test_a_run_interrupted_within_an_epoch_goes_on_bit_for_bit(folder, tmp_path, step):
    data = ist.open_data(folder, stream=True, shuffle_bytes=WINDOW)
    whole = fit(data)
    fit(data, [At(1, step, lambda training: training.stop("interrupted"))], out=tmp_path / "run")
    assert torch.equal(weights(ist.resume(tmp_path / "run", progress=False)), weights(whole))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda path: path.unlink(), r"1\.parquet does not exist any more\. Restore it; isthmus resume"),
        (lambda path: path.write_bytes(path.read_bytes()[:1500]), r"1\.parquet is damaged.*isthmus resume"),
        (lambda path: pq.write_table(pq.read_table(path)[:200], path), r"1\.parquet has changed since"),
    ],
)
def test_a_shard_that_is_lost_ends_training_with_a_message_and_the_checkpoint_stays(folder, tmp_path, harm, said):
    data, path = ist.open_data(folder, stream=True, shuffle_bytes=WINDOW), folder / "1.parquet"
    whole, before = fit(data), path.read_bytes()
    with pytest.raises(DataError, match=said):
        fit(data, [At(0, 2, lambda training: harm(path))], out=tmp_path / "run")
    assert (tmp_path / "run" / CHECKPOINT).exists() or list((tmp_path / "run").rglob(CHECKPOINT))
    path.write_bytes(before)
    assert torch.equal(weights(ist.resume(tmp_path / "run", progress=False)), weights(whole))


def test_arrays_on_disk_and_pictures_train_streamed(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32))
    runs = [fit(ist.open_data(tmp_path / "x.npy", stream=stream, memory_map=True)) for stream in (False, True)]
    assert torch.equal(weights(runs[0]), weights(runs[1]))
    small = ist.open_data(tmp_path / "x.npy", stream=True, shuffle_bytes=WINDOW // 2)
    assert fit(small).status == "finished"
