"""The part of Stripe's API that AstroTV calls, answered from the payment sandbox's books."""

import hashlib
import hmac
import re
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from services import sandbox_objects, sandbox_sessions
from services.bus import bus
from services.errors import Conflict, Invalid, NotFound, ServiceError
from services.gateways.payments.loopback import Answer, Call
from services.sandbox_objects import Json
from settings import Settings

SESSIONS = "/v1/checkout/sessions"
_STATUS: dict[type[ServiceError], int] = {NotFound: 404, Invalid: 400, Conflict: 409}


def secret_key(settings: Settings) -> str:
    """The key by which the sandbox knows its only customer; differs with each installation."""
    digest = hmac.new(settings.jwt_secret.encode(), b"payment sandbox", hashlib.sha256).hexdigest()
    return f"sk_test_{digest[:40]}"


def handle(call: Call) -> Answer:
    """Answer one call as Stripe would (https://docs.stripe.com/api)."""
    expected = f"Bearer {secret_key(bus.settings)}"
    if not hmac.compare_digest(call.headers.get("authorization", "").encode(), expected.encode()):
        return _answer(401, sandbox_objects.error("invalid_request_error", "Invalid API Key provided."))
    try:
        return _answer(200, _dispatch(call))
    except sandbox_sessions.KeyReused as refusal:
        return _answer(400, sandbox_objects.error("idempotency_error", refusal.message))
    except ServiceError as refusal:
        status = _STATUS.get(type(refusal), 500)
        return _answer(status, sandbox_objects.error("invalid_request_error", refusal.message))


def nested(body: str) -> Json:
    """Stripe's form encoding as objects and lists: `a[b][0][c]=1` is `{"a": {"b": [{"c": "1"}]}}`."""
    root: Json = {}
    for name, value in parse_qsl(body, keep_blank_values=True):
        at = root
        *path, last = re.findall(r"[^\[\]]+", name)
        for step in path:
            at = at.setdefault(step, {})
        at[last] = value
    return {name: _listed(value) for name, value in root.items()}


def _dispatch(call: Call) -> Json:
    path = call.path.partition("?")[0].rstrip("/")
    if call.method == "POST" and path == SESSIONS:
        request = nested(call.body.decode())
        book = sandbox_sessions.open_session(request, call.headers.get("idempotency-key"))
        return sandbox_objects.checkout_session(book)
    if call.method == "GET" and path.startswith(f"{SESSIONS}/"):
        return sandbox_objects.checkout_session(sandbox_sessions.session(path.removeprefix(f"{SESSIONS}/")))
    raise NotFound(f"The payment sandbox does not know {call.method} {path}.")


def _listed(value: Any) -> Any:
    """Objects whose names are 0, 1, 2 … are lists."""
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(item) for name, item in value.items()}
    return list(inner.values()) if all(name.isdigit() for name in inner) else inner


def _answer(status: int, content: Json) -> Answer:
    return Answer(status, msgspec.json.encode(content))
