"""Samplers from their files."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from isthmus.errors import RunError
from isthmus.samplers.fitted import Gaussians, Neighbours
from isthmus.samplers.sampler import Sampler
from isthmus.samplers.sequences import Sequences
from isthmus.storage.checked import damaged, load_tensors


def load_sampler(path: str | Path) -> Sampler:
    """The sampler that `Sampler.save` wrote.

    Raises:
        RunError: the file is missing, damaged, or holds something else.
    """
    tensors, notes = load_tensors(path)
    kinds: dict[str, type[Sampler]] = {kind.kind: kind for kind in (Gaussians, Neighbours, Sequences)}
    kind = kinds.get(str(notes.get("sampler"))) if isinstance(notes, dict) else None
    if kind is None:
        raise RunError(f"{path} is not a sampler of codes: expected a file written by Sampler.save.")
    with damaged(Path(path)):
        shape = TypeAdapter(list[Annotated[int, Field(ge=1)]]).validate_python(notes["shape"], strict=True)
        return kind.restored(tuple(shape), tensors, notes)
