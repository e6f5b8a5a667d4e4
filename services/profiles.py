"""Profiles: what people say about themselves."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from db.models.users import User
from db.transactions import after_commit, atomic
from services import avatars, outside_urls, usernames, users
from services.actors import Actor
from services.errors import Forbidden, NotFound
from services.events import UserChanged, publish
from services.refusals import translating
from services.topics import CONTROL
from services.users import Me

Avatar = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(https?://|/media/avatars/)[^\s<>\"']+$", max_length=500, description="an address; never fetched"
    ),
]


class ProfilePatch(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A change: what is left out stays; an avatar of null takes the picture away."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)] | UnsetType = UNSET
    username: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{3,30}$", max_length=30)] | UnsetType = UNSET
    bio: Annotated[str, msgspec.Meta(max_length=1000)] | UnsetType = UNSET
    company: Annotated[str, msgspec.Meta(max_length=120)] | UnsetType = UNSET
    title: Annotated[str, msgspec.Meta(max_length=120)] | UnsetType = UNSET
    status: Annotated[str, msgspec.Meta(max_length=140)] | UnsetType = UNSET
    avatar: Avatar | UnsetType | None = UNSET


def edit_profile(actor: Actor, user_id: UUID, patch: ProfilePatch) -> Me:
    """Change one's own profile (an administrator: anybody's).

    Raises Invalid, NotFound, Forbidden, Conflict for a taken username, RateLimited for too many of them.
    """
    columns: dict[str, Any] = msgspec.to_builtins(patch)
    outside_urls.check_picture(columns, "avatar")
    username = columns.pop("username", None)
    with translating({"users_username_key": usernames.taken}), atomic():
        if User.get_or_none(User.id == user_id) is None:
            raise NotFound("No such user.")
        if actor.user_id != user_id and not actor.is_admin:
            raise Forbidden("This is not your profile.", "not_your_profile")
        row = User.select().where(User.id == user_id).for_update().get()
        if username is not None:
            usernames.rename(user_id, username)
        if columns:
            User.update(**columns).where(User.id == user_id).execute()
        if "avatar" in columns and columns["avatar"] != row.avatar:
            after_commit(lambda: avatars.drop_all(user_id))
        publish(UserChanged(user_id=user_id), CONTROL)
    return users.me(user_id)
