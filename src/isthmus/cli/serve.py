"""The command `serve`: a run behind HTTP, for other programs."""

import signal
import sys
from typing import Annotated

import typer

from isthmus.cli import options
from isthmus.cli.console import say
from isthmus.cli.option_groups import ranged

_LIMITS = "Limits of a request"


def add_to(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(rich_help_panel=options.USE, epilog="Example: `isthmus serve runs/table --port 8000`")(serve)


def serve(
    run: options.Folder,
    *,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen. Any address but this machine's own needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, ranged(ge=0, le=65535, help="The port; 0 takes a free one.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            envvar="ISTHMUS_TOKEN",
            help="Requests must bear this token. Other users of this machine can read it on the command line, so set "
            "the environment variable instead.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        options.Score, typer.Option(metavar="SCORE", help="The anomaly score, as for `isthmus detect`.")
    ] = "auto",
    max_bytes: Annotated[
        int, ranged(ge=1, panel=_LIMITS, help="Bytes of a body; a larger one is refused before it is read.")
    ] = 64 * 2**20,
    max_rows: Annotated[int, ranged(ge=1, panel=_LIMITS, help="Samples in a request.")] = 10_000,
    max_requests: Annotated[int, ranged(ge=1, panel=_LIMITS, help="Requests at once; others are refused.")] = 256,
    seconds: Annotated[float, ranged(kind=float, ge=0.001, panel=_LIMITS, help="Time of a request.")] = 30.0,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Serve a run over HTTP: codes, reconstructions, anomaly scores, new samples and restored ones for other programs.

    The server takes JSON, Arrow streams, NumPy arrays and pictures. Its own page, /docs, lists the endpoints. Requests
    that arrive together go through the model together. SIGTERM and Ctrl-C stop it after the running requests.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from isthmus.serve import Limits
    from isthmus.serve import serve as use

    found = options.open_run(run, device)
    limits = Limits(max_bytes=max_bytes, max_rows=max_rows, max_requests=max_requests, seconds=seconds)

    def begun(address: str) -> None:
        if not quiet:
            say(f"Serving {run} on {address} (its endpoints: {address}/docs). Ctrl-C stops it.")
            sys.stdout.flush()

    use(found, host, port, token=token, limits=limits, by=by, begun=begun)
