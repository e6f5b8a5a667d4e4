"""What every list takes."""

from typing import Annotated
from uuid import UUID

import msgspec

from services.actors import Role
from services.creators import ApplicationStatus
from services.pages import DEFAULT_LIMIT, LARGEST_LIMIT
from services.streams import Sort
from services.user_administration import Condition
from services.webhook_events import State

Limit = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_LIMIT)]
Cursor = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class ListQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of a list."""

    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor | None = None


class LiveQuery(ListQuery, frozen=True, kw_only=True):
    """Which page of which live streams."""

    category: Annotated[str, msgspec.Meta(max_length=80)] | None = None
    tag: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    language: Annotated[str, msgspec.Meta(max_length=12)] | None = None
    q: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    sort: Sort = Sort.VIEWERS


class GiftQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whose own gifts to show beside the platform's."""

    streamer_id: UUID | None = None


class WebhookQuery(ListQuery, frozen=True, kw_only=True):
    """Which page of the webhook events, in one state or (left out) in any."""

    state: State | None = None


class UserQuery(ListQuery, frozen=True, kw_only=True):
    """Which page of which people, for an administrator."""

    q: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    role: Role | None = None
    status: Condition | None = None


class ApplicationQuery(ListQuery, frozen=True, kw_only=True):
    """Which page of the applications in which state."""

    status: ApplicationStatus | None = None
