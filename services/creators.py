"""Becoming a creator: an application, approved at once unless review is on."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from db.models.creator_applications import CreatorApplication
from db.models.users import User
from db.transactions import atomic
from services import channels, clock
from services.actors import Actor, Role
from services.bus import bus
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


class ApplicationView(msgspec.Struct, frozen=True):
    """Where an application stands."""

    status: ApplicationStatus


class Applied(msgspec.Struct, frozen=True):
    """The applicant's role after applying, and the application."""

    role: Role
    application: ApplicationView


def become_creator(actor: Actor, application: Application) -> Applied:
    """Apply to be a creator; applying again answers with what was decided before."""
    status = ApplicationStatus.PENDING if bus.settings.creator_review else ApplicationStatus.APPROVED
    with atomic():
        User.select(User.id).where(User.id == actor.user_id).for_update().get()
        row = CreatorApplication.select().where(CreatorApplication.user == actor.user_id).first()
        if row is None:
            row = CreatorApplication.create(
                user=actor.user_id, status=status.value, bio=application.bio, categories=application.categories
            )
            if status is ApplicationStatus.APPROVED:
                make_streamer(actor.user_id)
    role = User.select(User.role).where(User.id == actor.user_id).get().role
    return Applied(role=Role(role), application=ApplicationView(ApplicationStatus(row.status)))


def make_streamer(user_id: UUID) -> None:
    """Give a person a channel, and the role where theirs is lower."""
    with atomic():
        User.update(role=Role.STREAMER.value).where(User.id == user_id, User.role == Role.VIEWER.value).execute()
        CreatorApplication.update(status=ApplicationStatus.APPROVED.value, decided_at=clock.now()).where(
            CreatorApplication.user == user_id
        ).execute()
        channels.create_channel(user_id)
        publish(UserChanged(user_id=user_id), CONTROL)
