"""Is pretraining worth it? With few labels, a run's encoder compared with the same network with fresh weights."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from isthmus.classifier import CodeBody
from isthmus.errors import DataError, RunError, remark
from isthmus.experiments.classify import WAYS, Classify, Way
from isthmus.experiments.labelled import labels_of, open_labelled
from isthmus.experiments.pretraining import Pretraining, called, judge
from isthmus.experiments.study import Study
from isthmus.experiments.table import write_table
from isthmus.experiments.workers import Pool
from isthmus.run import Run, load
from isthmus.storage.run_folder import WEIGHTS
from isthmus.training.settings import checked


def pretrain(
    run: Run | str | Path,
    source: Any = None,
    labels: Sequence[int] = (100, 1000, 10_000),
    *,
    out: str | Path,
    seeds: int = 5,
    ways: Sequence[Way] = WAYS,
    jobs: int | Pool = 1,
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
    read_options: dict[str, Any] | None = None,
    body_rate: float = 1.0,
    **settings: Any,
) -> Pretraining:
    """Learn labels from a few samples, with and without a run's encoder, and compare.

        found = ist.pretrain("runs/digits", labels=[100, 1000], out="runs/digits-pretrain")
        found.accuracy("fine-tuned", 100), found.accuracy("from scratch", 100)

    The ways: "fine-tuned" trains the encoder together with a linear layer on its standardised codes, which starts as
    their logistic regression; "from scratch" does the same with fresh weights, and the encoder has the same learning
    rate as the layer; the others are scikit-learn's logistic regression and k nearest neighbours, on the codes and on
    the data themselves, both standardised first. Each seed draws other labelled samples, balanced over the classes.
    The folder is that of a study: finished trials are reused (see `sweep`).

    run: a run in a folder, or its folder. source: data with labels, with a test part or to be split. None: the run's
    own data. labels: numbers of labelled samples of the training part. seeds: repetitions. read_options: to read the
    source, as for `open_data`. body_rate: the encoder's learning rate in fine-tuning, as a multiple of the new layer's;
    a small rate changes the encoder less. settings: of a network's training (`Settings`); the others are those of
    `settings_for`.

    Raises:
        RunError: the run has no folder, or the study's folder has another study.
        DataError: the data have no labels, or don't fit the run.
        BlueprintError: the encoder needs labels, or samples of another shape.

    Source: Erhan et al., Why does unsupervised pre-training help deep learning? JMLR 11 (2010); Kumar et al.,
    Fine-tuning can distort pretrained features and underperform out-of-distribution, ICLR (2022), for the new layer
    that begins solved.
    """
    folder = run.folder if isinstance(run, Run) else Path(run)
    if folder is None:
        raise RunError("This run has no folder, but the study loads it from one. Save it first: run.save(folder).")
    loaded = load(folder)
    CodeBody(loaded.model)
    if seeds < 1 or not labels or min(labels) < 2:
        raise DataError(f"labels={list(labels)}, seeds={seeds}: expected 2 or more labels, and 1 or more seeds.")
    settings = checked(settings)
    data = loaded.open() if source is None else open_labelled(source, loaded, read_options or {})
    labels_of(data.train)
    counts = _possible(labels, len(data.train))
    weights = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    trials = [
        Classify(
            candidate=called(way, count),
            seed=seed,
            run=str(folder.resolve()),
            weights=weights,
            way=way,
            labels=count,
            settings=settings,
            body_rate=body_rate,
        )
        for count in counts
        for way in ways
        for seed in range(seeds)
        if way != "from scratch" or loaded.model.blueprint is not None
    ]
    study = Study(out, data, trials)
    study.run(jobs=jobs, overwrite=overwrite, progress=progress)
    found = judge(study, counts)
    write_table(study.folder, found.rows, found.to_json() | {"run": str(folder), "data": data.description})
    from isthmus.experiments.reports import write_pretraining  # noqa: PLC0415 Matplotlib takes half a second and 50 MB

    write_pretraining(study, found)
    if not any(entry.count for entry in found.entries):
        raise RunError(f"All trials have failed. The first error: {next(iter(found.failures.values()))}")
    return found


def _possible(labels: Sequence[int], count: int) -> list[int]:
    """The numbers of labels that don't exceed the number of samples, ascending."""
    kept = sorted({number for number in labels if number <= count})
    if len(kept) < len(set(labels)):
        remark(f"The training part has {count} samples. Larger numbers of labels are left out.")
    return kept or [count]
