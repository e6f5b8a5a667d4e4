"""Routes of the marketplace."""

from api.resources import marketplace as resources
from api.route_tables.access import OWNER, PUBLIC, STREAMER, USER
from api.routing import Area, Route
from api.schemas.lists import ListQuery
from api.schemas.panel import ItemQuery
from services.marketplace import ItemDraft, ItemEdit, ItemView
from services.marketplace_purchases import PurchaseReceipt, PurchaseView, PurchaseWish

market = Area("marketplace")

MARKETPLACE: tuple[Route, ...] = (
    market.get(
        "/api/marketplace/items",
        resources.Items,
        PUBLIC,
        "Items on sale; with ?sellerId that streamer's",
        query=ItemQuery,
        reply=ItemView,
        paged=True,
    ),
    market.post(
        "/api/marketplace/items",
        resources.Items,
        STREAMER,
        "Offer an item (price in coins; stock)",
        body=ItemDraft,
        reply=ItemView,
        status=201,
    ),
    market.get("/api/marketplace/items/{id}", resources.Item, PUBLIC, "One item", reply=ItemView),
    market.patch("/api/marketplace/items/{id}", resources.Item, OWNER, "Edit an item", body=ItemEdit, reply=ItemView),
    market.delete("/api/marketplace/items/{id}", resources.Item, OWNER, "Withdraw an item"),
    market.post(
        "/api/marketplace/items/{id}/purchase",
        resources.ItemPurchase,
        USER,
        "Buy with coins; never oversold",
        body=PurchaseWish,
        reply=PurchaseReceipt,
        status=201,
        once=True,
    ),
    market.get(
        "/api/marketplace/purchases",
        resources.Purchases,
        USER,
        "What I bought",
        query=ListQuery,
        reply=PurchaseView,
        paged=True,
    ),
)
