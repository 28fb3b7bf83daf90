"""What belongs to the whole process stays as it was, whatever a library does to it when it is loaded."""

import contextlib
import os
import random
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Afterwards Python's random state, warning filters, environment and recursion limit are as they were before."""
    state, limit, environment = random.getstate(), sys.getrecursionlimit(), dict(os.environ)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        random.setstate(state)
        sys.setrecursionlimit(limit)
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        for name, value in environment.items():
            if os.environ.get(name) != value:
                os.environ[name] = value
