"""Disentangling: how well each latent dimension of a run follows one of the factors that its data were made from."""

from typing import Any

import torch

from isthmus.data.gather import join
from isthmus.data.samples import Samples, spread
from isthmus.errors import DataError, UseError, remark
from isthmus.measures import Disentanglement, disentanglement
from isthmus.measures.disentangled.predictors import Predictor
from isthmus.measures.disentangled.scores import RESAMPLES
from isthmus.trained import TrainedModel
from isthmus.uses.arguments import takes_run

MOST = 5000
"""Samples by default: the scores of more differ little."""


@takes_run
def disentangle(
    run: TrainedModel,
    source: Any = None,
    *,
    factors: Any = None,
    part: str | None = None,
    most: int = MOST,
    predictor: Predictor = "forest",
    resamples: int = RESAMPLES,
    seed: int = 0,
    **read_options: Any,
) -> Disentanglement:
    """The measures of disentanglement of a run's codes, with their intervals.

        run = ist.fit(ist.recipe("beta-tc-vae").build(data := ist.open_data("sprites")), data)
        print(ist.disentangle(run))

    source: samples with known factors: "sprites", an `.npz` or a mapping with an array "factors". None: the run's own
        data, all parts, because training doesn't see the factors.
    factors: (N, K) classes of the source's samples, if it has none. part: of the data, "train" for example.
    most: samples, evenly spread. predictor, resamples, seed: as for `isthmus.measures.disentanglement`.
    read_options: how to read the source.

    Factors that don't vary are left out, with a remark.

    Raises:
        DataError: the source can't be read, or no factors are known.
        UseError: an option is invalid.
    """
    if source is None:
        if factors is not None:
            raise UseError("factors= are those of a source, and none was given. Give disentangle(run, source, …).")
        chosen = _some(run.open().parts, part, most)
        known, names = _factors(chosen, None)
    else:
        samples = run.read(source, **(read_options if part is None else read_options | {"part": part}))
        rows = spread(len(samples), most)
        values, names = _factors(samples, factors)
        known, chosen = values[rows], samples.take(rows)
    varying = [place for place in range(known.shape[1]) if len(known[:, place].unique()) > 1]
    if left_out := [names[place] for place in range(len(names)) if place not in varying]:
        remark(f"These factors have one value in all samples, so they are left out: {', '.join(left_out)}.")
    return disentanglement(
        run.encode(chosen).flatten(1),
        known[:, varying],
        names=tuple(names[place] for place in varying),
        predictor=predictor,
        resamples=resamples,
        seed=seed,
    )


def _some(parts: dict[str, Samples], part: str | None, most: int) -> Samples:
    """At most this many samples of a part, or of all, evenly spread."""
    if part not in (None, *parts):
        raise DataError(f"There is no part {part!r}: expected {', '.join(parts)}.")
    chosen = [samples for name, samples in parts.items() if part in (None, name) and len(samples)]
    share = min(1.0, most / sum(map(len, chosen)))
    return join([samples.some(max(1, round(share * len(samples)))) for samples in chosen])


def _factors(samples: Samples, given: Any) -> tuple[torch.Tensor, tuple[str, ...]]:
    """(N, K) factors, those given or those of the samples, and their names."""
    names = ()
    if given is None:
        if samples.factors is None:
            raise DataError(
                "These data have no known factors. Use data that have, such as 'sprites' or an .npz with an array "
                "'factors' of shape (N, K), or give factors= in Python."
            )
        given, names = samples.factors, samples.factor_names
    values = torch.as_tensor(given)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or len(values) != len(samples):
        raise DataError(
            f"Factors of shape {tuple(values.shape)} for {len(samples):,} samples: expected (N, K), a row for each."
        )
    return values, tuple(names) or tuple(f"factor {place}" for place in range(values.shape[1]))
