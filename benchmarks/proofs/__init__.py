"""The proofs: one file a variety, found by its name; a file `beta_vae.py` is the proof of `beta-vae`."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from proving import Bench, Row


@dataclass(frozen=True)
class Proof:
    """What shows that a variety does what it is for.

    claim: in one sentence. epochs: the budget of each of its models. prove: trains, draws, and gives the rows.
    """

    name: str
    claim: str
    epochs: int
    prove: Callable[[Bench], list[Row]]


def proof_names() -> list[str]:
    """All that there are, by the alphabet."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def find_proof(name: str) -> Proof:
    """The proof of this name; the others are not imported."""
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return Proof(name, module.__doc__.splitlines()[0], module.EPOCHS, module.prove)
