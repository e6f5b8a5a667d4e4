"""Routes of money: coins, gifts, purchases, and what providers tell us."""

from api.resources import payment, webhooks
from api.route_tables.access import ADMIN, PUBLIC, SIGNATURE, USER
from api.routing import Area, Kind, Route
from api.schemas.lists import GiftQuery, ListQuery, WebhookQuery
from services.checkout import Checkout, PurchaseOrder, PurchaseView
from services.coin_packs import CoinPackView
from services.gifts import GiftOrder, GiftReceipt, GiftView, GivenGift
from services.statements import EntryView
from services.wallets import WalletView
from services.webhook_events import WebhookEventView

money = Area("payment")
webhook = Area("webhook")
admin = Area("admin")

MONEY: tuple[Route, ...] = (
    money.get(
        "/api/payment/coin-packs",
        payment.CoinPacks,
        PUBLIC,
        "Coin packs on sale",
        reply=list[CoinPackView],
        also=("/api/payment/packages",),
    ),
    money.post(
        "/api/payment/create-checkout-session",
        payment.Purchases,
        USER,
        "Start a purchase of a pack; returns the provider's URL",
        body=PurchaseOrder,
        reply=Checkout,
        status=201,
        once=True,
        also=("/api/payment/purchase",),
    ),
    money.get("/api/payment/wallet", payment.Wallet, USER, "My balance", reply=WalletView),
    money.get(
        "/api/payment/transactions",
        payment.Transactions,
        USER,
        "My ledger entries",
        query=ListQuery,
        reply=EntryView,
        paged=True,
    ),
    money.get(
        "/api/payment/gifts",
        payment.Gifts,
        PUBLIC,
        "Gifts on offer; with ?streamerId that streamer's own as well",
        query=GiftQuery,
        reply=list[GiftView],
    ),
    money.post(
        "/api/payment/gift",
        payment.Gifts,
        USER,
        "Send a gift to a creator (coins move; points accrue; chat is told)",
        body=GiftOrder,
        reply=GiftReceipt,
        status=201,
        once=True,
    ),
    money.get(
        "/api/payment/purchases",
        payment.Purchases,
        USER,
        "My purchases",
        query=ListQuery,
        reply=PurchaseView,
        paged=True,
    ),
    money.get(
        "/api/payment/gifts-sent",
        payment.GiftsSent,
        USER,
        "Gifts I sent",
        query=ListQuery,
        reply=GivenGift,
        paged=True,
    ),
    money.get(
        "/api/payment/gifts-received",
        payment.GiftsReceived,
        USER,
        "Gifts I received",
        query=ListQuery,
        reply=GivenGift,
        paged=True,
    ),
    webhook.post(
        "/api/webhook/stripe",
        webhooks.StripeWebhooks,
        SIGNATURE,
        "Stripe events: stored once; answered at once; processed by a worker",
        kind=Kind.RAW,
        unlimited=True,
        also=("/api/payment/webhook",),
    ),
    webhook.post(
        "/api/webhook/dodo",
        webhooks.DodoWebhooks,
        SIGNATURE,
        "Dodo Payments events; likewise",
        kind=Kind.RAW,
        unlimited=True,
    ),
    admin.get(
        "/api/admin/webhook-events",
        webhooks.WebhookEvents,
        ADMIN,
        "Webhook events by state",
        query=WebhookQuery,
        reply=WebhookEventView,
        paged=True,
    ),
    admin.post(
        "/api/admin/webhook-events/{id}/replay",
        webhooks.WebhookReplay,
        ADMIN,
        "Process a failed event again",
        status=202,
    ),
)
