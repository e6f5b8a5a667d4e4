"""A streamer's panel over HTTP: own gifts, loyalty levels, analytics."""

import falcon

from api.replies import created, ok
from api.requests import Request, actor, parse, parse_query
from api.schemas.panel import AnalyticsQuery
from api.schemas.social import Deleted
from services import analytics, custom_gifts, loyalty_levels
from services.custom_gifts import GiftDraft
from services.ids import known_id
from services.loyalty_levels import Ladder


class CustomGifts:
    """My own gifts, and a new one."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, custom_gifts.custom_gifts(actor(req)))

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        gift = custom_gifts.create_gift(actor(req), parse(req, GiftDraft))
        created(resp, gift, f"/api/panel/gifts/{gift.id}")


class CustomGift:
    """One gift of mine."""

    def on_put(self, req: Request, resp: falcon.Response, **path: str) -> None:
        ok(resp, custom_gifts.replace_gift(actor(req), known_id(path["id"], "gift"), parse(req, GiftDraft)))

    def on_delete(self, req: Request, resp: falcon.Response, **path: str) -> None:
        custom_gifts.delete_gift(actor(req), known_id(path["id"], "gift"))
        ok(resp, Deleted())


class LoyaltyLevels:
    """My loyalty levels, all at once."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, loyalty_levels.levels_of(actor(req).user_id))

    def on_put(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, loyalty_levels.replace_levels(actor(req), parse(req, Ladder)))


class Analytics:
    """What happened on my channel over a range."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, analytics.analytics_of(actor(req), parse_query(req, AnalyticsQuery).range()))
