"""What the routes of organised events take beside what the services declare."""

from typing import Annotated
from uuid import UUID

import msgspec

from api.schemas.lists import ListQuery
from services.projects import Stage


class EventQuery(ListQuery, frozen=True, kw_only=True):
    """Which page of the events, of one status or of all."""

    status: Stage | None = None


class Vote(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A vote: one option in `optionId`, or several in `optionIds` where the poll lets one choose several."""

    poll_id: UUID
    option_id: UUID | None = None
    option_ids: Annotated[list[UUID], msgspec.Meta(max_length=10)] = []

    @property
    def chosen(self) -> list[UUID]:
        """Every option that was chosen."""
        return [self.option_id, *self.option_ids] if self.option_id is not None else self.option_ids


class Activation(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Whether a poll is to be open; left out: the other way round."""

    is_active: bool | None = None


class AnswerMark(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Whether a question was answered."""

    is_answered: bool = True


class Hiding(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Whether a question is to be hidden; left out: the other way round."""

    is_hidden: bool | None = None


class Pinning(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Whether a question is to be on the stage; left out: the other way round."""

    is_pinned: bool | None = None


class Deleted(msgspec.Struct, frozen=True):
    """What is gone."""

    id: str
    deleted: bool = True
