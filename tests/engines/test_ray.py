"""Runs used and trained on a real Ray cluster of two workers on this machine, some of which are killed."""

import dataclasses
import gc
import os
import signal
import warnings

import numpy as np
import pyarrow as pa
import pytest

import isthmus as ist
from isthmus.engines.ray import cluster as at_start
from isthmus.engines.ray import training
from isthmus.errors import BlueprintError, RunError, UseError
from isthmus.experiments.study import Study
from isthmus.training import Callback
from studies import trials

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own, in its calls here


def start(tries):
    """Start a cluster of two workers, again if Ray gives up: it waits 30 s, which a busy machine may exceed."""
    try:
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=80 * 2**20,
            log_to_driver=False,
            logging_level="ERROR",
        )
    except Exception:
        ray.shutdown()
        if tries == 1:
            raise
        start(tries - 1)


@pytest.fixture(scope="session")
def cluster():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start(tries=5)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = context.print_on_execution_start = False
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.shutdown()
        gc.collect()  # what Ray doesn't wait for is noted here, where nobody minds


@pytest.fixture
def dataset(cluster, rows):
    """The rows in four blocks."""
    table = pa.Table.from_pandas(rows, preserve_index=False)
    return ray.data.from_arrow([table[start : start + 15] for start in range(0, 60, 15)])


def deadly(run, mark):
    """The run, which kills the process in which it encodes for the first time."""

    class Deadly(type(run)):
        def encode(self, source, **read_options):
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return super().encode(source, **read_options)

    return Deadly(**{field.name: getattr(run, field.name) for field in dataclasses.fields(run)})


def test_results_keep_their_order_and_key_although_a_worker_is_killed(dataset, run, rows, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Ray's own are not to be seen in ours
        made = ist.ray.map(deadly(run, tmp_path / "killed"), dataset, keep="key", batch_size=15)
    found = made.to_pandas()
    codes = run.encode(rows.drop(columns="key"))
    assert (tmp_path / "killed").exists()
    assert found["key"].tolist() == rows["key"].tolist()
    np.testing.assert_allclose(found[list(codes)].to_numpy(np.float64), codes, rtol=1e-5, atol=1e-5)
    assert not dataset.context.execution_options.preserve_order  # which is of the result alone


def test_each_use_has_its_columns(dataset, run):
    def columns(use, **options):
        return ist.ray.map(run, dataset, use, keep="key", ordered=False, **options).to_pandas()

    assert list(columns("detect", by="error")) == ["key", "score", "anomalous"]
    filled = columns("fill", workers=1)
    assert list(filled) == ["key", "a", "b", "colour", "when"]
    assert not filled.isna().any().any()
    assert columns("compress", max_error=0.01)["rows"].sum() == 60


def test_pictures_are_tensors(cluster, digits):
    run, samples = digits
    made = ist.ray.map(run, ray.data.from_numpy(samples.tensor().numpy())).to_pandas()
    np.testing.assert_allclose(made.to_numpy(np.float64), run.encode(samples).numpy(), rtol=1e-5, atol=1e-5)


def test_another_version_is_refused_at_the_start(dataset, run, monkeypatch):
    monkeypatch.setattr(at_start, "VERSION", "9.9")
    with pytest.raises(UseError, match=r"The machine .* has Isthmus .*, but this program has 9.9: expected the same"):
        ist.ray.map(run, dataset)


def test_a_dataset_is_opened_as_one_table(dataset, rows):
    assert training._rows(ray, dataset).to_pandas()["a"].tolist() == rows["a"].tolist()


def killer(mark):
    """A callback that kills the second worker in the second epoch, once; its class is sent by its code."""

    class Killer(Callback):
        def epoch_end(self, training):
            if training.state.epoch == 2 and training.processes.rank == 1 and not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)

    return Killer()


@pytest.fixture
def data(rows):
    return ist.open_data(rows[["a", "b"]].fillna(0.0))


def small(data):
    return ist.recipe("vanilla", code=1, widths=[4]).build(data, seed=0, remarks=False)


HOW = {"epochs": 3, "batch_size": 16, "seed": 1, "compile": False, "device": "cpu"}


@pytest.mark.slow
def test_training_goes_on_after_a_lost_worker_and_ends_as_on_one_machine(cluster, data, tmp_path):
    how = HOW | {"checkpoint_seconds": 0.0}
    run = ist.ray.fit(small(data), data, out=tmp_path / "run", callbacks=[killer(tmp_path / "killed")], **how)
    alone = ist.fit(small(data), data, progress=False, **HOW)
    assert (tmp_path / "killed").exists()
    assert (run.status, len(run.history)) == ("finished", 3)
    assert run.folder == tmp_path / "run"
    assert not list(run.folder.glob(".ray-*"))
    for own, other in zip(run.model.parameters(), alone.model.parameters(), strict=True):
        np.testing.assert_allclose(own.detach(), other.detach(), rtol=1e-3, atol=1e-4)


def test_an_error_of_the_training_ends_it_in_one_line(cluster, data, tmp_path):
    state = tmp_path / ".ray-state"
    ist.fit(small(data), data, out=tmp_path / "run", progress=False, **HOW)
    for settings, error in (({"overwrite": False} | HOW | {"epochs": 4}, RunError), ({"epochs": -1}, BlueprintError)):
        sent = ray.put((small(data), data, [], settings))
        config = {"sent": [sent], "out": str(tmp_path / "run"), "state": str(state), "here": str(tmp_path)}
        training._train(config)
        with pytest.raises(error):
            training._check(state)
        (state / training.ERROR).unlink()


@pytest.mark.slow
def test_the_trials_of_a_study_are_tasks(cluster, rows, tmp_path, monkeypatch):
    rows[["a", "b"]].fillna(0.0).to_csv(tmp_path / "rows.csv", index=False)
    monkeypatch.chdir(tmp_path)  # to which the source's path belongs, for the workers too
    done: list[tuple[int, int]] = []
    study = Study("study", ist.open_data("rows.csv"), trials({"epochs": 1, "compile": False}))
    study.run(jobs=ist.ray.jobs(), progress=lambda *units: done.append(units))
    assert [found["error"] for _, found in study.results()] == [None, None]
    assert done[-1] == (2, 2)
