"""A creator's channel over HTTP: becoming one, and the stream key."""

import falcon

from api.replies import ok
from api.requests import Request, actor, parse
from services import channels, creators


class BecomeCreator:
    """Applying to be a creator."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, creators.become_creator(actor(req), parse(req, creators.Application)))


class StreamKey:
    """My stream key."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, channels.stream_key(actor(req)))

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, channels.rotate_stream_key(actor(req)), "The old key no longer works.")
