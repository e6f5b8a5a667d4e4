"""Presence over HTTP, for players without a socket."""

import falcon

from api.replies import ok
from api.requests import Request, address, parse
from services import heartbeats
from services.heartbeats import Heartbeat
from services.ids import known_id


class StreamPresence:
    """That somebody still watches."""

    def on_post(self, req: Request, resp: falcon.Response, id: str) -> None:
        heartbeat = parse(req, Heartbeat) if req.content_length else Heartbeat()
        ok(resp, heartbeats.beat(req.context.actor, known_id(id, "stream"), heartbeat, address(req)))
