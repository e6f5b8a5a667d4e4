"""A request id on every answer, and one log line and one measurement for every request."""

import functools
from time import perf_counter
from typing import Any

import falcon
import structlog

from api.metrics import REQUESTS, SECONDS
from api.requests import Request, printable
from services.tracing import acceptable_request_id

log = structlog.get_logger("api")
QUIET = ("/health", "/metrics", "/hls/", "/media/")


#: Finding a metric by its labels, which takes a lock, costs as much as counting; there are only so many routes.
_counter = functools.cache(lambda method, route, status: REQUESTS.labels(method, route, str(status)))
_times = functools.cache(lambda route: SECONDS.labels(route))


class Tracing:
    """First in, last out."""

    def process_request(self, req: Request, resp: falcon.Response) -> None:
        req.context.started_at = perf_counter()
        request_id = acceptable_request_id(req.get_header("X-Request-ID"))
        structlog.contextvars.bind_contextvars(request_id=request_id)
        resp.set_header("X-Request-ID", request_id)

    def process_resource(self, req: Request, _resp: falcon.Response, _resource: Any, _params: Any) -> None:
        structlog.contextvars.bind_contextvars(route=req.uri_template)

    def process_response(self, req: Request, resp: falcon.Response, _resource: Any, _succeeded: bool) -> None:
        took_s = perf_counter() - req.context.started_at
        route = req.uri_template or "unknown"
        _counter(req.method if req.method in falcon.HTTP_METHODS else "other", route, resp.status_code).inc()
        _times(route).observe(took_s)
        if not req.path.startswith(QUIET):
            actor = req.context.actor
            log.info(
                "request",
                method=req.method,
                path=printable(req.path)[:200],
                status=resp.status_code,
                ms=round(took_s * 1000, 1),
                user_id=str(actor.user_id) if actor else None,
            )
