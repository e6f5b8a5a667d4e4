"""Discount codes over HTTP: what one gives, which are mine, and the admins' list."""

import falcon

from api.replies import created, ok, page
from api.requests import Request, actor, parse, parse_query
from api.schemas.lists import ListQuery
from services import discount_codes, discounts
from services.discount_codes import DiscountDraft
from services.discounts import CodeCheck


class DiscountCheck:
    """What a code would give."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, discounts.validate(actor(req), parse(req, CodeCheck)))


class MyCodes:
    """Codes that my purchases earned."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, discount_codes.codes_of(actor(req), wanted.limit, wanted.cursor))


class LatestReward:
    """The newest of them."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, discount_codes.latest_reward(actor(req)))


class DiscountCodes:
    """Every code, and a new one."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, discount_codes.all_codes(wanted.limit, wanted.cursor))

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        made = discount_codes.create_code(actor(req), parse(req, DiscountDraft))
        created(resp, made, "/api/admin/discount-codes")
