"""What the account routes take."""

from typing import Annotated

import msgspec

from services.sessions import SessionView
from services.users import Me

Email = Annotated[str, msgspec.Meta(min_length=3, max_length=254)]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, description="8 to 72 bytes in UTF-8")]
Username = Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{3,30}$", max_length=30)]


class Register(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who signs up."""

    email: Email
    password: Password
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)] | None = None
    username: Username | None = None
    company: Annotated[str, msgspec.Meta(max_length=120)] | None = None


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who signs in, by e-mail or by username."""

    password: Password
    email: Email | None = None
    username: Annotated[str, msgspec.Meta(min_length=1, max_length=30)] | None = None


class Refresh(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A refresh token to exchange."""

    refresh_token: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class SessionAndUser(msgspec.Struct, frozen=True):
    """The signed-in person and the session by which they are."""

    user: Me
    session: SessionView
