"""`Idempotency-Key`: the same request again gets the same answer, and is done once."""

import hashlib
from typing import Any

import falcon

from api.requests import Request, raw_body
from services import idempotency
from services.errors import Invalid

HEADER = "Idempotency-Key"
LONGEST_KEY = 255
KEPT_HEADERS = ("content-type", "location")


class Idempotency:
    """Stands around the routes that the table marks `once`."""

    def process_resource(self, req: Request, resp: falcon.Response, _resource: Any, _params: Any) -> None:
        key, actor, route = req.get_header(HEADER), req.context.actor, req.context.route
        if key is None or actor is None or route is None or not route.once:
            return
        if not 1 <= len(key) <= LONGEST_KEY:
            raise Invalid.field(HEADER, f"must be 1 to {LONGEST_KEY} characters long")
        fingerprint = hashlib.sha256(b"\n".join((req.method.encode(), req.path.encode(), raw_body(req)))).digest()
        answer = idempotency.claim(actor.user_id, key, fingerprint)
        if answer is None:
            req.context.once_key = key
            return
        resp.status, resp.data = answer.status, answer.body
        for name, value in answer.headers.items():
            resp.set_header(name, value)
        resp.set_header("Idempotent-Replayed", "true")
        resp.complete = True

    def process_response(self, req: Request, resp: falcon.Response, _resource: Any, _succeeded: bool) -> None:
        key, actor = req.context.once_key, req.context.actor
        if key is None or actor is None:
            return
        if resp.status_code >= 500 or resp.status_code == 429:
            idempotency.release(actor.user_id, key)
            return
        kept = {name: value for name in KEPT_HEADERS if (value := resp.get_header(name))}
        idempotency.keep(actor.user_id, key, idempotency.Answer(resp.status_code, kept, resp.data or b""))
