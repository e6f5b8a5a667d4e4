"""Becoming a creator: an application, approved at once unless review is on."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from db.connection import acting_as_system
from db.models.creator_applications import CreatorApplication
from db.models.creator_profiles import CreatorProfile
from db.models.users import User
from db.transactions import atomic
from services import channels, clock
from services.actors import Actor, Role
from services.bus import bus
from services.errors import NotFound
from services.events import UserChanged, publish
from services.topics import CONTROL


class ApplicationStatus(StrEnum):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class Application(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an applicant says about themselves."""

    bio: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    categories: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=80)]], msgspec.Meta(max_length=10)
    ] = []


class ApplicationView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where an application stands; `reason` is what its decider gave."""

    status: ApplicationStatus
    bio: str
    categories: list[str]
    reason: str
    applied_at: datetime
    decided_at: datetime | None


class Applied(msgspec.Struct, frozen=True):
    """The applicant's role, and the application."""

    role: Role
    application: ApplicationView


def become_creator(actor: Actor, application: Application) -> Applied:
    """Apply to be a creator.

    Applying again replaces what an undecided or refused application says, and puts it up for
    decision once more; an approved one stays as it is.
    """
    with atomic():
        User.select(User.id).where(User.id == actor.user_id).for_update().get()
        row = CreatorApplication.get_or_none(CreatorApplication.user == actor.user_id)
        if row is None or row.status != ApplicationStatus.APPROVED.value:
            _note(actor.user_id, application, is_new=row is None)
            if not bus.settings.creator_review:
                approve(actor.user_id)
    return own_application(actor)


def own_application(actor: Actor) -> Applied:
    """Where the actor's application stands; raises NotFound where there is none."""
    row = CreatorApplication.get_or_none(CreatorApplication.user == actor.user_id)
    if row is None:
        raise NotFound("You have not applied yet.", "no_application")
    role = User.select(User.role).where(User.id == actor.user_id).get().role
    return Applied(role=Role(role), application=view(row))


def view(row: CreatorApplication) -> ApplicationView:
    """A row as its applicant sees it."""
    return ApplicationView(
        status=ApplicationStatus(row.status),
        bio=row.bio,
        categories=list(row.categories),
        reason=row.reason,
        applied_at=row.created_at,
        decided_at=row.decided_at,
    )


def approve(user_id: UUID) -> None:
    """Make a creator of an applicant, whose page begins with what the application says."""
    with atomic():
        make_streamer(user_id)
        row = CreatorApplication.get(CreatorApplication.user == user_id)
        CreatorProfile.insert(user=user_id, bio=row.bio, categories=row.categories).on_conflict_ignore().execute()


@acting_as_system("becoming a creator")
def make_streamer(user_id: UUID) -> None:
    """Give a person a channel, and the role where theirs is lower."""
    with atomic():
        User.update(role=Role.STREAMER.value).where(User.id == user_id, User.role == Role.VIEWER.value).execute()
        CreatorApplication.update(status=ApplicationStatus.APPROVED.value, decided_at=clock.now()).where(
            CreatorApplication.user == user_id
        ).execute()
        channels.create_channel(user_id)
        publish(UserChanged(user_id=user_id), CONTROL)


def _note(user_id: UUID, application: Application, *, is_new: bool) -> None:
    said = {
        "status": ApplicationStatus.PENDING.value,
        "bio": application.bio,
        "categories": application.categories,
        "reason": "",
        "decided_by_id": None,
        "decided_at": None,
    }
    if is_new:
        CreatorApplication.create(user=user_id, **said)
    else:
        CreatorApplication.update(**said).where(CreatorApplication.user == user_id).execute()
