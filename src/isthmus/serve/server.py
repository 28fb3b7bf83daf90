"""Running a server: in this process until it is stopped, or in a thread for a block of Python."""

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any, Literal

import uvicorn

from isthmus.errors import DataError, IsthmusError
from isthmus.serve.app import make_app
from isthmus.serve.limits import Limits
from isthmus.trained import TrainedModel
from isthmus.uses.detector import By

HOST, PORT = "127.0.0.1", 8000
SWITCH_SECONDS = 0.0005
START_SECONDS = 60.0
BACKLOG = 1024
"""Connections that may wait to be taken."""


def serve(
    run: TrainedModel,
    host: str = HOST,
    port: int = PORT,
    *,
    token: str | None = None,
    limits: Limits | None = None,
    by: By | Literal["auto"] = "auto",
    begun: Callable[[str], object] = lambda address: None,
) -> None:
    """Serve a run until SIGTERM or Ctrl-C; what is running then is finished.

    host, port: where; port 0 takes any that is free. token: needed for any host but this machine. begun: called with
    the server's address when it takes requests. limits, by: as for `make_app`.

    Raises:
        DataError: another host is given, and no token. IsthmusError: the port is taken.
    """
    server, place = _server(run, host, port, token, limits or Limits(), by)
    begun(_address(host, place))
    with _taking_turns():
        server.run(sockets=[place])


@contextlib.contextmanager
def serving(
    run: TrainedModel,
    *,
    port: int = 0,
    token: str | None = None,
    limits: Limits | None = None,
    by: By | Literal["auto"] = "auto",
) -> Iterator[str]:
    """Serve a run on this machine during a block, which gets the address, such as http://127.0.0.1:53412.

        with serving(run) as address:
            ...

    The arguments and errors are those of `serve`.
    """
    server, place = _server(run, HOST, port, token, limits or Limits(), by)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place]}, name="isthmus-server", daemon=True)
    thread.start()
    try:
        _wait(lambda: server.started or not thread.is_alive())
        if not server.started:
            raise IsthmusError("The server did not start. Its log says why.")
        yield _address(HOST, place)
    finally:
        server.should_exit = True
        thread.join()


@contextlib.contextmanager
def _taking_turns() -> Iterator[None]:
    """Within the block, Python's threads take turns more often.

    Otherwise the thread of the connections waits 5 ms for the model's thread after every answer that it sends, and the
    32nd answer of a batch comes 160 ms after the first.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _server(
    run: Any, host: str, port: int, token: str | None, limits: Limits, by: Any
) -> tuple[uvicorn.Server, socket.socket]:
    """A server that isn't running yet, and the socket that it listens on."""
    if token is None and not _is_loopback(host):
        raise DataError(
            f"host={host!r} lets other machines reach the server: expected a token that each request must bear. Give "
            "token=, or serve on 127.0.0.1."
        )
    app = make_app(run, limits=limits, token=token, by=by)
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(limits.seconds) + 5,
        limit_concurrency=4 * limits.max_requests,
        backlog=BACKLOG,
        ws="none",
        proxy_headers=False,
    )
    return uvicorn.Server(config), _listening(host, port)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    place = socket.socket(family, socket.SOCK_STREAM)
    try:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind((host, port))
        place.listen(BACKLOG)  # so that requests wait while the server starts
    except OSError as error:
        place.close()
        raise IsthmusError(
            f"Can't serve on {host}, port {port}: {error.strerror or error}. Choose another port, or 0 for a free one."
        ) from error
    return place


def _address(host: str, place: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{place.getsockname()[1]}"


def _wait(until: Callable[[], bool], seconds: float = START_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        time.sleep(0.005)
