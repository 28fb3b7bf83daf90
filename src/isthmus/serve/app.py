"""The application of a server: its endpoints, and what its OpenAPI page says of them."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from isthmus import version
from isthmus.errors import DataError, IsthmusError, UseError
from isthmus.formatting import listed
from isthmus.model.listing import parameter_count
from isthmus.serve.answering import Answering
from isthmus.serve.answers import Result, accepted
from isthmus.serve.batching import Batcher
from isthmus.serve.bodies import JSON, LARGE, Given
from isthmus.serve.described import operation, queried, result_schema, statuses
from isthmus.serve.guard import Guard
from isthmus.serve.limits import Limits
from isthmus.serve.measured import Measured
from isthmus.serve.refusal import RefusedError
from isthmus.trained import TrainedModel
from isthmus.uses.arguments import takes_run
from isthmus.uses.detector import By

LOG = logging.getLogger("isthmus.serve")
USES = {
    "encode": "The code of each sample.",
    "reconstruct": "Each sample, encoded and decoded again.",
    "detect": "The anomaly score of each sample, and whether it is above the threshold.",
    "restore": "Each damaged sample, repaired; missing cells of a table, filled in.",
    "sample": "New samples.",
}
REFUSALS = (400, 401, 406, 408, 409, 413, 415, 421, 422, 503, 504)


def _whole(given: Any) -> Any:
    return int(given) if isinstance(given, float) and given.is_integer() else given


Whole = Annotated[int, BeforeValidator(_whole)]
"""A whole number, which JSON may write as 5.0."""


class Direct(APIRoute):
    """A route whose endpoint gets the request as it is: FastAPI's own reading of parameters takes as long as a row."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint."""
        return self.endpoint


class Draw(BaseModel):
    """What to draw.

    count: how many samples. way: how codes are drawn (see `isthmus.sample`). label: the class of all samples. seed: the
    same one gives the same samples. temperature: of models of text and music, and of diffusion decoders.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    count: Whole = Field(1, ge=1)
    way: Literal["auto", "prior", "gaussian", "mixture", "neighbours"] = "auto"
    label: str | None = None
    seed: Whole = Field(0, ge=0, lt=2**63)
    temperature: float = Field(0.0, ge=0, le=100)


@takes_run
def make_app(
    run: TrainedModel, *, limits: Limits | None = None, token: str | None = None, by: By | Literal["auto"] = "auto"
) -> FastAPI:
    """A FastAPI application that serves a run, for any ASGI server.

        app = make_app(ist.load("runs/table"))        # uvicorn module:app

    limits: of requests. token: that each request must bear; None serves requests to this machine only (by their host).
    by: the score of `detect`, as for `ist.detector`.

    Raises:
        MissingPackageError: FastAPI or the client of Prometheus is not installed.
        DataError: the token is too short or has a character that no header can have.
    """
    limits = limits or Limits()
    check_token(token)
    answering = Answering.of(run, limits, by)
    server = _Server(answering, limits)
    app = FastAPIOffline(  # with the scripts of its page, so that no browser asks other servers for them
        title="Isthmus",
        version=version.VERSION,
        summary=f"A trained model: {'×'.join(map(str, run.model.shape))} numbers to a code of "
        f"{'×'.join(map(str, run.model.code_shape))}.",
        lifespan=server.lifespan,
        redoc_url=None,
    )
    _add_uses(app, server)
    _add_facts(app, server)
    _add_errors(app)
    app.router.routes.sort(
        key=lambda route: not getattr(route, "path", "").startswith("/v1/")
    )  # they are tried in turn
    app.state.answering = answering
    paths = [path for route in app.routes if (path := getattr(route, "path", None))]
    app.add_middleware(Guard, limits=limits, measured=server.measured, token=token, paths=paths)
    return app


def check_token(token: str | None) -> None:
    """Raise DataError unless a token can be sent and isn't guessed at once."""
    if token is not None and (len(token) < 16 or not token.isascii() or not token.isprintable() or " " in token):
        raise DataError(
            "The token is too short or has spaces or special characters: expected 16 or more printable characters. "
            'Make one: python -c "import secrets; print(secrets.token_urlsafe())".'
        )


class _Server:
    """What the endpoints of one application share."""

    def __init__(self, answering: Answering, limits: Limits) -> None:
        self.answering, self.limits, self.ready = answering, limits, False
        self.measured = Measured(lambda: self.batcher.waiting)
        self.batcher = Batcher(limits.batch_rows, self.measured.batch)

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Any) -> AsyncIterator[None]:
        """Prepare while requests already wait; at the end, finish what runs."""
        self.batcher = Batcher(self.limits.batch_rows, self.measured.batch)
        preparing = asyncio.create_task(self._prepare())
        yield
        self.ready = False
        await preparing
        await self.batcher.close()

    async def _prepare(self) -> None:
        try:
            await self.batcher.call(self.answering.prepare)
        except Exception:
            LOG.exception("The server can't be prepared.")
        else:
            self.ready = True

    async def given(self, request: Request, *, whole: bool = False) -> Given:
        """The samples in a request's body."""
        type = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        content = await request.body()
        read = self.answering.bodies.read
        if len(content) > LARGE:
            return await asyncio.to_thread(read, content, type, whole=whole)
        return read(content, type, whole=whole)

    async def used(
        self, request: Request, name: str, use: Callable[[Sequence[Given]], Any], key: Any, *, whole: bool = False
    ) -> Response:
        """The answer to a request for a use. key: equal for requests that can be answered together."""
        given = await self.given(request, whole=whole)
        self.measured.rows(f"/v1/{name}").inc(given.rows)
        form = None if given.form is None else (name, key, given.form)
        result = await self.batcher.ask(form, given.rows, given, use)
        return await self._written(result, request, given.type)

    async def sampled(self, request: Request) -> Response:
        """The answer to a request for new samples."""
        content = await request.body()
        try:
            draw = Draw.model_validate_json(content or b"{}")
        except ValidationError as error:
            raise RefusedError(422, _mistakes(error.errors())) from None
        if draw.count > self.limits.max_rows:
            raise RefusedError(422, f"count={draw.count}: expected at most {self.limits.max_rows:,}.")
        words = draw.model_dump(exclude={"count"})
        result = await self.batcher.call(partial(self.answering.sample, draw.count, **words))
        return await self._written(result, request, JSON)

    async def _written(self, result: Result, request: Request, own: str) -> Response:
        """A result in the type that the client wants. own: that of its body."""
        type = accepted(request.headers.get("accept", ""), result.types, own)
        large = 8 * result.size > LARGE
        content = await asyncio.to_thread(result.written, type) if large else result.written(type)
        return Response(content, media_type=type)

    def info(self) -> dict[str, Any]:
        """Facts about the run."""
        run, bodies = self.answering.run, self.answering.bodies
        columns = None
        if bodies.columns is not None:
            columns = [
                {"name": one.column.name, "kind": one.column.kind}
                | ({"categories": list(one.known)} if one.known else {})
                for one in bodies.columns.fields
            ]
        limits = self.limits
        return {
            "version": version.VERSION,
            "kind": bodies.kind,
            "shape": list(run.model.shape),
            "code_shape": list(run.model.code_shape),
            "weights": parameter_count(run.model),
            "status": run.status,
            "device": str(run.model.device),
            "columns": columns,
            "labels": list(run.description.get("label_names") or ()),
            "bodies": list(bodies.types),
            "restores": self.answering.restores,
            "limits": {
                "bytes": limits.max_bytes,
                "rows": limits.max_rows,
                "requests": limits.max_requests,
                "seconds": limits.seconds,
            },
        }


def _add_uses(app: FastAPI, server: _Server) -> None:
    """The endpoints of the uses."""
    answering = server.answering

    async def encode(request: Request) -> Response:
        label = queried(request, "encode")["label"]
        return await server.used(request, "encode", partial(answering.encode, label=label), label)

    async def reconstruct(request: Request) -> Response:
        label = queried(request, "reconstruct")["label"]
        return await server.used(request, "reconstruct", partial(answering.reconstruct, label=label), label)

    async def detect(request: Request) -> Response:
        explain: Any = queried(request, "detect")["explain"]
        return await server.used(request, "detect", partial(answering.detect, explain=explain), explain)

    async def restore(request: Request) -> Response:
        queried(request, "restore")
        if not answering.restores:
            raise RefusedError(409, "This model was trained without a corruption, so it can't restore anything.")
        return await server.used(request, "restore", answering.restore, None, whole=True)

    async def sample(request: Request) -> Response:
        queried(request, "sample")
        return await server.sampled(request)

    for endpoint in (encode, reconstruct, detect, restore, sample):
        name = endpoint.__name__
        app.router.add_api_route(
            f"/v1/{name}",
            endpoint,
            methods=["POST"],
            route_class_override=Direct,
            summary=USES[name],
            tags=["uses"],
            openapi_extra=operation(answering.bodies, name),
            responses=result_schema(answering.bodies, name) | statuses(*REFUSALS),
            response_class=Response,
            include_in_schema=answering.restores or name != "restore",
        )


def _add_facts(app: FastAPI, server: _Server) -> None:
    """The endpoints of facts about the run and the server."""

    @app.get(
        "/v1/info", tags=["facts"], summary="The model, its columns and the limits.", responses=statuses(401, 421, 503)
    )
    async def info() -> dict[str, Any]:
        return server.info()

    @app.get("/health", tags=["facts"], summary="Whether the process answers.", responses=statuses(421))
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    async def ready() -> dict[str, str]:
        if not server.ready:
            raise RefusedError(503, "The model is not ready yet.", {"Retry-After": "1"})
        return {"status": "ready"}

    app.get("/ready", tags=["facts"], summary="Whether the model is ready.", responses=statuses(421, 503))(ready)

    async def metrics() -> Response:
        return Response(server.measured.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    app.get(
        "/metrics",
        tags=["facts"],
        summary="Metrics for Prometheus.",
        response_class=PlainTextResponse,
        responses=statuses(401, 421, 503),
    )(metrics)


def _add_errors(app: FastAPI) -> None:
    """Each error as one message, {"detail": …}."""

    def answer(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
        return JSONResponse({"detail": message}, status, headers)

    async def refused(_: Any, error: Any) -> Any:
        return answer(error.status, str(error), error.headers)

    async def unfit(_: Any, error: Any) -> Any:
        return answer(409 if isinstance(error, UseError) else 422, str(error))

    async def invalid(_: Any, error: Any) -> Any:
        return answer(422, _mistakes(error.errors()))

    async def failed(request: Any, error: Exception) -> Any:
        return answer(500, "The server made an error, which is in its log. This is a bug.")

    async def other(_: Any, error: Any) -> Any:
        return answer(error.status_code, f"{error.detail}.", error.headers)

    app.add_exception_handler(RefusedError, refused)
    app.add_exception_handler(IsthmusError, unfit)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, other)
    app.add_exception_handler(Exception, failed)


def _mistakes(errors: Sequence[Any]) -> str:
    """The mistakes that pydantic found, in one message."""
    said = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" if one["loc"] else one["msg"] for one in errors]
    return f"{listed(said)}."
