"""Limits of a server: what one request may ask for, and how many requests it takes at once."""

from dataclasses import dataclass, fields

from isthmus.errors import DataError


@dataclass(frozen=True)
class Limits:
    """What a server accepts. A request over a limit is refused with one message, before it costs much.

    max_bytes: of a request's body and of an answer, in bytes. A larger body is refused before it is read.
    max_rows: samples in one request. max_requests: requests at once; further ones get the status 503.
    seconds: for a whole request, from its first byte to its answer. batch_rows: samples that go through the model
    together, if so many are waiting.

    Raises:
        DataError: a limit is not positive.
    """

    max_bytes: int = 64 * 2**20
    max_rows: int = 10_000
    max_requests: int = 256
    seconds: float = 30.0
    batch_rows: int = 1024

    def __post_init__(self) -> None:
        for one in fields(self):
            if not getattr(self, one.name) > 0:
                raise DataError(f"{one.name}={getattr(self, one.name)!r}: expected a number above 0.")
