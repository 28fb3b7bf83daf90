"""The guard of a server: host, token, size, number and time of requests, before any endpoint sees them."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from time import perf_counter
from typing import Any

from pydantic_core import to_json

from isthmus.serve.limits import Limits
from isthmus.serve.measured import Measured
from isthmus.serve.refusal import RefusedError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
OPEN = ("/health", "/ready")
"""Paths that need no token, and are answered however much is running."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
CLOSE = {"Connection": "close"}


class Guard:
    """An ASGI application around another one, which refuses what the limits don't allow.

    token: that each request must bear; None for none, and then requests must name a host of `LOOPBACK`, so that no
    web page can reach the server through a name of its own.
    """

    def __init__(self, app: Any, limits: Limits, measured: Measured, token: str | None, paths: Collection[str]) -> None:
        self.app, self.limits, self.measured = app, limits, measured
        self._token = None if token is None else token.encode()
        self._paths, self._running = frozenset(paths), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = perf_counter(), 500
        started = False

        async def noted(message: MutableMapping[str, Any]) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
            await send(message)

        self._running += 1
        self.measured.running.inc()
        try:
            await self._answer(scope, receive, noted)
        except RefusedError as error:
            if not started:
                await refuse(noted, error)
        finally:
            self._running -= 1
            self.measured.running.dec()
            path = scope["path"] if scope["path"] in self._paths else "other"
            self.measured.requests(path, str(status)).inc()
            self.measured.seconds(path).observe(perf_counter() - begun)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        self._check_host(headers)
        if scope["path"] in OPEN:
            await self.app(scope, receive, send)
            return
        self._check_token(headers)
        self._check_size(headers)
        if self._running > self.limits.max_requests:
            raise RefusedError(
                503, f"{self.limits.max_requests} requests are running: try again.", {"Retry-After": "1", **CLOSE}
            )
        body = _Body(receive, self.limits.max_bytes)
        try:
            async with asyncio.timeout(self.limits.seconds):
                await self.app(scope, body.receive, send)
        except TimeoutError:
            if body.whole:
                raise RefusedError(
                    504, f"The answer takes longer than {self.limits.seconds:g} seconds. Send fewer samples at a time."
                ) from None
            raise RefusedError(408, f"The body did not arrive within {self.limits.seconds:g} seconds.", CLOSE) from None

    def _check_host(self, headers: dict[bytes, bytes]) -> None:
        if self._token is not None:
            return
        host = headers.get(b"host", b"").decode("latin-1")
        name = host[1 : host.find("]")] if host.startswith("[") else host.partition(":")[0]
        if name not in LOOPBACK:
            raise RefusedError(421, f"The host {host!r:.80} is not served: use http://127.0.0.1.")

    def _check_token(self, headers: dict[bytes, bytes]) -> None:
        if self._token is None:
            return
        kind, _, given = headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() != b"bearer" or not hmac.compare_digest(given.strip(), self._token):
            raise RefusedError(
                401,
                "The token is missing or wrong: send the header Authorization: Bearer TOKEN.",
                {"WWW-Authenticate": "Bearer", **CLOSE},
            )

    def _check_size(self, headers: dict[bytes, bytes]) -> None:
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared[:20]) > self.limits.max_bytes:
            raise too_large(self.limits.max_bytes)
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise RefusedError(415, "Compressed bodies are not read: send it without Content-Encoding.", CLOSE)


class _Body:
    """The messages of a request's body, counted as they arrive. whole: whether all have arrived."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most, self._size, self.whole = receive, most, 0, False

    async def receive(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self.whole = not message.get("more_body", False)
            if self._size > self._most:
                raise too_large(self._most)
        return message


def too_large(most: int) -> RefusedError:
    """The refusal of a body that is larger than `most` bytes; the connection ends, so that no more of it is read."""
    return RefusedError(
        413,
        f"The body is larger than {most:,} bytes, the most that this server takes. Send it in several requests.",
        CLOSE,
    )


async def refuse(send: Send, error: RefusedError) -> None:
    """Send a refusal as an answer."""
    content = to_json({"detail": str(error)})
    headers = {"content-type": "application/json", "content-length": str(len(content)), **error.headers}
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": raw})
    await send({"type": "http.response.body", "body": content})
