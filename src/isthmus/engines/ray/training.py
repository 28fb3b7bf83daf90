"""Training: one run trained by several workers of a Ray cluster, which go on from its checkpoint if one is lost."""

import contextlib
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from isthmus import errors
from isthmus.data import Data, open_data, reopen
from isthmus.engines.ray.cluster import connected, quiet
from isthmus.errors import ElsewhereError, IsthmusError, RunError, TrainingError
from isthmus.fitting import fit_once
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.store import make_folder
from isthmus.run import Run, load
from isthmus.storage.files import write_json
from isthmus.storage.run_folder import holds_run
from isthmus.training import Callback
from isthmus.training.processes import LostProcessError

ERROR = "error.json"
"""The error that ends a training for good, in the folder of Ray's own files."""


def fit(
    model: Autoencoder,
    data: Any,
    *,
    out: str | Path,
    workers: int = 2,
    cpus: float = 1,
    gpus: float = 0,
    max_failures: int = 3,
    overwrite: bool = False,
    callbacks: Sequence[Callback] = (),
    **settings: Any,
) -> Run:
    """Train a model on a Ray cluster, as `isthmus.fit` does on one machine: the same loop, batches and result.

        data = ist.open_data("/shared/rows.parquet")
        model = ist.recipe("table").build(data)
        run = ist.ray.fit(model, data, out="/shared/runs/rows", workers=4, epochs=20)

    Each worker takes its share of every batch, so that the batch size is that of one machine. If a worker is lost, Ray
    starts all workers again, and they go on from the last checkpoint (`checkpoint_seconds=` apart). If the cluster or
    your program is stopped, the same call goes on, too.

    data: Data, or anything else that `open_data` takes, or a Ray Dataset of rows. Workers read a file or folder
        themselves, by its path; anything else is sent to them through Ray's object store, and must fit into the memory
        of each.
    out: the run's folder, on storage that all machines share. A finished run of the same model, data and settings there
        is returned as it is.
    workers: how many. cpus, gpus: of each. A worker computes with as many threads as it has processors.
    max_failures: how often lost workers are replaced. overwrite: replace another run in the folder.
    callbacks: called in every worker. settings: as for `isthmus.fit`.

    Raises:
        MissingPackageError: Ray isn't installed (`isthmus[ray]`).
        UseError: a machine of the cluster has another version of Isthmus.
        RunError: the folder has another run.
        TrainingError: workers were lost too often; or as `isthmus.fit`. The last checkpoint is kept.
    """
    ray = connected()
    data = data if isinstance(data, Data) else open_data(_rows(ray, data))
    folder = make_folder(Path(out).absolute())
    state = folder / f".ray-{uuid.uuid4().hex[:8]}"
    sent = ray.put((model, _portable(data), list(callbacks), {"overwrite": overwrite} | settings))
    resources = {"CPU": cpus} | ({"GPU": gpus} if gpus else {})
    with quiet():
        from ray import train  # noqa: PLC0415
        from ray.train.torch import TorchTrainer  # noqa: PLC0415

        trainer = TorchTrainer(
            _train,
            train_loop_config={"sent": [sent], "out": str(folder), "state": str(state), "here": str(Path.cwd())},
            scaling_config=train.ScalingConfig(num_workers=workers, use_gpu=gpus > 0, resources_per_worker=resources),
            run_config=train.RunConfig(
                name=state.name,
                storage_path=str(folder),
                failure_config=train.FailureConfig(max_failures=max_failures),
            ),
        )
        try:
            trainer.fit()
            _check(state)
        except IsthmusError:
            raise
        except Exception as error:  # Ray's own, which quotes whole stack traces
            _check(state)
            raise TrainingError(
                f"The training on Ray ended after {max_failures} restarts: {_last_line(error)}. Its last checkpoint is "
                f"kept in {folder}. Call ray.fit again to go on from it."
            ) from error
        finally:
            shutil.rmtree(state, ignore_errors=True)
    if not holds_run(folder):
        raise RunError(f"The workers wrote no run into {folder}: expected a folder that all machines share.")
    run = load(folder)
    run.data = data
    return run


@contextlib.contextmanager
def at(folder: str) -> Iterator[None]:
    """In a worker: be in the folder of the program that sent the work, if it is there, so that paths mean the same."""
    if not Path(folder).is_dir():
        yield
        return
    with contextlib.chdir(folder):
        yield


def _train(config: dict[str, Any]) -> None:
    """What each worker does. An error of the training itself is written down, because Ray would only try again."""
    import ray  # noqa: PLC0415

    note = Path(config["state"]) / ERROR
    if note.exists():  # the first worker wrote it when the others were gone already
        return
    with at(config["here"]):
        try:
            model, data, callbacks, settings = ray.get(config["sent"][0])
            data = data if isinstance(data, Data) else reopen(data)
            fit_once(model, data, out=config["out"], progress=False, callbacks=callbacks, **settings)
        except LostProcessError:
            raise
        except ElsewhereError:
            return
        except IsthmusError as error:
            make_folder(note.parent)
            write_json(note, {"type": type(error).__name__, "message": str(error)})


def _check(state: Path) -> None:
    """Raise the error that ended the training, if one did."""
    note = state / ERROR
    if note.exists():
        from isthmus.storage.checked import read_json  # noqa: PLC0415

        said = read_json(note)
        raise getattr(errors, said["type"], TrainingError)(said["message"])


def _portable(data: Data) -> Data | dict[str, Any]:
    """The description of data that each worker can open itself; otherwise the data."""
    sources = (data.description, data.description.get("damaged") or data.description)
    return data if any(one.get("source") is None for one in sources) else data.description


def _rows(ray: Any, data: Any) -> Any:
    """The rows of a Ray dataset as one table; anything else as it is."""
    if not hasattr(data, "to_arrow_refs"):
        return data
    return pa.concat_tables(ray.get(data.to_arrow_refs()))


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200].rstrip(".")
