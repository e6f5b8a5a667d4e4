"""The one envelope in which every answer goes out."""

import hashlib
from typing import Any, Literal

import falcon
import msgspec

from services.pages import Page

JSON = "application/json"


class Meta(msgspec.Struct, frozen=True, rename="camel"):
    """What is said about a list."""

    next_cursor: str | None


class Success(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A success: the data, and at times a sentence or the way to the next page."""

    success: Literal[True]
    data: Any
    message: str = ""
    meta: Meta | None = None


_encoder = msgspec.json.Encoder()


def ok(resp: falcon.Response, data: Any, message: str = "") -> None:
    """200 with data."""
    _send(resp, 200, data, message=message)


def created(resp: falcon.Response, data: Any, location: str, message: str = "") -> None:
    """201 with data, and where the new thing is."""
    resp.set_header("Location", location)
    _send(resp, 201, data, message=message)


def accepted(resp: falcon.Response, data: Any, message: str = "") -> None:
    """202 for queued work; `data` says how to follow it."""
    _send(resp, 202, data, message=message)


def page(resp: falcon.Response, found: Page[Any]) -> None:
    """200 with one page of a list."""
    _send(resp, 200, found.items, meta=Meta(found.next_cursor))


def page_body(found: Page[Any]) -> bytes:
    """The body that `page` would send."""
    return _body(found.items, meta=Meta(found.next_cursor))


def ready(resp: falcon.Response, body: bytes, tag: str) -> None:
    """200 with a body that was made before, and its entity tag."""
    resp.set_header("ETag", tag)
    resp.content_type = JSON
    resp.data = body


def cacheable(resp: falcon.Response, seconds: int) -> None:
    """Let anybody keep a public answer for a moment."""
    resp.set_header("Cache-Control", f"public, max-age={seconds}")


def etag(body: bytes) -> str:
    """A validator for a body (RFC 9110, section 8.8.3)."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def knows(if_none_match: str | None, tag: str) -> bool:
    """Whether a caller's `If-None-Match` names this tag, compared weakly (RFC 9110, sections 8.8.3.2 and 13.1.2)."""
    candidates = (candidate.strip().removeprefix("W/") for candidate in (if_none_match or "").split(","))
    return any(candidate in (tag, "*") for candidate in candidates)


def _send(resp: falcon.Response, status: int, data: Any, *, message: str = "", meta: Meta | None = None) -> None:
    resp.status = status
    resp.content_type = JSON
    resp.data = _body(data, message=message, meta=meta)


def _body(data: Any, *, message: str = "", meta: Meta | None = None) -> bytes:
    return _encoder.encode(Success(data=data, success=True, message=message, meta=meta))
