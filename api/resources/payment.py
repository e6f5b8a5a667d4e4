"""Coins over HTTP: packs, purchases, the wallet, and gifts."""

import falcon

from api.replies import cacheable, created, ok, page
from api.requests import Request, actor, parse, parse_query
from api.schemas.lists import GiftQuery, ListQuery
from services import checkout, coin_packs, gifts, statements, wallets
from services.checkout import PurchaseOrder
from services.gifts import GiftOrder


class CoinPacks:
    """Packs on sale."""

    def on_get(self, _req: Request, resp: falcon.Response) -> None:
        cacheable(resp, 60)
        ok(resp, coin_packs.packs_on_sale())


class Purchases:
    """My purchases, and a new one."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, checkout.purchases_of(actor(req), wanted.limit, wanted.cursor))

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        started = checkout.start_purchase(actor(req), parse(req, PurchaseOrder))
        created(resp, started, "/api/payment/purchases")


class Wallet:
    """My balance."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, wallets.wallet_of(actor(req).user_id))


class Transactions:
    """What moved on my accounts."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, statements.entries_of(actor(req), wanted.limit, wanted.cursor))


class Gifts:
    """Gifts on offer, and giving one."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        cacheable(resp, 10)
        ok(resp, gifts.gifts_on_offer(parse_query(req, GiftQuery).streamer_id))

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        created(resp, gifts.give(actor(req), parse(req, GiftOrder)), "/api/payment/gifts-sent")


class GiftsSent:
    """Gifts that I gave."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, gifts.gifts_sent(actor(req), wanted.limit, wanted.cursor))


class GiftsReceived:
    """Gifts that I received."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, gifts.gifts_received(actor(req), wanted.limit, wanted.cursor))
