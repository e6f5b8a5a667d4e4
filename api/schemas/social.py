"""What the routes of posts, search and notifications take, where a service does not say it."""

from typing import Annotated
from uuid import UUID

import msgspec

from api.schemas.lists import Limit, ListQuery
from services.errors import Invalid
from services.pages import DEFAULT_LIMIT
from services.search import Scope

Words = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class CommentQuery(ListQuery, frozen=True, kw_only=True, rename="camel"):
    """Which page of a post's comments; with `parent_id` of the replies to that one."""

    parent_id: UUID | None = None


class SearchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What to search for, and among what; `limit` counts for each kind of thing."""

    q: Words
    type: Scope = Scope.ALL
    limit: Limit = DEFAULT_LIMIT


class StreamSearchQuery(ListQuery, frozen=True, kw_only=True):
    """What to search for among streams."""

    q: Words


class AllStreamsQuery(ListQuery, frozen=True, kw_only=True):
    """Which page of which streams."""

    category: Annotated[str, msgspec.Meta(max_length=80)] | None = None
    tag: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    language: Annotated[str, msgspec.Meta(max_length=12)] | None = None
    q: Words | None = None


class MarkRead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which notifications were read: `ids`; all of them with `all`, or where neither is given."""

    ids: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=500)] | None = None
    all: bool | None = None

    @property
    def read(self) -> list[UUID] | None:
        """Those that are meant, None for all; raises Invalid where `all` says that not all are, and nothing which."""
        if self.all or (self.all is None and self.ids is None):
            return None
        if self.ids is None:
            raise Invalid.field("ids", "is required where all is false")
        return self.ids


class Marked(msgspec.Struct, frozen=True):
    """How many notifications were unread before."""

    marked: int


class Deleted(msgspec.Struct, frozen=True):
    """That something is gone."""

    deleted: bool = True
