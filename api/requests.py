"""What resources read from a request: its body, its query, who asks; every error names the field."""

import functools
import re
from typing import Any, TypeVar
from uuid import UUID

import falcon
import msgspec

from api.complaints import complaint, out_of_range
from services.actors import Actor
from services.bus import bus
from services.client_addresses import client_address
from services.errors import FieldError, Invalid, TooLarge, WrongType
from services.sessions import Device
from services.throttle import Counting
from services.unseen import shows_something
from services.users import Me

JSON = "application/json"
JSON_LIMIT = 1 << 20
T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_VERBATIM = frozenset({"password", "currentPassword", "newPassword"})


class Context:
    """What the middleware has found out about a request."""

    def __init__(self) -> None:
        self.actor: Actor | None = None
        self.me: Me | None = None
        self.route: Any = None
        self.body: bytes | None = None
        self.started_at = 0.0
        self.counting: Counting | None = None
        self.caller = ("", "")
        self.claims: Any = None
        self.claim_error: Exception | None = None
        self.once_key: str | None = None


class Request(falcon.Request):
    """A request with our context."""

    context_type = Context
    context: Context  # type: ignore[assignment]  # Falcon allows it, its annotation does not


App = falcon.App[Request, falcon.Response]


def actor(req: Request) -> Actor:
    """The signed-in caller; the route's access guarantees that there is one."""
    assert req.context.actor is not None
    return req.context.actor


def device(req: Request) -> Device:
    """From where the caller calls."""
    return Device(user_agent=printable(req.user_agent or ""), ip=address(req))


def address(req: Request) -> str:
    """The caller's address, as far as the configured proxies can be trusted to say it."""
    forwarded = req.get_header("X-Forwarded-For") or ""
    return client_address(req.remote_addr or "", forwarded, bus.settings.trusted_proxies)


def raw_body(req: Request, limit: int = JSON_LIMIT) -> bytes:
    """The body's bytes, read once; raises TooLarge past `limit` bytes."""
    if req.context.body is None:
        if (req.content_length or 0) > limit:
            raise TooLarge(f"The body is larger than {limit} bytes.")
        chunked = "chunked" in (req.get_header("Transfer-Encoding") or "").lower()
        stream = req.stream if chunked else req.bounded_stream
        req.context.body = stream.read(limit + 1)
        if len(req.context.body) > limit:
            raise TooLarge(f"The body is larger than {limit} bytes.")
    return req.context.body


def parse(req: Request, shape: type[T]) -> T:
    """The JSON body as `shape`; raises Invalid naming every wrong field, WrongType or TooLarge.

    No body at all reads as an empty object: whoever has nothing to say need not say it in JSON.
    """
    if not req.content_type and not raw_body(req):
        return shaped({}, shape)
    if (req.content_type or "").partition(";")[0].strip().lower() != JSON:
        raise WrongType("The body must be application/json.")
    try:
        content = msgspec.json.decode(raw_body(req))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("The body is not JSON.", "malformed_json") from error
    return shaped(content, shape)


def parse_if_any(req: Request, shape: type[S]) -> S:
    """The same where a body may be left out: then everything is."""
    return parse(req, shape) if raw_body(req) else shape()


def shaped(content: Any, shape: type[T], *, strict: bool = True) -> T:
    """Decoded content as `shape`, its strings cleaned; raises Invalid naming every wrong field."""
    cleaned = _clean(content, "")
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        if not isinstance(cleaned, dict):
            raise Invalid("The body must be a JSON object.", "malformed_json")
        details = _complaints(cleaned, shape, strict)
        if details:
            raise Invalid(_sentence(details), details=details)
    try:
        return msgspec.convert(cleaned, shape, strict=strict)
    except msgspec.ValidationError as error:
        raise Invalid("The input is not valid.", details=[complaint(error, "")]) from error


def parse_query(req: Request, shape: type[S]) -> S:
    """The query string as `shape`; raises Invalid naming every wrong parameter."""
    fields = _typed_fields(shape)
    given = {name: value for name, value in req.params.items() if name in fields}
    flat = {name: value[-1] if isinstance(value, list) else value for name, value in given.items()}
    return shaped(flat, shape, strict=False)


def id_of(value: Any) -> UUID:
    """A path's id, already converted by the router."""
    return UUID(str(value))


def is_printable(text: str) -> bool:
    """Whether a text holds no control characters but those that break lines."""
    return not _UNPRINTABLE.search(text)


def printable(text: str) -> str:
    """The text without what could forge a line of a log."""
    return _UNPRINTABLE.sub("", text).replace("\n", " ").replace("\r", " ")


def _clean(value: Any, name: str) -> Any:
    if isinstance(value, str):
        if _UNPRINTABLE.search(value):
            raise Invalid.field(name or "body", "must not hold control characters")
        return value if name in _VERBATIM else _trimmed(value)
    if isinstance(value, dict):
        return {key: _clean(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, name) for item in value]
    return value


def _trimmed(text: str) -> str:
    """The text without white space at its ends; nothing at all where there is nothing to be seen."""
    stripped = text.strip()
    return stripped if shows_something(stripped) else ""


def _complaints(content: dict[str, Any], shape: type[msgspec.Struct], strict: bool) -> list[FieldError]:
    fields = _typed_fields(shape)
    found = []
    if shape.__struct_config__.forbid_unknown_fields:
        found = [FieldError(name, "is not a known field") for name in content if name not in fields]
    for name, field in fields.items():
        if name not in content:
            if field.required:
                found.append(FieldError(name, "is required"))
            continue
        try:
            if reason := out_of_range(msgspec.convert(content[name], field.type, strict=strict)):
                found.append(FieldError(name, reason))
        except msgspec.ValidationError as error:
            found.append(complaint(error, name))
    return found


@functools.cache
def _typed_fields(shape: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """A shape's fields by their name on the wire."""
    return {field.encode_name: field for field in msgspec.structs.fields(shape)}


def _sentence(details: list[FieldError]) -> str:
    return "; ".join(f"{detail.field} {detail.message}" for detail in details[:3]) + "."
