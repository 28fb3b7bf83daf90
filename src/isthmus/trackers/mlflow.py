"""MLflow: a run in an experiment, its model as a pyfunc without pickle, and a version in the model registry."""

import os
import re
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.extras import needs
from isthmus.private import without_password
from isthmus.run import Run
from isthmus.trackers.tracker import Tracker
from isthmus.version import VERSION

PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""How long to wait for a server that doesn't answer, unless the environment says so: MLflow's own is many minutes."""
STATUS = {"finished": "FINISHED", "stopped early": "FINISHED", "interrupted": "KILLED"}
TAG = "isthmus.id"


class MLflow(Tracker):
    """Writes to an MLflow server, or to MLflow's database in the current folder.

    The model is saved as a pyfunc: `mlflow.pyfunc.load_model` and `mlflow models serve` take it. It consists of
    safetensors and JSON; nothing is pickled. `isthmus.trackers.pyfunc` loads it.

    uri: the tracking server or database; None is MLFLOW_TRACKING_URI, or MLflow's default.
    experiment: its name; None is MLFLOW_EXPERIMENT_NAME, or "isthmus".
    register: the name in the model registry of which this run's model becomes a new version; None registers nothing.
    """

    title, module, extra = "MLflow", "mlflow", "mlflow"

    def __init__(
        self,
        uri: str | None = None,
        experiment: str | None = None,
        name: str | None = None,
        *,
        register: str | None = None,
        **options: Any,
    ) -> None:
        self.uri, self.experiment, self.register = uri, experiment, register
        super().__init__(name, **options)

    def begin(self, options: Mapping[str, Any]) -> int | None:
        """Find the run by its tag, or create one."""
        mlflow = needs("mlflow", "mlflow", "Tracking with MLflow")
        for name, value in PATIENCE.items():  # the environment is put back after each call
            os.environ.setdefault(name, value)
        registry = os.environ.get("MLFLOW_REGISTRY_URI") or self.uri
        self.client = mlflow.MlflowClient(tracking_uri=self.uri, registry_uri=registry)
        title = self.experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or "isthmus"
        found = self.client.get_experiment_by_name(title)
        self.experiment_id = found.experiment_id if found else self.client.create_experiment(title)
        self.title_of_experiment = title
        known = self.client.search_runs([self.experiment_id], f"tags.`{TAG}` = '{self.id}'", max_results=1)
        if known:
            self.run_id = known[0].info.run_id
            self.client.update_run(self.run_id, status="RUNNING")
            return max((int(metric.step) for metric in self.client.get_metric_history(self.run_id, "loss")), default=0)
        made = self.client.create_run(self.experiment_id, run_name=self.name, tags={TAG: self.id})
        self.run_id = made.info.run_id
        params = [mlflow.entities.Param(name, str(value)[:500]) for name, value in options.items()]
        for begin in range(0, len(params), 100):
            self.client.log_batch(self.run_id, params=params[begin : begin + 100])
        return 0

    def log(self, numbers: Mapping[str, float], epoch: int) -> None:
        """Write metrics, all in one request."""
        from mlflow.entities import Metric  # noqa: PLC0415

        now = int(time.time() * 1000)
        self._patiently()
        self.client.log_batch(
            self.run_id, metrics=[Metric(_key(name), number, now, epoch) for name, number in numbers.items()]
        )

    def show(self, pictures: np.ndarray, epoch: int) -> None:
        """Write the picture, with its epoch as its step."""
        self._patiently()
        self.client.log_image(self.run_id, pictures, key="reconstructions", step=epoch, synchronous=True)

    def keep(self, run: Run) -> None:
        """Save the model as a pyfunc, and register it if you asked for that."""
        from mlflow.entities import LoggedModelOutput  # noqa: PLC0415
        from mlflow.models import Model  # noqa: PLC0415
        from mlflow.pyfunc import save_model  # noqa: PLC0415

        self._patiently()
        made = self.client.create_logged_model(
            self.experiment_id, name="model", source_run_id=self.run_id, model_type="autoencoder"
        )
        with tempfile.TemporaryDirectory(prefix="isthmus-") as folder:
            saved, path = run.publish(Path(folder) / "run"), Path(folder) / "model"
            save_model(
                path,
                loader_module="isthmus.trackers.pyfunc",
                data_path=str(saved),
                mlflow_model=Model(
                    artifact_path=made.artifact_location,
                    model_uuid=made.model_id,
                    run_id=self.run_id,
                    model_id=made.model_id,
                ),
                signature=signature(run),
                pip_requirements=[f"isthmus[mlflow]=={VERSION}"],
            )
            self.client.log_model_artifacts(made.model_id, str(path))
        self.client.finalize_logged_model(made.model_id, "READY")
        self.client.log_outputs(self.run_id, [LoggedModelOutput(made.model_id, step=self.logged)])
        if self.register:
            known = self.client.search_registered_models(f"name = '{self.register}'", max_results=1)
            if not known:
                self.client.create_registered_model(self.register)
            # a database looks a model's name up in MLflow's default store, a server in its own
            direct = self.uri is not None and not self.uri.startswith("http")
            source = made.artifact_location if direct else f"models:/{made.model_id}"
            self.client.create_model_version(self.register, source, self.run_id, model_id=made.model_id)

    def end(self, status: str) -> None:
        """Set the run's status; an interrupted run is KILLED until it is resumed."""
        self._patiently()
        self.client.set_terminated(self.run_id, STATUS.get(status, "FAILED"))

    def options(self) -> dict[str, Any]:
        """The arguments, without a password in the address."""
        uri = None if self.uri is None else without_password(self.uri)
        return super().options() | {"uri": uri, "experiment": self.experiment, "register": self.register}

    def where(self) -> str:
        """The experiment and the store."""
        store = without_password(self.client.tracking_uri)
        return f"MLflow, experiment {self.title_of_experiment}, run {self.run_id}, in {store}"

    def _patiently(self) -> None:
        for name, value in PATIENCE.items():
            os.environ.setdefault(name, value)


def signature(run: Run) -> Any:
    """What the pyfunc takes and gives: a table's columns by their names, or an array of samples.

    Its one parameter, `use`, is "reconstruct" or "encode".
    """
    from mlflow.models import ModelSignature  # noqa: PLC0415
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec  # noqa: PLC0415

    use = ParamSchema([ParamSpec("use", "string", "reconstruct")])
    columns, said = list(run.model.columns), run.model.categories
    if run.description.get("kind") == "table" and columns:
        words = said or ((),) * len(columns)
        kinds = ["string" if names else "double" for names in words]
        given: list[ColSpec | TensorSpec] = [
            ColSpec(kind, name, required=False) for kind, name in zip(kinds, columns, strict=True)
        ]
        return ModelSignature(Schema(given), None, use)
    kind = np.dtype(str(run.description.get("dtype") or "float32"))
    return ModelSignature(Schema([TensorSpec(kind, (-1, *run.model.shape))]), None, use)


def _key(name: str) -> str:
    """A metric's name with the signs that MLflow allows."""
    return re.sub(r"[^\w.\- /:]", "_", name)
