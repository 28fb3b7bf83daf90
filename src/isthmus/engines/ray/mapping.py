"""Mapping: a use of a run for every batch of a Ray dataset."""

import uuid
from collections.abc import Iterable
from functools import partial
from typing import Any

import pyarrow as pa

from isthmus.engines.ray.cluster import connected, quiet
from isthmus.engines.scoring import Scoring, Use
from isthmus.errors import DataError
from isthmus.trained import TrainedModel

BATCH = 4096
"""Rows of a batch."""
_HELD: dict[str, Scoring] = {}
"""In a worker: the last scoring, by its key."""


def map(
    run: TrainedModel,
    dataset: Any,
    use: Use = "encode",
    *,
    keep: str | Iterable[str] = (),
    column: str | None = None,
    ordered: bool = True,
    batch_size: int = BATCH,
    workers: int | None = None,
    gpus: float = 0,
    **options: Any,
) -> Any:
    """Use a run on every batch of a Ray dataset, and return the results as a Ray dataset, which is lazy.

        codes = ist.ray.map(run, ray.data.read_parquet("s3://lake/rows"), keep="id")
        codes.write_parquet("s3://lake/codes")
        scores = ist.ray.map(run, dataset, use="detect", by="error", keep=["id", "day"])

    If a worker is lost, Ray repeats its batches on another one.

    use: what each row becomes. "encode": its code, in the columns z0, z1, …; "reconstruct": its reconstruction;
        "fill": the row with its missing values filled in; "detect": `score`, and whether it is `anomalous`; "compress":
        each batch becomes one row, with the bytes of a compressed file in `content` and its samples' number in `rows`.
    keep: columns that the result has too, such as a key. With "compress", each cell is the list of its batch.
    column: for a model that takes no rows of a table, the column with the samples: tensors or nested lists of numbers,
        or texts. None: the only column besides those of `keep`. Samples come back as nested lists.
    ordered: whether results have the order of the dataset. Without it, Ray returns each block when it is ready, which
        is faster if some take long; then `keep` a key.
    batch_size: rows of a batch. workers: how many batches at the same time. None: as many as the cluster has
        processors free. gpus: of each worker, which then keeps its device.
    options: for "detect", those of `isthmus.detector`; for "compress", those of `isthmus.compress`.

    Raises:
        MissingPackageError: Ray isn't installed (`isthmus[ray]`).
        UseError: the model can't be used like this, or a machine of the cluster has another version of Isthmus.
        DataError: the dataset lacks a column.
    """
    ray = connected()
    with quiet():
        from ray import data  # noqa: PLC0415
        from ray.data import ActorPoolStrategy, TaskPoolStrategy  # noqa: PLC0415

        if not isinstance(dataset, data.Dataset):
            raise DataError(f"Got a value of type {type(dataset).__name__}: expected a Ray Dataset.")
        given = dataset.columns() or []
        scoring = Scoring.of(run, use, given, keep=keep, column=column, **options)
        chosen = data.Dataset.copy(dataset, _deep_copy=True) if ordered else dataset  # for a context of its own
        use_batch = partial(_use_batch, uuid.uuid4().hex, [ray.put(scoring)])
        worker: Any = use_batch
        way: dict[str, Any] = {"compute": TaskPoolStrategy(size=workers)}
        if gpus:
            pool = ActorPoolStrategy() if workers is None else ActorPoolStrategy(size=workers)
            worker, way = _Worker, {"num_gpus": gpus, "compute": pool, "fn_constructor_args": (use_batch,)}
        made = chosen.map_batches(worker, batch_size=batch_size, batch_format="pyarrow", **way)
        if ordered:
            made.context.execution_options.preserve_order = True
    return made


class _Worker:
    """An actor that scores batches, and keeps the run on its device."""

    def __init__(self, use_batch: Any) -> None:
        self.use_batch = use_batch

    def __call__(self, batch: pa.Table) -> pa.Table:
        """The results of a batch."""
        return self.use_batch(batch)


def _use_batch(key: str, held: list[Any], batch: pa.Table) -> pa.Table:
    """The results of a batch, by the scoring in the object store, which each process loads once."""
    if key not in _HELD:
        import ray  # noqa: PLC0415

        _HELD.clear()
        _HELD[key] = ray.get(held[0])
    return _HELD[key](batch)
