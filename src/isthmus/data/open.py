"""Opening data: from any source to three parts, their scaling and their description; and again from the description."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Unpack

import numpy as np
import torch

from isthmus.data.describe import fingerprint
from isthmus.data.fit import fit_to
from isthmus.data.labels import encode_labels
from isthmus.data.missing import check_finite, drop_missing, fill_missing, learn_fill
from isthmus.data.options import Options, OptionWords
from isthmus.data.raw import Raw, settle
from isthmus.data.samples import Data, Samples, as_tensor
from isthmus.data.scaling import Scaling
from isthmus.data.sources import called, read
from isthmus.data.splits import TEST, VALIDATION, split
from isthmus.errors import DataError, remark


def open_data(
    source: Any,
    *,
    labels: Any = None,
    validation: float | None = None,
    test: float | None = None,
    seed: int = 0,
    scaling: str = "auto",
    **options: Unpack[OptionWords],
) -> Data:
    """Open any source for training: read it, divide it into three parts, learn the scaling from the training part.

    source: "digits", "mnist", "fashion-mnist" or "cifar10"; a NumPy array, a tensor, nested lists, `(values, labels)`, a mapping
        of arrays; a table of pandas, polars or pyarrow; a path to `.npy`, `.npz`, `.csv`, `.tsv`, `.txt`, `.parquet`,
        IDX (also `.gz`), a picture, a folder or a zip of pictures (sub-folder = label); Samples. Data come back as they are.
        A name wins over a path; write "./mnist" for a file or folder that is called so.
    labels: a class for each sample, where the source is values in memory.
    validation, test: fractions of the whole, 0.1 each where None. A source that brings a test part keeps it, and `validation`
        is then a fraction of the rest.
    seed: of the generator that divides.
    scaling: see `Scaling.learn`.
    options: how to read the source; see `Options`.

    Raises:
        DataError: the source is missing, damaged, of an unknown kind, or not what the options say; one line.
    """
    if isinstance(source, Data):
        return source
    chosen = Options.of(options)
    raw = read(source, chosen, labels=labels)
    where = called(source)
    parts = _parts(raw, chosen, where)
    whole = dict(parts)
    given = [name for name in ("validation", "test") if name in parts]
    for name, asked in (("validation", validation), ("test", test)):
        if asked and name in given:
            raise DataError(
                f"{name}={asked}, but {where} brings its own {name} part ({len(parts[name])} samples): leave it out."
            )
    validation = (VALIDATION if validation is None else validation) if "validation" not in given else 0.0
    test = (TEST if test is None else test) if "test" not in given else 0.0
    divided = split(len(parts["train"]), validation, test, seed)
    everything = parts["train"]
    parts["train"] = everything.take(divided.train)
    if "validation" not in given:
        parts["validation"] = everything.take(divided.validation)
    if "test" not in given:
        parts["test"] = everything.take(divided.test)
    fill = None
    if chosen.missing == "fill":
        fill = learn_fill(parts["train"], where)
        parts = {name: fill_missing(part, fill) for name, part in parts.items()}
    learnt = Scaling.learn(scaling, parts["train"])
    train = parts["train"]
    description = {
        "source": raw.origin,
        "kind": train.kind,
        "shape": list(train.shape),
        "dtype": train.dtype,
        "counts": {name: len(parts[name]) for name in ("train", "validation", "test")},
        "columns": list(train.columns),
        "label_names": list(train.label_names),
        "split": {"validation": validation, "test": test, "seed": seed, "own": given, "sha256": divided.sha256()},
        "options": chosen.to_json(),
        "notes": raw.notes,
        "scaling": learnt.to_json() | {"asked": scaling},
        "fill": fill,
        "fingerprint": fingerprint(whole),
    }
    return Data(train, parts["validation"], parts["test"], learnt, description)


def reopen(description: Mapping[str, Any]) -> Data:
    """Open the source of `description` (see `Data`) again, with the same options and the very same split.

    Raises:
        DataError: the data were an object in memory, the source is gone, or it has changed since.
    """
    try:
        source, asked = description["source"], description["split"]
        options = Options.of(dict(description["options"]))
        own = asked["own"]
        fractions = {name: None if name in own else asked[name] for name in ("validation", "test")}
        scaling, seed, before = description["scaling"]["asked"], asked["seed"], description["fingerprint"]
        divided = asked["sha256"]
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"This is no description of data (it lacks {error}): expected Data.description.") from error
    if source is None:
        raise DataError(
            "These data were given as an object in memory, which can't be opened again: give the object itself."
        )
    words: Any = {name: getattr(options, name) for name in options.to_json()}
    data = open_data(source, **fractions, seed=seed, scaling=scaling, **words)
    if data.description["fingerprint"] != before or data.description["split"]["sha256"] != divided:
        raise DataError(
            f"{source} has changed since this description was made: its values, labels or number of samples are others. "
            "Bring the old data back, or open the new ones with open_data and train anew."
        )
    return data


def read_samples(
    source: Any,
    *,
    like: Mapping[str, Any] | None = None,
    part: str | None = None,
    labels: Any = None,
    **options: Unpack[OptionWords],
) -> Samples:
    """Read any source as one undivided set, made to fit what a model was trained on.

    source: as in `open_data`; also Data (all parts) and Samples. A source with parts of its own gives them one after another.
    like: `Data.description` of the model. A table's columns are found by name, in any order; columns that the model does not
        know are ignored, with a remark. Pictures are converted and resized as they were for training, if they were then,
        or as `options` say. Missing values are treated as they were then.
    part: "train", "validation" or "test" of a source that brings such a part; all of it where None.
    options: see `Options`; they override those in `like`.

    Raises:
        DataError: the source can't be read, or it does not fit the model: both shapes, or the missing columns, are named.
    """
    if isinstance(source, Data):
        source = _join(
            [p for p in source.parts.values() if len(p)] if part is None else [source.parts[_part(part, source.parts)]]
        )
        part = None
    inherited = {} if like is None else _inherited(like)
    chosen = Options.of({**inherited, **options})
    where = called(source)
    exact = None if like is None else tuple(like["shape"])
    raw = read(source, chosen, labels=labels, like=like)
    known = () if like is None else tuple(like.get("label_names", ()))
    parts = _parts(raw, chosen, where, exact=exact, known=known)
    samples = _join(list(parts.values())) if part is None else parts[_part(part, parts)]
    if like is not None:
        samples = fit_to(samples, like, where)
    if chosen.missing == "fill":
        fill = None if like is None else like.get("fill")
        samples = fill_missing(samples, learn_fill(samples, where) if fill is None else fill)
    return samples


def _inherited(like: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a model's training that its further data are read with."""
    kept = (
        "size",
        "mode",
        "kind",
        "channels",
        "missing",
        "header",
        "delimiter",
        "max_pixels",
        "max_bytes",
        "label",
        "array",
    )
    return {name: value for name, value in like.get("options", {}).items() if name in kept}


def _part(part: str, parts: Mapping[str, Samples]) -> str:
    if part not in parts:
        raise DataError(f"There is no part {part!r}: expected {', '.join(parts)}.")
    return part


def _parts(
    raw: Raw, options: Options, where: str, exact: tuple[int, ...] | None = None, known: tuple[str, ...] = ()
) -> dict[str, Samples]:
    """The parts of `raw` as samples without missing values (unless they are to be filled), "train" first."""
    settled = {name: settle(part, options, exact) for name, part in {"train": raw, **raw.parts}.items()}
    shapes = {tuple(part.values.shape[1:]) for part in settled.values()}
    if len(shapes) > 1:
        raise DataError(f"The parts of {where} have different shapes, {' and '.join(map(str, shapes))}: expected one.")
    labels, label_names = _labels(settled, raw.label_names, known)
    parts = {}
    for name, part in settled.items():
        samples = Samples(
            _values(part.values), labels.get(name), label_names, part.names, part.kind or "table", part.columns
        )
        if options.missing == "drop":
            samples = drop_missing(samples, where)
        elif options.missing == "error":
            check_finite(samples, where)
        parts[name] = samples
    return parts


def _values(values: Any) -> Any:
    """As `Samples` keeps them: mapped arrays as they are, others as one contiguous tensor."""
    if isinstance(values, torch.Tensor):
        values = values if values.dtype in (torch.uint8, torch.float32) else values.float()
        return values.contiguous()
    return values if _mapped(values) else as_tensor(values)


def _mapped(values: np.ndarray) -> bool:
    base: Any = values
    while base is not None and not isinstance(base, np.memmap):
        base = getattr(base, "base", None)
    return base is not None


def _labels(
    parts: dict[str, Raw], given_names: tuple[str, ...], known: tuple[str, ...]
) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    """Labels of all parts, numbered together."""
    labelled = {name: part for name, part in parts.items() if part.labels is not None}
    if not labelled:
        return {}, ()
    for name, part in labelled.items():
        if len(part.labels) != len(part.values):
            raise DataError(f"{len(part.labels)} labels for {len(part.values)} samples ({name}): give one for each.")
    together = np.concatenate([np.asarray(part.labels).reshape(len(part.values), -1) for part in labelled.values()])
    numbers, names = encode_labels(together, len(together), known if not given_names else ())
    if numbers is None:
        return {}, ()
    if given_names:  # the source's labels are numbers that have names
        numbers = torch.from_numpy(together[:, 0].astype(np.int64))
        if numbers.min() < 0 or numbers.max() >= len(given_names):
            raise DataError(
                f"Labels run from {numbers.min()} to {numbers.max()}: expected 0 to {len(given_names) - 1}."
            )
        names = given_names
    sizes = [len(part.values) for part in labelled.values()]
    return dict(zip(labelled, numbers.split(sizes), strict=True)), names


def _join(parts: list[Samples]) -> Samples:
    if len(parts) == 1:
        return parts[0]
    labels = [part.labels for part in parts if part.labels is not None]
    if labels and len(labels) < len(parts):
        remark("Some parts have no labels: the whole has none.")
    names = tuple(name for part in parts for name in part.names)
    return replace(
        parts[0],
        values=torch.cat([part.tensor() for part in parts]),
        labels=torch.cat(labels) if len(labels) == len(parts) else None,
        names=names if len(names) == sum(map(len, parts)) else (),
        rows=None,
    )
