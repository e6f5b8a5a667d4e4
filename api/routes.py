"""The whole URL space, put together from its areas: see `api/route_tables/` for the rows."""

from collections.abc import Callable
from typing import Any

from api.requests import App
from api.resources import media_files, payment_sandbox
from api.route_tables.accounts import AUTH, CODES, PROFILES
from api.route_tables.audience import AUDIENCE
from api.route_tables.browse import BROWSE
from api.route_tables.chat import CHAT
from api.route_tables.content import CONTENT
from api.route_tables.creators import ADMINISTRATION, CREATORS
from api.route_tables.discounts import DISCOUNTS
from api.route_tables.live_events import EVENTS, PROJECTS
from api.route_tables.lounges import LOUNGES
from api.route_tables.marketplace import MARKETPLACE
from api.route_tables.media import MEDIA
from api.route_tables.moderation import MODERATION
from api.route_tables.money import MONEY
from api.route_tables.notifications import NOTIFICATIONS
from api.route_tables.ops import OPS
from api.route_tables.panel import PANEL
from api.route_tables.people import PEOPLE
from api.route_tables.platform import PLATFORM
from api.route_tables.streams import STREAMS
from api.route_tables.subscriptions import SUBSCRIPTIONS
from api.routing import Route
from settings import Settings

ROUTES: tuple[Route, ...] = (
    *AUTH,
    *CODES,
    *PROFILES,
    *CREATORS,
    *ADMINISTRATION,
    *STREAMS,
    *MEDIA,
    *PEOPLE,
    *CONTENT,
    *BROWSE,
    *NOTIFICATIONS,
    *PROJECTS,
    *EVENTS,
    *AUDIENCE,
    *CHAT,
    *LOUNGES,
    *MODERATION,
    *MONEY,
    *MARKETPLACE,
    *PANEL,
    *PLATFORM,
    *DISCOUNTS,
    *SUBSCRIPTIONS,
    *OPS,
)

#: Whole folders of addresses that are no API: media files, and the payment sandbox where it runs.
PREFIXES: tuple[Callable[[App, Settings], Any], ...] = (media_files.add_routes, payment_sandbox.add_routes)
