"""Webhooks over HTTP: stored and answered at once; and the operators' view of them."""

import falcon

from api.replies import accepted, ok, page
from api.requests import Request, parse_query, raw_body
from api.schemas.lists import WebhookQuery
from services import webhook_events, webhooks
from services.ids import known_id


class StripeWebhooks:
    """Events signed by Stripe."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        headers = {name.lower(): value for name, value in req.headers.items()}
        webhooks.receive("stripe", raw_body(req), headers)
        ok(resp, {"received": True})


class DodoWebhooks:
    """Events signed by Dodo Payments."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        headers = {name.lower(): value for name, value in req.headers.items()}
        webhooks.receive("dodo", raw_body(req), headers)
        ok(resp, {"received": True})


class WebhookEvents:
    """Stored events by state."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, WebhookQuery)
        page(resp, webhook_events.webhook_events(wanted.state, wanted.limit, wanted.cursor))


class WebhookReplay:
    """Trying a parked event again."""

    def on_post(self, _req: Request, resp: falcon.Response, id: str) -> None:
        event_id = known_id(id, "webhook event")
        webhook_events.replay(event_id)
        accepted(resp, {"id": event_id}, "The event will be processed again; its state shows how it went.")
