"""A creator's channel over HTTP: the stream key."""

import falcon

from api.replies import ok
from api.requests import Request, actor
from services import channels


class StreamKey:
    """My stream key."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, channels.stream_key(actor(req)))

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, channels.rotate_stream_key(actor(req)), "The old key no longer works.")
