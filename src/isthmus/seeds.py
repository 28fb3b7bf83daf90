"""Seeds: from a whole number to the generator of random draws."""

import operator
from typing import Any

import torch

from isthmus.errors import UseError

LARGEST = 2**63 - 1


def is_seed(seed: Any) -> bool:
    """Whether this is a whole number (also of NumPy) from 0 to `LARGEST`."""
    try:
        return not isinstance(seed, bool) and 0 <= operator.index(seed) <= LARGEST
    except TypeError:
        return False


def wrong_seed(seed: Any) -> str:
    """The message for an invalid seed."""
    return f"seed={seed!r:.60} is not a valid seed: expected a whole number from 0 to {LARGEST}, such as seed=0."


def seeded(seed: int) -> torch.Generator:
    """A generator of random draws, on the CPU.

    Raises:
        UseError: the seed isn't a whole number from 0 to 2**63 - 1.
    """
    if not is_seed(seed):
        raise UseError(wrong_seed(seed))
    return torch.Generator().manual_seed(operator.index(seed))
