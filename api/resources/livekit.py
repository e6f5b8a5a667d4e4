"""LiveKit's webhooks over HTTP: stored and answered at once."""

import falcon

from api.replies import ok
from api.requests import Request, raw_body
from services import livekit_webhooks


class LiveKitWebhooks:
    """Events signed by LiveKit."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        livekit_webhooks.receive(raw_body(req), req.get_header("Authorization") or "")
        ok(resp, {"received": True})
