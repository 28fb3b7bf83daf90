"""Opening data: from any source to three parts, a scaling and a description; and reopening from the description."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Unpack

from isthmus.data.data import Data
from isthmus.data.describe import fingerprint
from isthmus.data.gather import gather
from isthmus.data.larger import held, laid_out, not_streamed, settled, streamed, surveyed
from isthmus.data.media import Graph
from isthmus.data.missing import fill_missing, holed, learn_fill
from isthmus.data.options import AUTO, Options, OptionWords, apart
from isthmus.data.overlaps import remark_on_overlaps
from isthmus.data.pairs import pair
from isthmus.data.raw import Raw
from isthmus.data.readers.known import function
from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.data.sources import called, read, reading
from isthmus.data.splits import TEST, VALIDATION, Split, split
from isthmus.data.texts import with_vocabulary
from isthmus.errors import DataError, Remark


def open_data(
    source: Any,
    *,
    labels: Any = None,
    damaged: Any = None,
    validation: float | None = None,
    test: float | None = None,
    seed: int = 0,
    scaling: str = "auto",
    **options: Unpack[OptionWords],
) -> Data:
    """Open any source for training: read it, divide it into three parts, learn the scaling from the training part.

    source: "digits", "sprites", "mnist", "fashion-mnist" or "cifar10" (a name takes precedence: write "./mnist" for a
        file with that name); a path to `.npy`, `.npz`, `.csv`, `.tsv`, `.txt`, `.parquet`, IDX (text and IDX also as
        `.gz`), a picture, a stack or a video, a folder or zip of them (sub-folder = label, `train` and `test` are
        parts); a table of pandas, polars or pyarrow; a NumPy array, a tensor, nested lists, `(values, labels)`, a
        mapping of arrays; a list of series of different lengths, (T,) or (C, T) each; a map-style
        `torch.utils.data.Dataset` of samples or (sample, label); Samples. Data are returned unchanged.
    labels: a class for each sample, if the source is an array in memory. The options `time` and `groups` can be such
        arrays too, with a time stamp and a group for each row.
    damaged: a second source with the damaged samples, from which a model learns to restore the clean ones (corruption
        'pairs'): a folder of pictures with the same names, or equally many samples in the same order.
    validation, test: fractions of the whole; None means 0.1 each. If the source has a test part, it is kept, and
        `validation` is a fraction of the rest.
    seed: of the random split.
    scaling: "auto", "bytes", "standardise", "minmax", "rms" or "none"; see `Scaling.learn`.
    options: how to read the source: label, columns, exclude, categorical, array, kind, channels, size, patches, mode,
        depth, frames, step, missing, header, delimiter, memory_map, max_pixels, max_bytes; see `Options`.

    Raises:
        DataError: the source is missing, damaged, of an unknown type, or doesn't fit the options.
    """
    if isinstance(source, Data):
        return source
    plain, beside = apart(options)
    with reading(source):
        return _opened(source, labels, beside, damaged, validation, test, seed, scaling, Options.of(plain))


def _opened(
    source: Any,
    labels: Any,
    beside: Mapping[str, Any],
    damaged: Any,
    validation: float | None,
    test: float | None,
    seed: int,
    scaling: str,
    chosen: Options,
) -> Data:
    where = called(source)
    alone = labels is None and not beside and damaged is None
    raw, chosen = (streamed(source, chosen) if alone else None) or (_read(source, chosen, labels, beside), chosen)
    has = {name: len(part.texts or part.values) for name, part in raw.parts.items()}
    fractions = {
        "validation": _fraction("validation", validation, VALIDATION, has, where),
        "test": _fraction("test", test, TEST, has, where),
    }
    if any(fractions.values()):
        remark_on_overlaps(raw, chosen, where)
    raw = surveyed(raw, fractions, seed)
    asked = fractions
    if isinstance(raw.medium, Graph) and len(raw.values) == 1:  # its edges are divided, because it has no other samples
        raw = function("graphs:held_out")(raw, fractions, seed)
        fractions = dict.fromkeys(fractions, 0.0)
    given = gather(with_vocabulary(raw, chosen, fractions, seed), chosen, where)
    given = {name: laid_out(part, chosen) for name, part in given.items()}
    if any(part.layout is not None for part in given.values()):
        chosen = replace(chosen, stream=True)  # whatever memory is free when the data are opened again
    elif chosen.stream:
        raise not_streamed(source)
    if (chosen.columns or chosen.exclude or chosen.categorical not in ((), AUTO)) and not (
        given["train"].columns or given["train"].medium or given["train"].schema
    ):
        raise DataError(
            f"columns=, exclude= and categorical= choose a table's columns by name, but {where} has no named columns: "
            f"it contains {given['train'].kind} of shape {given['train'].shape}. Leave these options out."
        )
    paired = None
    if damaged is not None:
        given, paired = pair(given, damaged, chosen, where)
    whole = given["train"]
    groups, spans = (None if held is None else held.numpy() for held in (whole.groups, whole.spans))
    spans = None if raw.by_group else spans
    divided = split(len(whole), **fractions, seed=seed, groups=groups, spans=spans)
    parts = held(_divide(given, divided))
    fill = None
    if chosen.missing in ("fill", "keep") and len(parts["train"]):
        fill = learn_fill(parts["train"], where)  # this also finds columns without any known value
    if chosen.missing == "fill":
        parts = {name: fill_missing(part, fill) for name, part in parts.items()}
    train, learnt = parts["train"], Scaling.learn(scaling, parts["train"])
    description = {
        "source": raw.origin,
        "kind": train.kind,
        "shape": list(train.shape),
        "dtype": train.dtype,
        "counts": {name: len(part) for name, part in parts.items()},
        "columns": list(train.columns),
        "categories": [list(names) for names in train.categories],
        "label_names": list(train.label_names),
        "split": {
            **asked,
            "seed": seed,
            "own": sorted(has),
            "by": "time" if spans is not None else "group" if groups is not None else "sample",
            "left_out": len(whole) - len(divided),
            "sha256": divided.sha256(),
        },
        "options": chosen.to_json(),
        "scaling": {**learnt.to_json(), "asked": scaling},
        "fill": fill if chosen.missing == "fill" else None,
        "holed": {name: holed(part) for name, part in parts.items()},
        "fingerprint": fingerprint(given),
    }
    if raw.depth is not None and raw.depth != 8:
        description["depth"] = raw.depth
    if train.schema is not None:
        description["schema"] = train.schema.to_json()
    if train.medium is not None:
        description["medium"] = train.medium.to_json()
    settled(parts)
    if damaged is not None:
        description["damaged"] = {"source": paired, "fingerprint": _fingerprint_of_damaged(given)}
    return Data(train, parts["validation"], parts["test"], learnt, description)


def _read(source: Any, chosen: Options, labels: Any, beside: Mapping[str, Any]) -> Raw:
    """The source in memory, or mapped from its file."""
    return read(source, replace(chosen, memory_map=True) if chosen.stream else chosen, labels=labels, beside=beside)


def reopen(description: Mapping[str, Any]) -> Data:
    """Reopen the source of `description` (`Data.description`), with the same options and the same split.

    Raises:
        DataError: the data were an object in memory, the source is missing, or it has changed.
    """
    try:
        source, before, divided = description["source"], description["fingerprint"], description["split"]
        words: Any = dict(description["options"])
        own, seed = divided["own"], divided["seed"]
        fractions = {name: None if name in own else divided[name] for name in ("validation", "test")}
        scaling, rows = description["scaling"]["asked"], divided["sha256"]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"This isn't a description of data (it lacks {error}): give Data.description.") from error
    if source is None:
        raise DataError("These data were an object in memory, which can't be reopened: give the object itself.")
    pairs = description.get("damaged")
    if pairs is not None and pairs["source"] is None:
        raise DataError("The damaged samples were an object in memory, which can't be reopened: give both objects.")
    damaged = None if pairs is None else pairs["source"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)  # they were shown when the data were opened first
        data = open_data(source, damaged=damaged, **fractions, seed=seed, scaling=scaling, **words)
    if pairs is not None and data.description["damaged"] != pairs:
        raise DataError(f"{damaged} has changed since this description was made. Restore the old samples.")
    if data.description["fingerprint"] != before or data.description["split"]["sha256"] != rows:
        raise DataError(
            f"{source} has changed since this description was made (its values, labels or number of samples). "
            "Restore the old data, or open the new data and train again."
        )
    return data


def _fraction(name: str, asked: float | None, usual: float, given: Mapping[str, int], where: str) -> float:
    """The fraction of the undivided samples for a part: 0 if the source has that part."""
    if name not in given:
        return usual if asked is None else asked
    if asked:
        raise DataError(
            f"{name}={asked}, but {where} already has a {name} part ({given[name]} samples). Leave {name} out, or give "
            "the values as one array."
        )
    return 0.0


def _fingerprint_of_damaged(given: Mapping[str, Samples]) -> str:
    return fingerprint({name: Samples(part.damaged) for name, part in given.items() if part.damaged is not None})


def _divide(given: Mapping[str, Samples], divided: Split) -> dict[str, Samples]:
    rest = given["train"]
    return {
        "train": rest.take(divided.train),
        "validation": given["validation"] if "validation" in given else rest.take(divided.validation),
        "test": given["test"] if "test" in given else rest.take(divided.test),
    }
