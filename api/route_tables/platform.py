"""Routes by which administrators run the platform's money, and see how the platform does."""

from api.resources import payouts, platform
from api.route_tables.access import ADMIN, STREAMER
from api.routing import Area, Route
from api.schemas.lists import ListQuery
from api.schemas.panel import PayoutQuery
from services.coin_packs import AdminPackView, PackDraft, PackEdit
from services.payouts import PayoutToPay, PayoutView, PayoutWish, Settlement
from services.platform_metrics import PlatformMetrics

money = Area("payment")
admin = Area("admin")

PLATFORM: tuple[Route, ...] = (
    money.post(
        "/api/payment/payouts",
        payouts.Payouts,
        STREAMER,
        "Ask for a payout of my earnings",
        body=PayoutWish,
        reply=PayoutView,
        status=201,
        once=True,
    ),
    money.get(
        "/api/payment/payouts",
        payouts.Payouts,
        STREAMER,
        "My payouts",
        query=ListQuery,
        reply=PayoutView,
        paged=True,
    ),
    admin.get(
        "/api/admin/payouts",
        payouts.AllPayouts,
        ADMIN,
        "Payouts by state; the pending ones wait to be decided",
        query=PayoutQuery,
        reply=PayoutView,
        paged=True,
    ),
    admin.get(
        "/api/admin/payouts/{id}",
        payouts.Payout,
        ADMIN,
        "One payout with the bank details to pay to",
        reply=PayoutToPay,
    ),
    admin.patch(
        "/api/admin/payouts/{id}",
        payouts.Payout,
        ADMIN,
        "Settle or refuse a payout",
        body=Settlement,
        reply=PayoutView,
    ),
    admin.post(
        "/api/admin/coin-packs",
        platform.CoinPacks,
        ADMIN,
        "Create a coin pack",
        body=PackDraft,
        reply=AdminPackView,
        status=201,
    ),
    admin.patch(
        "/api/admin/coin-packs/{id}",
        platform.CoinPack,
        ADMIN,
        "Edit a coin pack",
        body=PackEdit,
        reply=AdminPackView,
    ),
    admin.get(
        "/api/admin/metrics",
        platform.Metrics,
        ADMIN,
        "Platform KPIs: concurrent viewers; latency; ingest uptime; subscription conversion",
        reply=PlatformMetrics,
    ),
)
