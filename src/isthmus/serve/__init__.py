"""Serving a run over HTTP: `serving` for a block of Python, `make_app` for an ASGI server, `isthmus serve` for a shell.

Raises:
    MissingPackageError: FastAPI, fastapi-offline, uvicorn or the client of Prometheus is not installed; raised by the
        import.
"""

from isthmus.extras import needs

for _module in ("fastapi", "fastapi_offline", "uvicorn", "prometheus_client"):
    needs(_module, "serve", "Serving a run", package=_module.replace("_", "-"))

from isthmus.serve.app import make_app  # noqa: E402
from isthmus.serve.limits import Limits  # noqa: E402
from isthmus.serve.server import serve, serving  # noqa: E402

__all__ = ["Limits", "make_app", "serve", "serving"]
