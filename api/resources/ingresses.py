"""A streamer's way in over HTTP."""

import falcon

from api.replies import created, ok
from api.requests import Request, actor, parse
from services import ingresses
from services.ingresses import IngressDraft


class Ingress:
    """My ingress."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        created(resp, ingresses.create_ingress(actor(req), parse(req, IngressDraft)), "/api/stream/credentials")

    def on_delete(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, ingresses.delete_ingress(actor(req)), "The key no longer works, and whoever published was cut.")
