"""People as others and as they themselves see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from db.connection import query
from services.actors import Role
from services.errors import NotFound
from services.loyalty import platform_level


class UserView(msgspec.Struct, frozen=True, rename="camel"):
    """A person as anybody may see them."""

    id: UUID
    username: str
    name: str
    avatar: str | None
    bio: str
    role: Role
    is_live: bool
    follower_count: int
    following_count: int
    created_at: datetime


class Me(UserView, frozen=True, rename="camel"):
    """A person as they see themselves."""

    email: str
    email_verified: bool
    company: str
    title: str
    status: str
    coins: int
    points: int
    level: int
    last_login_at: datetime | None


#: Asked for each person by itself: as an EXISTS it tempts the planner to read every channel for a page of twenty.
IS_LIVE = """coalesce((SELECT true FROM channels c JOIN streams s ON s.channel_id = c.id AND s.status = 'LIVE'
                       WHERE c.user_id = u.id LIMIT 1), false)"""

#: What `public_view` reads, of a person `u`.
PUBLIC = f"""u.id, u.username, u.name, u.avatar, u.bio, u.role, {IS_LIVE},
              u.follower_count, u.following_count, u.created_at"""
PUBLIC_COLUMNS = 10

OWN_COLUMNS = PUBLIC_COLUMNS + 8
#: What `me_view` reads, of an account `u`.
OWN = f"""{PUBLIC}, u.email, u.email_verified_at IS NOT NULL, u.company, u.title, u.status,
       coalesce((SELECT balance FROM accounts_ledger
                 WHERE owner_id = u.id AND kind = 'WALLET' AND currency = 'COIN'), 0),
       coalesce((SELECT sum(points) FROM loyalty_points WHERE viewer_id = u.id), 0)::bigint,
       u.last_login_at"""  # noqa: S608 - built from constants


def me(user_id: UUID) -> Me:
    """The person with wallet and level; raises NotFound."""
    rows = query(f"SELECT {OWN} FROM accounts u WHERE u.id = %s", (user_id,), prepared=True)  # noqa: S608
    if not rows:
        raise NotFound("No such user.")
    return me_view(rows[0])


def me_view(row: Sequence[Any]) -> Me:
    """A person as they see themselves, from the own columns, which come first in the row."""
    id_, username, name, avatar, bio, role, is_live, followers, following, created_at = row[:PUBLIC_COLUMNS]
    email, is_verified, company, title, status, coins, points, last_login_at = row[PUBLIC_COLUMNS:OWN_COLUMNS]
    return Me(
        id=id_,
        username=username,
        name=name,
        avatar=avatar,
        bio=bio,
        role=Role(role),
        is_live=is_live,
        follower_count=followers,
        following_count=following,
        created_at=created_at,
        email=email,
        email_verified=is_verified,
        company=company,
        title=title,
        status=status,
        coins=coins,
        points=points,
        level=platform_level(points),
        last_login_at=last_login_at,
    )


def user(id_or_username: str) -> UserView:
    """A person by id or username; raises NotFound."""
    try:
        condition, value = "u.id = %s", str(UUID(id_or_username))
    except ValueError:
        condition, value = "lower(u.username) = lower(%s)", id_or_username
    rows = query(f"SELECT {PUBLIC} FROM users u WHERE {condition}", (value,), prepared=True)  # noqa: S608
    if not rows:
        raise NotFound("No such user.")
    return public_view(rows[0])


def public_view(row: Sequence[Any]) -> UserView:
    """A person from the public columns, which come first in the row."""
    id_, username, name, avatar, bio, role, is_live, followers, following, created_at = row[:PUBLIC_COLUMNS]
    return UserView(
        id=id_,
        username=username,
        name=name,
        avatar=avatar,
        bio=bio,
        role=Role(role),
        is_live=is_live,
        follower_count=followers,
        following_count=following,
        created_at=created_at,
    )
