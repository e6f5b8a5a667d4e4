"""Things that tests need, with boring defaults."""

import itertools
from functools import cache
from uuid import UUID

from db.models.categories import Category
from db.models.channels import Channel
from db.models.posts import Post
from db.models.streams import Stream
from db.models.users import Account, User
from services import channels, clock, passwords, sessions
from services.actors import Actor, Role
from services.ids import new_id
from services.sessions import Device

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


@cache
def _password_hash() -> str:
    return passwords.hash_password(PASSWORD)


def make_user(
    *, username: str | None = None, email: str | None = None, role: Role = Role.VIEWER, suspended: bool = False
) -> Account:
    """A person who can sign in with PASSWORD; a streamer has a channel."""
    number = next(_numbers)
    username = username or f"user_{number}"
    user = Account.create(
        username=username,
        email=email or f"{username}@example.com",
        name=username.title(),
        password_hash=_password_hash(),
        role=role.value,
        suspended_at=clock.now() if suspended else None,
    )
    if role is Role.STREAMER:
        channels.create_channel(user.id)
    return user


def actor_of(user: User) -> Actor:
    """The person as services know them."""
    return Actor(user.id, Role(user.role))


def bearer(user: User) -> dict[str, str]:
    """Headers of the person, freshly signed in."""
    session = sessions.open_session(user.id, Device())
    return {"Authorization": f"Bearer {session.access_token}"}


def make_channel(user: User | None = None) -> Channel:
    """A channel; of a new streamer unless told whose."""
    user = user or make_user(role=Role.STREAMER)
    return Channel.get_by_id(channels.create_channel(user.id))


def make_stream(channel: Channel | None = None, *, status: str = "LIVE", **columns: object) -> Stream:
    """A stream; live unless told otherwise."""
    channel = channel or make_channel()
    at = clock.now()
    times = {"SCHEDULED": {}, "LIVE": {"started_at": at}, "ENDED": {"started_at": at, "ended_at": at}}[status]
    stream_id: UUID = new_id()
    return Stream.create(
        **({"id": stream_id, "channel": channel.id, "title": "A stream", "status": status} | times | columns)
    )


def make_category(name: str = "Games", **columns: object) -> Category:
    """A category with a slug made from its name."""
    slug = name.lower().replace(" ", "-")
    return Category.create(**({"name": name, "slug": slug} | columns))


def make_post(author: User | None = None, text: str = "A post", visibility: str = "PUBLIC") -> Post:
    """A post; of a new person unless told whose."""
    author = author or make_user()
    return Post.create(author=author.id, text=text, visibility=visibility)
