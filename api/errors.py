"""Refusals on their way out: each kind of error, once, to a status and the envelope."""

from math import ceil
from typing import Any

import falcon
import msgspec
import peewee
import redis
import structlog
from gunicorn.http.errors import ParseException
from playhouse.pool import MaxConnectionsExceeded

from api.replies import JSON
from api.requests import App, Request
from db.full_disk import is_disk_full
from services import errors

log = structlog.get_logger(__name__)

STATUSES: dict[type[errors.ServiceError], int] = {
    errors.Invalid: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.WrongType: 415,
    errors.RateLimited: 429,
    errors.Unavailable: 503,
    errors.NoRoom: 507,
}
CODES = {404: "not_found", 405: "method_not_allowed", 400: "malformed", 413: "too_large", 415: "unsupported_media_type"}
AWAY_RETRY_S = 2


class Failure(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A refusal on the wire."""

    success: bool
    error: str
    code: str
    details: list[errors.FieldError] = []
    until: Any = None


def add_error_handlers(app: App) -> None:
    """Answer every exception in the envelope."""
    app.add_error_handler(Exception, _unexpected)
    app.add_error_handler(falcon.HTTPError, _http_error)
    app.add_error_handler(errors.ServiceError, _service_error)
    app.add_error_handler(ParseException, _broken_body)
    away: tuple[type[Exception], ...] = (
        peewee.OperationalError,
        peewee.InterfaceError,
        MaxConnectionsExceeded,
        redis.ConnectionError,
    )
    for kind in (*away, redis.TimeoutError):
        app.add_error_handler(kind, _away)


def _service_error(_req: Request, resp: falcon.Response, error: errors.ServiceError, _params: Any) -> None:
    status = next(code for kind, code in STATUSES.items() if isinstance(error, kind))
    if isinstance(error, errors.RateLimited | errors.Unavailable):
        resp.set_header("Retry-After", str(max(1, ceil(error.retry_after_s))))
    if status == 401:
        resp.set_header("WWW-Authenticate", "Bearer")
    details = error.details if isinstance(error, errors.Invalid) else []
    _send(resp, status, error.message, error.code, details, getattr(error, "until", None))


def _http_error(req: Request, resp: falcon.Response, error: falcon.HTTPError, _params: Any) -> None:
    for name, value in dict(error.headers or {}).items():
        resp.set_header(name, value)
    status = error.status_code
    plain = {404: "There is nothing at this address.", 405: f"This address does not take {req.method}."}
    sentence = error.description or plain.get(status, error.title or "Refused.")
    _send(resp, status, sentence, CODES.get(status, "refused"))


def _broken_body(_req: Request, resp: falcon.Response, error: Exception, _params: Any) -> None:
    """A body in chunks that are none: where it ends nobody knows, and the server closes the connection."""
    log.info("broken_body", error=str(error)[:200])
    _send(resp, 400, "The body is not in the chunks that its head promises.", "malformed")


def _away(_req: Request, resp: falcon.Response, error: Exception, _params: Any) -> None:
    resp.set_header("Retry-After", str(AWAY_RETRY_S))
    if is_disk_full(error):
        log.error("database_disk_full", error=str(error).strip())
        _send(resp, 503, "There is no room to keep this at the moment; what is there can be read.", "storage_full")
        return
    log.warning("store_away", error=str(error).strip(), kind=type(error).__name__)
    _send(resp, 503, "A part of the service is away for the moment.", "unavailable")


def _unexpected(_req: Request, resp: falcon.Response, error: Exception, _params: Any) -> None:
    log.error("request_failed", exc_info=error)
    _send(resp, 500, "Something went wrong on our side.", "internal_error")


def _send(
    resp: falcon.Response,
    status: int,
    sentence: str,
    code: str,
    details: list[errors.FieldError] | None = None,
    until: Any = None,
) -> None:
    resp.status = status
    resp.content_type = JSON
    resp.text = None
    resp.stream = None
    failure = Failure(success=False, error=sentence, code=code, details=details or [], until=until)
    resp.data = msgspec.json.encode(failure)
