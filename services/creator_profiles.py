"""What creators say about themselves on their page."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from db.models.creator_profiles import CreatorProfile
from services import clock
from services.actors import Actor


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A way to somewhere else of the creator's."""

    label: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s<>\"']+$", max_length=500)]


class CreatorProfileDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A creator's whole profile: what is left out is empty."""

    bio: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    categories: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=80)]], msgspec.Meta(max_length=10)
    ] = []
    links: Annotated[list[Link], msgspec.Meta(max_length=10)] = []


class CreatorProfileView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A creator's profile; never changed yet where `updated_at` is null."""

    user_id: UUID
    bio: str
    categories: list[str]
    links: list[Link]
    updated_at: datetime | None


def creator_profile(user_id: UUID) -> CreatorProfileView:
    """A creator's profile; an empty one where nothing was said."""
    row = CreatorProfile.get_or_none(CreatorProfile.user == user_id)
    if row is None:
        return CreatorProfileView(user_id=user_id, bio="", categories=[], links=[], updated_at=None)
    return CreatorProfileView(
        user_id=user_id,
        bio=row.bio,
        categories=list(row.categories),
        links=msgspec.convert(row.links, list[Link]),
        updated_at=row.updated_at,
    )


def replace_own(actor: Actor, draft: CreatorProfileDraft) -> CreatorProfileView:
    """Say the whole of the actor's profile anew."""
    columns = msgspec.to_builtins(draft)
    CreatorProfile.insert(user=actor.user_id, **columns).on_conflict(
        conflict_target=[CreatorProfile.user], update=columns | {"updated_at": clock.now()}
    ).execute()
    return creator_profile(actor.user_id)
