"""The proofs, on two shelves, `varieties` and `uses`: one file each, and `beta_vae.py` is that of `beta-vae`."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.proofs.proving import Bench, Row


@dataclass(frozen=True)
class Proof:
    """What shows that a variety or a use does what it is for.

    claim: in one sentence. epochs: the budget of each of its models. prove: trains, draws, and gives the rows.
    """

    name: str
    claim: str
    epochs: int
    prove: Callable[[Bench], list[Row]]


def proof_names(shelf: str) -> list[str]:
    """All that stand on a shelf, by the alphabet."""
    path = importlib.import_module(f"benchmarks.proofs.{shelf}").__path__
    names = (module.name for module in pkgutil.iter_modules(path))
    return sorted(name.replace("_", "-") for name in names if not name.startswith("_"))


def find_proof(shelf: str, name: str) -> Proof:
    """The proof of this name; the others are not imported."""
    module = importlib.import_module(f"benchmarks.proofs.{shelf}.{name.replace('-', '_')}")
    return Proof(name, module.__doc__.splitlines()[0], module.EPOCHS, module.prove)


def shelf_title(shelf: str) -> str:
    """What all proofs of a shelf show together."""
    return (importlib.import_module(f"benchmarks.proofs.{shelf}").__doc__ or "").strip()
