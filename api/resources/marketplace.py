"""The marketplace over HTTP: things on sale, and buying them."""

import falcon

from api.replies import cacheable, created, ok, page
from api.requests import Request, actor, parse, parse_if_any, parse_query
from api.schemas.lists import ListQuery
from api.schemas.panel import ItemQuery
from api.schemas.social import Deleted
from services import marketplace, marketplace_purchases
from services.ids import known_id
from services.marketplace import ItemDraft, ItemEdit
from services.marketplace_purchases import PurchaseWish


class Items:
    """Things on sale, and a new one."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ItemQuery)
        cacheable(resp, 2)
        page(resp, marketplace.items_on_sale(wanted.seller_id, wanted.limit, wanted.cursor))

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        item = marketplace.offer_item(actor(req), parse(req, ItemDraft))
        created(resp, item, f"/api/marketplace/items/{item.id}")


class Item:
    """One thing on sale."""

    def on_get(self, _req: Request, resp: falcon.Response, **path: str) -> None:
        ok(resp, marketplace.item(known_id(path["id"], "item")))

    def on_patch(self, req: Request, resp: falcon.Response, **path: str) -> None:
        ok(resp, marketplace.edit_item(actor(req), known_id(path["id"], "item"), parse(req, ItemEdit)))

    def on_delete(self, req: Request, resp: falcon.Response, **path: str) -> None:
        marketplace.withdraw_item(actor(req), known_id(path["id"], "item"))
        ok(resp, Deleted())


class ItemPurchase:
    """Buying a thing."""

    def on_post(self, req: Request, resp: falcon.Response, **path: str) -> None:
        item_id = known_id(path["id"], "item")
        receipt = marketplace_purchases.buy(actor(req), item_id, parse_if_any(req, PurchaseWish))
        created(resp, receipt, "/api/marketplace/purchases")


class Purchases:
    """What I bought."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, marketplace_purchases.purchases_of(actor(req), wanted.limit, wanted.cursor))
