"""Reading samples: any source as one undivided set, converted for a given model."""

from collections.abc import Mapping
from typing import Any, Unpack

from isthmus.data.data import Data
from isthmus.data.fit import fit_to
from isthmus.data.gather import gather, join
from isthmus.data.media.medium import medium_of
from isthmus.data.missing import fill_missing, learn_fill
from isthmus.data.options import Options, OptionWords, apart
from isthmus.data.raw import Raw
from isthmus.data.samples import Samples
from isthmus.data.sources import called, read, reading
from isthmus.data.texts import encoded, with_vocabulary
from isthmus.data.tiles import tiled
from isthmus.errors import DataError


def read_samples(
    source: Any,
    *,
    like: Mapping[str, Any] | None = None,
    part: str | None = None,
    labels: Any = None,
    **options: Unpack[OptionWords],
) -> Samples:
    """Read any source as one set. If it has several parts, they are joined.

    source: as in `open_data`; also Data, with all its parts.
    like: `Data.description` of a model's data; the samples are converted to fit it. Only "shape" is required. A table's
        columns are found by name in any order; unknown columns are ignored, with a remark. Picture files are converted
        and resized as in training, and missing values are handled as in training.
    part: "train", "validation" or "test", of Data or of a source with such a part.
    labels: a class for each sample, if the source is an array in memory.
    options: see `Options`; they override those of the training.

    Raises:
        DataError: the source can't be read, or doesn't fit the model; the message names both shapes, or the missing
            columns.
    """
    plain, beside = apart(options)
    chosen = Options.of(inherited(like) | plain)
    where = called(source)
    if isinstance(source, Data):
        source, part = _of_data(source, part), None
    with reading(source):
        return as_taken(read(source, chosen, labels, like, beside), chosen, where, like, part)


def as_taken(
    raw: Raw, chosen: Options, where: str, like: Mapping[str, Any] | None = None, part: str | None = None
) -> Samples:
    """A reader's output, converted for the model that `like` describes; see `read_samples`."""
    whole = {"validation": 0.0, "test": 0.0}
    raw = with_vocabulary(raw, chosen, whole, 0) if like is None else encoded(raw, medium_of(like), where)
    parts = gather(raw, chosen, where, like)
    samples = join([p for p in parts.values() if len(p)]) if part is None else parts[_known(part, parts)]
    if like is not None:
        samples = fit_to(_covered(samples, chosen, like), like, where)
    if chosen.missing == "fill":
        fill = None if like is None else like.get("fill")
        samples = fill_missing(samples, learn_fill(samples, where) if fill is None else fill)
    return samples


def _covered(samples: Samples, chosen: Options, like: Mapping[str, Any]) -> Samples:
    """Whole pictures as tiles for a model of patches, unless patches are wanted."""
    wanted = tuple(like["shape"])
    if not of_patches(like) or chosen.patches or samples.kind != "pictures" or samples.shape == wanted:
        return samples
    if samples.shape[0] != wanted[0]:  # other channels: `fit_to` raises the error
        return samples
    return tiled(samples, wanted[1:])


def inherited(like: Mapping[str, Any] | None) -> dict[str, Any]:
    """The reading options of a model's training, for further data, without its choice of columns.

    Pictures for a model of patches are read whole and covered by tiles.
    """
    like = like or {}
    given = like.get("options") or {}
    left_out = ("columns", "exclude", "types", "memory_map", "stream", "shuffle_bytes")
    left_out = (*left_out, *(("patches", "size") if of_patches(like) else ()))
    if like.get("medium") is not None:  # which says itself how files are read, and numbers may come without files
        left_out = (*left_out, "kind")
    options = {name: value for name, value in given.items() if name not in left_out}
    if like.get("kind") == "pictures":
        return options | {
            "wanted": tuple(like["shape"]),
            "wanted_depth": 8 if like.get("dtype") == "uint8" else None,
        }
    return options


def of_patches(like: Mapping[str, Any] | None) -> bool:
    """Whether a model was trained on patches of larger pictures."""
    return bool(((like or {}).get("options") or {}).get("patches"))


def _of_data(data: Data, part: str | None) -> Samples:
    if part is not None:
        return data.parts[_known(part, data.parts)]
    return join([p for p in data.parts.values() if len(p)])


def _known(part: str, parts: Mapping[str, Samples]) -> str:
    if part not in parts:
        raise DataError(f"There is no part {part!r} here: expected {', '.join(parts)}.")
    return part
