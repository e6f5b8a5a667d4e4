"""Subscriptions over HTTP: tiers, mine, a streamer's; beginning and ending one."""

from uuid import UUID

import falcon
import msgspec

from api.replies import cacheable, created, ok, page
from api.requests import Request, actor, parse, parse_query
from api.schemas.lists import ListQuery
from services import entitlements, subscription_views, subscriptions, tiers
from services.ids import known_id
from services.subscription_orders import SubscriptionOrder
from services.subscription_views import SubscriptionStatus
from services.tiers import Tier


class SubscriptionQuery(ListQuery, frozen=True, kw_only=True):
    """Which page of the subscriptions that stand where; of all, if it is not said."""

    status: SubscriptionStatus | None = None


class ContentTier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lowest tier whose subscribers see what a streamer shows to subscribers alone."""

    tier: Tier


class Tiers:
    """What there is to choose from."""

    def on_get(self, _req: Request, resp: falcon.Response) -> None:
        cacheable(resp, 60)
        ok(resp, tiers.tiers_on_sale())


class Subscriptions:
    """A new subscription."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        started = subscriptions.subscribe(actor(req), parse(req, SubscriptionOrder))
        created(resp, started, f"/api/subscriptions/{actor(req).user_id}")


class Subscription:
    """A person's subscriptions; and, by its own id, the end of one."""

    def on_get(self, req: Request, resp: falcon.Response, id: str) -> None:
        wanted, user_id = parse_query(req, SubscriptionQuery), known_id(id, "user")
        found = subscription_views.subscriptions_of(actor(req), user_id, wanted.status, wanted.limit, wanted.cursor)
        page(resp, found)

    def on_delete(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, subscriptions.cancel(actor(req), known_id(id, "subscription")))


class Subscribers:
    """Who subscribes to a streamer."""

    def on_get(self, req: Request, resp: falcon.Response, streamer_id: UUID) -> None:
        wanted, user_id = parse_query(req, SubscriptionQuery), known_id(str(streamer_id), "streamer")
        found = subscription_views.subscribers_of(actor(req), user_id, wanted.status, wanted.limit, wanted.cursor)
        page(resp, found)


class SubscriberContent:
    """From which tier on my subscribers see what is for them."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, ContentTier(entitlements.content_tier_of(actor(req).user_id)))

    def on_put(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, ContentTier(entitlements.set_content_tier(actor(req), parse(req, ContentTier).tier)))
