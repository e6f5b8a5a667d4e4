"""Payouts over HTTP: asked for by streamers, decided by administrators."""

import falcon

from api.replies import created, ok, page
from api.requests import Request, actor, parse, parse_query
from api.schemas.lists import ListQuery
from api.schemas.panel import PayoutQuery
from services import payouts
from services.ids import known_id
from services.payouts import PayoutWish, Settlement


class Payouts:
    """My payouts, and asking for one."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, payouts.payouts_of(actor(req), wanted.limit, wanted.cursor))

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        created(resp, payouts.ask_for_payout(actor(req), parse(req, PayoutWish)), "/api/payment/payouts")


class AllPayouts:
    """Everybody's payouts."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, PayoutQuery)
        page(resp, payouts.payouts_in(wanted.status, wanted.limit, wanted.cursor))


class Payout:
    """One payout, to be paid and decided."""

    def on_get(self, req: Request, resp: falcon.Response, **path: str) -> None:
        ok(resp, payouts.payout_to_pay(actor(req), known_id(path["id"], "payout")))

    def on_patch(self, req: Request, resp: falcon.Response, **path: str) -> None:
        ok(resp, payouts.decide(actor(req), known_id(path["id"], "payout"), parse(req, Settlement)))
