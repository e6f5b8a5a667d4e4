"""Routes of a streamer's panel: own gifts, loyalty levels, emotes, analytics."""

from api.resources import emotes as emote_resources
from api.resources import panel as resources
from api.route_tables.access import OWNER, PUBLIC, STREAMER
from api.routing import Area, Kind, Route
from api.schemas.panel import AnalyticsQuery
from services.analytics import AnalyticsView
from services.custom_gifts import GiftDraft
from services.emotes import EmoteDraft, EmoteView
from services.gifts import GiftView
from services.loyalty_levels import Ladder, LevelView

panel = Area("panel")
emotes = Area("emotes")

PANEL: tuple[Route, ...] = (
    panel.get(
        "/api/panel/analytics",
        resources.Analytics,
        STREAMER,
        "Hours streamed; coins received; viewers; followers; over a range of whole hours or days (UTC)",
        query=AnalyticsQuery,
        reply=AnalyticsView,
    ),
    panel.get("/api/panel/gifts", resources.CustomGifts, STREAMER, "My custom gifts", reply=list[GiftView]),
    panel.post(
        "/api/panel/gifts",
        resources.CustomGifts,
        STREAMER,
        "Create a gift",
        body=GiftDraft,
        reply=GiftView,
        status=201,
    ),
    panel.put("/api/panel/gifts/{id}", resources.CustomGift, OWNER, "Edit a gift", body=GiftDraft, reply=GiftView),
    panel.delete("/api/panel/gifts/{id}", resources.CustomGift, OWNER, "Delete a gift"),
    panel.get(
        "/api/panel/loyalty-levels", resources.LoyaltyLevels, STREAMER, "My loyalty levels", reply=list[LevelView]
    ),
    panel.put(
        "/api/panel/loyalty-levels",
        resources.LoyaltyLevels,
        STREAMER,
        "Replace the whole list in one transaction",
        body=Ladder,
        reply=list[LevelView],
    ),
    emotes.get(
        "/api/emotes/{streamerId}",
        emote_resources.StreamerEmotes,
        PUBLIC,
        "A streamer's emotes with the tier that each needs",
        reply=list[EmoteView],
    ),
    emotes.post(
        "/api/panel/emotes",
        emote_resources.Emotes,
        STREAMER,
        "Add an emote: `image` (JPEG, PNG or WebP of up to 10 MiB), code, tier",
        kind=Kind.MULTIPART,
        body=EmoteDraft,
        reply=EmoteView,
        status=201,
    ),
    emotes.delete("/api/panel/emotes/{id}", emote_resources.Emote, OWNER, "Remove an emote"),
)
