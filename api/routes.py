"""The whole URL space, area by area: who may call what, and the other addresses that mean the same."""

from collections.abc import Callable
from typing import Any

from api.requests import App
from api.resources import (
    accounts,
    catalogue,
    channels,
    chat,
    media_files,
    messages,
    ops,
    payment,
    payment_sandbox,
    people,
    streams,
    webhooks,
)
from api.routing import Access, Area, Kind, Route
from api.schemas.accounts import Login, Refresh, Register, SessionAndUser
from api.schemas.lists import GiftQuery, ListQuery, LiveQuery, WebhookQuery
from api.schemas.messages import NewMessage
from services.accounts import SignedIn
from services.categories import CategoryView, TagView
from services.channels import StreamKey
from services.checkout import Checkout, PurchaseOrder, PurchaseView
from services.coin_packs import CoinPackView
from services.creators import Application, Applied
from services.follows import FollowState
from services.gifts import GiftOrder, GiftReceipt, GiftView, GivenGift
from services.health import Readiness
from services.messages import Message
from services.rooms import ChatSettings, ChatSettingsPatch
from services.sessions import Session, SessionView
from services.statements import EntryView
from services.stream_metadata import StreamDraft, StreamPatch
from services.stream_status import StreamStatus
from services.streams import StreamView
from services.users import Me, UserView
from services.wallets import WalletView
from services.webhook_events import WebhookEventView
from settings import Settings

PUBLIC, OPTIONAL, USER, STREAMER = Access.PUBLIC, Access.OPTIONAL, Access.USER, Access.STREAMER
MODERATOR, ADMIN, OWNER, SELF = Access.MODERATOR, Access.ADMIN, Access.OWNER, Access.SELF
SIGNATURE, INTERNAL = Access.SIGNATURE, Access.INTERNAL

auth, data, categories, stream_area = Area("auth"), Area("data"), Area("categories"), Area("streams")
stream, viewer, users, user = Area("stream"), Area("viewer"), Area("users"), Area("user")
chat_area, messages_area = Area("chat"), Area("messages")
operations, money, webhook, admin = Area("ops"), Area("payment"), Area("webhook"), Area("admin")

AUTH = (
    auth.post(
        "/api/auth/register",
        accounts.Accounts,
        PUBLIC,
        "Create an account and sign it in",
        body=Register,
        reply=SignedIn,
        status=201,
        also=("/api/auth/signup", "/api/auth/signup/email", "/auth/signup"),
    ),
    auth.post(
        "/api/auth/login",
        accounts.SignIn,
        PUBLIC,
        "Sign in with email or username and password",
        body=Login,
        reply=SignedIn,
        also=("/api/auth/signin", "/api/auth/signin/email", "/auth/login"),
    ),
    auth.post("/api/auth/refresh", accounts.Tokens, PUBLIC, "Rotate a refresh token", body=Refresh, reply=Session),
    auth.post(
        "/api/auth/logout",
        accounts.SignOut,
        USER,
        "Revoke the current session",
        also=("/api/auth/signout", "/api/auth/sign-out"),
    ),
    auth.get(
        "/api/auth/me",
        accounts.CurrentUser,
        USER,
        "The signed-in user with wallet and level",
        reply=Me,
        also=("/api/viewer/me",),
    ),
    auth.get(
        "/api/auth/get-session",
        accounts.CurrentSession,
        USER,
        "The signed-in user and the current session",
        reply=SessionAndUser,
    ),
    auth.get("/api/auth/sessions", accounts.Sessions, USER, "My sessions", reply=list[SessionView]),
    auth.delete("/api/auth/sessions/{id}", accounts.OneSession, USER, "Revoke one of my sessions"),
    auth.get("/api/auth/stream-key", channels.StreamKey, STREAMER, "My stream key and the server URL", reply=StreamKey),
    auth.post("/api/auth/stream-key", channels.StreamKey, STREAMER, "Rotate my stream key", reply=StreamKey),
    user.post(
        "/api/user/become-creator",
        channels.BecomeCreator,
        USER,
        "Apply to be a creator; approved at once unless review is on",
        body=Application,
        reply=Applied,
    ),
)

STREAMS = (
    stream_area.get(
        "/api/streams",
        streams.LiveStreams,
        PUBLIC,
        "Live streams; filter by category, tag, language; sort by viewers or recency",
        query=LiveQuery,
        reply=StreamView,
        paged=True,
        also=("/api/viewer/live",),
    ),
    stream_area.post(
        "/api/streams",
        streams.LiveStreams,
        STREAMER,
        "Create a stream",
        body=StreamDraft,
        reply=StreamView,
        status=201,
        also=("/api/stream/create",),
    ),
    stream_area.get("/api/streams/{id}", streams.Stream, OPTIONAL, "One stream", reply=StreamView),
    stream_area.patch("/api/streams/{id}", streams.Stream, OWNER, "Edit a stream", body=StreamPatch, reply=StreamView),
    stream_area.delete("/api/streams/{id}", streams.Stream, OWNER, "End a stream", reply=StreamView),
    stream.get("/api/stream/info", streams.MyStream, STREAMER, "My stream's metadata", reply=StreamView),
    stream.put(
        "/api/stream/info",
        streams.MyStream,
        STREAMER,
        "Replace my stream's metadata",
        body=StreamDraft,
        reply=StreamView,
    ),
    stream.get(
        "/api/stream/past",
        streams.PastStreams,
        STREAMER,
        "My ended streams with recordings",
        query=ListQuery,
        reply=StreamView,
        paged=True,
    ),
    stream.get(
        "/api/stream/status",
        streams.StreamStatus,
        STREAMER,
        "Live status: bitrate, size, viewers, health",
        reply=StreamStatus,
    ),
    stream.put(
        "/api/stream/chat-settings",
        streams.ChatSettings,
        STREAMER,
        "Slow mode, followers-only, subscribers-only, links, blocked words",
        body=ChatSettingsPatch,
        reply=ChatSettings,
    ),
    stream.get("/api/stream/credentials", channels.StreamKey, STREAMER, "Server URL and stream key", reply=StreamKey),
    viewer.get(
        "/api/viewer/stream/{username}",
        streams.StreamOfStreamer,
        OPTIONAL,
        "A streamer's stream by username",
        reply=StreamView,
    ),
    data.get(
        "/api/data/streams/details/{nickname}",
        streams.StreamDetails,
        PUBLIC,
        "A streamer's current or last stream",
        reply=StreamView,
    ),
    data.get(
        "/api/data/games",
        catalogue.Categories,
        PUBLIC,
        "All categories (games) with their tags",
        reply=list[CategoryView],
        also=("/api/categories",),
    ),
    data.get("/api/data/tags", catalogue.Tags, PUBLIC, "All tags", reply=list[TagView]),
)

PEOPLE = (
    users.get("/api/users/{id}", people.User, OPTIONAL, "A public profile (id or username)", reply=UserView),
    users.post("/api/users/{id}/follow", people.Following, USER, "Follow", reply=FollowState),
    users.delete("/api/users/{id}/follow", people.Following, USER, "Unfollow", reply=FollowState),
)

CHAT = (
    chat_area.get(
        "/api/chat/{streamId}",
        chat.StreamChat,
        PUBLIC,
        "Chat history of a stream; newest page first; cursor back",
        query=ListQuery,
        reply=Message,
        paged=True,
    ),
    messages_area.post(
        "/api/messages",
        messages.Messages,
        USER,
        "Send a message to a session, stream or lounge",
        body=NewMessage,
        reply=Message,
        status=201,
        once=True,
    ),
    messages_area.patch("/api/messages/{id}/pin", messages.MessagePin, MODERATOR, "Toggle the pin", reply=Message),
    messages_area.delete("/api/messages/{id}", messages.Message, MODERATOR, "Soft-delete a message", reply=Message),
)

MONEY = (
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

OPS = (
    operations.get("/health", ops.Health, PUBLIC, "Liveness", unlimited=True),
    operations.get(
        "/health/ready", ops.Readiness, PUBLIC, "Readiness: database, broker, storage", reply=Readiness, unlimited=True
    ),
    operations.get("/metrics", ops.Metrics, INTERNAL, "Prometheus metrics", unlimited=True),
    operations.get("/openapi.json", ops.OpenApi, PUBLIC, "OpenAPI 3.1 document of all of the above"),
    operations.get("/docs", ops.Reference, PUBLIC, "The API reference as a page"),
)

ROUTES: tuple[Route, ...] = (*AUTH, *STREAMS, *PEOPLE, *CHAT, *MONEY, *OPS)

#: Whole folders of addresses that are no API: media files, and the payment sandbox where it runs.
PREFIXES: tuple[Callable[[App, Settings], Any], ...] = (media_files.add_routes, payment_sandbox.add_routes)
