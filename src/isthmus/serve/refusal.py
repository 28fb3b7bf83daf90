"""Refusals: why a request gets no result, as a status of HTTP and one message."""

from isthmus.errors import IsthmusError


class RefusedError(IsthmusError):
    """A request that can't be answered. status: of HTTP. headers: further ones of the answer."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers or {}
