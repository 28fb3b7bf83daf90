"""Each tracker against its tool, whose records are read back."""

import json
import os
import pickletools
import warnings
from pathlib import Path

import numpy as np
import pytest

import isthmus as ist
from isthmus.errors import Remark
from isthmus.trackers import MLflow, TensorBoard, Trackio, WandB

pytestmark = [  # not the tools' own deprecations
    pytest.mark.filterwarnings("error::isthmus.errors.Remark"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_tensorboard_has_scalars_pictures_and_codes_for_its_projector(fit, here, stopping):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig  # pyright: ignore[reportAttributeAccessIssue]

    fit(TensorBoard(), stopping(1), epochs=3)
    run = ist.resume("digits", progress=False)
    (folder,) = (here / "digits" / "tensorboard").iterdir()
    events = EventAccumulator(str(folder))
    events.Reload()
    losses = [(event.step, event.value) for event in events.Scalars("validation_loss")]
    assert losses == [(row["epoch"], pytest.approx(row["validation_loss"])) for row in run.history]
    assert [event.step for event in events.Scalars("test_mse")] == [3]
    picture = events.Images("reconstructions")[0]
    assert (picture.width, picture.height) == (64, 16)
    from google.protobuf import text_format

    config = text_format.Parse((folder / "projector_config.pbtxt").read_text(), ProjectorConfig())
    (embedding,) = config.embeddings
    codes = np.loadtxt(folder / embedding.tensor_path, delimiter="\t")
    assert codes == pytest.approx(run.encode(run.open().test).numpy(), abs=1e-5)
    assert len((folder / embedding.metadata_path).read_text().split()) == len(codes)
    assert (folder / embedding.sprite.image_path).stat().st_size


def test_mlflow_has_the_run_and_its_model_loads_and_serves_without_pickle(fit, here, digits, stopping):
    pytest.importorskip("mlflow")
    fit(MLflow("sqlite:///track.db", "digits", register="digits"), stopping(1), epochs=3)
    import mlflow

    before = mlflow.get_tracking_uri()
    run = ist.resume("digits", progress=False)
    assert mlflow.active_run() is None
    assert mlflow.get_tracking_uri() == before
    client = mlflow.MlflowClient(tracking_uri="sqlite:///track.db", registry_uri="sqlite:///track.db")
    (experiment,) = [one for one in client.search_experiments() if one.name == "digits"]
    (tracked,) = client.search_runs([experiment.experiment_id])
    assert (tracked.info.status, tracked.info.run_name) == ("FINISHED", "digits")
    assert (tracked.data.params["epochs"], tracked.data.params["model.code"]) == ("3", "4")
    losses = client.get_metric_history(tracked.info.run_id, "validation_loss")
    assert [(one.step, one.value) for one in losses] == [(row["epoch"], row["validation_loss"]) for row in run.history]
    assert tracked.data.metrics["test_mse"] == run.evaluate()["test"]["mse"]["model"]
    assert any(file.path.endswith(".png") for file in client.list_artifacts(tracked.info.run_id, "images"))

    (version,) = client.search_model_versions("name = 'digits'")
    where = Path(client.get_model_version_download_uri("digits", version.version).removeprefix("file://"))
    assert not any(pickled(file) for file in where.rglob("*") if file.is_file())
    assert not list(where.rglob("*.pkl"))
    model = mlflow.pyfunc.load_model(str(where))
    samples = digits.test.tensor()[:3].numpy()
    made = run.reconstruct(samples).numpy()
    assert np.array_equal(model.predict(samples), made)
    assert model.predict(samples, params={"use": "encode"}).shape == (3, 4)
    assert served(model, {"inputs": samples.tolist()}) == pytest.approx(made, abs=1e-4)


def pickled(file):
    """Whether a file is a pickle."""
    try:
        pickletools.dis(file.read_bytes(), out=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    except Exception:
        return False
    return True


def served(model, asked):
    """What the scoring server of MLflow answers."""
    from mlflow.pyfunc.scoring_server import init
    from starlette.testclient import TestClient

    with TestClient(init(model)) as client:
        answer = client.post("/invocations", json=asked)
    assert answer.status_code == 200, answer.text
    return np.array(answer.json()["predictions"])


def test_a_table_is_served_by_its_columns(here):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("mlflow")
    from mlflow.pyfunc import save_model

    from isthmus.trackers.mlflow import signature

    frame = pd.DataFrame({"a": np.linspace(0, 1, 50), "b": np.linspace(1, 3, 50), "kind": ["x", "y"] * 25})
    data = ist.open_data(frame, categorical="kind")
    run = ist.fit(ist.recipe("table", code=1).build(data, remarks=False), data, epochs=1, progress=False)
    save_model(
        here / "model",
        loader_module="isthmus.trackers.pyfunc",
        data_path=str(run.publish(here / "run")),
        signature=signature(run),
        pip_requirements=[],
    )
    import mlflow

    made = mlflow.pyfunc.load_model(str(here / "model")).predict(frame)
    assert list(made.columns) == ["a", "b", "kind"]
    assert set(made["kind"]) <= {"x", "y"}


def test_a_server_that_is_down_is_remarked_once(fit, monkeypatch):
    pytest.importorskip("mlflow")
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always", Remark)
        run = fit(MLflow("http://127.0.0.1:9"))
    assert run.status == "finished"
    (said,) = [str(one.message) for one in noted if one.category is Remark]
    assert said.startswith("MLflow failed, so this run is no longer tracked there. Training goes on.")


def test_wandb_has_the_run_offline_and_leaves_its_current_run_alone(fit, here, stopping):
    wandb = pytest.importorskip("wandb")
    fit(WandB("digits", settings={"x_disable_stats": True, "x_disable_meta": True}), stopping(1))
    run = ist.resume("digits", progress=False)
    assert wandb.run is None
    wandb.teardown()  # its service has then written everything
    first, second = sorted(here.glob("wandb/offline-run-*"))
    assert first.name.rpartition("-")[2] == second.name.rpartition("-")[2]
    records = [record for folder in (first, second) for record in records_of(next(folder.glob("*.wandb")))]
    rows = [
        {"/".join([*item.nested_key, *([item.key] if item.key else [])]): json.loads(item.value_json) for item in items}
        for items in (record.history.item for record in records)
        if items
    ]
    losses = {row["_step"]: row["validation_loss"] for row in rows if "validation_loss" in row}
    assert losses == {row["epoch"]: row["validation_loss"] for row in run.history}
    assert any(row.get("test_mse") == run.evaluate()["test"]["mse"]["model"] for row in rows)
    assert list(here.glob("wandb/*/files/media/images/reconstructions_*.png"))
    assert {record.run.project for record in records if record.run.project} == {"digits"}


def records_of(path):
    """The records of W&B's own file: LevelDB's log format, after a header of 7 bytes."""
    from wandb.proto.wandb_internal_pb2 import Record  # pyright: ignore[reportAttributeAccessIssue]

    data, place, whole = path.read_bytes(), 7, b""
    while place + 7 <= len(data):
        if (left := 2**15 - place % 2**15) < 7:  # a record's head doesn't cross blocks
            place += left
            continue
        length, kind = int.from_bytes(data[place + 4 : place + 6], "little"), data[place + 6]
        whole += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last piece
            yield Record.FromString(whole)
            whole = b""


def test_trackio_has_the_run_and_leaves_its_current_run_alone(fit, here, stopping):
    context_vars = pytest.importorskip("trackio.context_vars")
    SQLiteStorage = pytest.importorskip("trackio.sqlite_storage").SQLiteStorage  # noqa: N806

    fit(Trackio("digits"), stopping(1))
    run = ist.resume("digits", progress=False)
    assert context_vars.current_run.get() is None
    (name,) = SQLiteStorage.get_runs("digits")
    rows = SQLiteStorage.get_logs("digits", name)
    losses = {row["step"]: row["validation_loss"] for row in rows if "validation_loss" in row}
    assert losses == {row["epoch"]: row["validation_loss"] for row in run.history}
    assert any("test_mse" in row for row in rows)
    assert list(Path(os.environ["TRACKIO_DIR"]).rglob("*.png"))


def test_the_command_tracks(here, capsys):
    pytest.importorskip("tensorboard")
    from isthmus.cli.main import app

    words = ["train", "digits", "-r", "vanilla", "--epochs", "1", "--out", "run", "--track", "tensorboard"]
    with pytest.raises(SystemExit) as ended:
        app(words)
    assert ended.value.code == 0
    assert "Tracked: tensorboard --logdir" in capsys.readouterr().err
    assert list((here / "run" / "tensorboard").rglob("events.*"))
