"""Leave to play over HTTP: for viewers, and for creators of their own."""

import falcon

from api.replies import ok
from api.requests import Request, actor, parse
from services import playback_grants
from services.playback_grants import WantedStream


class ViewerToken:
    """Leave to play a stream."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        resp.set_header("Cache-Control", "no-store")
        ok(resp, playback_grants.viewer_grant(req.context.actor, parse(req, WantedStream)))


class CreatorToken:
    """Leave to play my own stream, or to publish in my room."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        resp.set_header("Cache-Control", "no-store")
        ok(resp, playback_grants.creator_grant(actor(req)))
