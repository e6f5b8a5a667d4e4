"""What operators and their tools ask: health, metrics, the document of the API and its page."""

import functools
from typing import Literal

import falcon
import msgspec

from api import metrics
from api.openapi import document
from api.reference import reference_page
from api.replies import JSON, cacheable, ok
from api.requests import Request
from services import health
from services.client_addresses import is_forwarded, is_internal
from services.errors import Forbidden

PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


class NotReady(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal like any other, which also tells of each part."""

    success: Literal[False] = False
    error: str
    code: str = "not_ready"
    data: health.Readiness


class Health:
    """Liveness: the process answers."""

    def on_get(self, _req: Request, resp: falcon.Response) -> None:
        ok(resp, {"status": "ok"})


class Readiness:
    """Readiness: what the process depends on answers as well."""

    def on_get(self, _req: Request, resp: falcon.Response) -> None:
        found = health.readiness()
        if found.ready:
            ok(resp, found)
            return
        resp.status, resp.content_type = 503, JSON
        resp.set_header("Retry-After", "2")
        resp.data = msgspec.json.encode(NotReady(error=_sentence(found), data=found))


class Metrics:
    """What Prometheus reads; answered on internal networks only, and never through the proxy."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        if is_forwarded(req.headers) or not is_internal(req.remote_addr or ""):
            raise Forbidden("Metrics are not public.")
        resp.content_type = "text/plain; version=0.0.4; charset=utf-8"
        resp.data = metrics.exposition()


class OpenApi:
    """The OpenAPI document."""

    def on_get(self, _req: Request, resp: falcon.Response) -> None:
        resp.content_type = "application/json"
        resp.data = _document()
        cacheable(resp, 60)


class Reference:
    """The API reference as a page."""

    def on_get(self, _req: Request, resp: falcon.Response) -> None:
        resp.content_type = "text/html; charset=utf-8"
        resp.set_header("Content-Security-Policy", PAGE_POLICY)
        resp.text = _page()


def _sentence(found: health.Readiness) -> str:
    return f"What does not answer: {', '.join(name for name, part in found.parts.items() if not part.ok)}."


@functools.cache
def _document() -> bytes:
    from api.routes import ROUTES

    return msgspec.json.encode(document(ROUTES))


@functools.cache
def _page() -> str:
    return reference_page(msgspec.json.decode(_document()))
