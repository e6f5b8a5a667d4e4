"""People as others and as they themselves see them."""

from datetime import datetime
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


IS_LIVE = """EXISTS (SELECT 1 FROM channels c JOIN streams s ON s.channel_id = c.id AND s.status = 'LIVE'
             WHERE c.user_id = u.id)"""

_PUBLIC = f"""u.id, u.username, u.name, u.avatar, u.bio, u.role, {IS_LIVE},
              u.follower_count, u.following_count, u.created_at"""

_ME = f"""
SELECT {_PUBLIC}, u.email, u.email_verified_at IS NOT NULL, u.company, u.title, u.status,
       coalesce((SELECT balance FROM accounts_ledger
                 WHERE owner_id = u.id AND kind = 'WALLET' AND currency = 'COIN'), 0),
       coalesce((SELECT sum(points) FROM loyalty_points WHERE viewer_id = u.id), 0)::bigint,
       u.last_login_at
FROM users u WHERE u.id = %s"""  # noqa: S608 - built from constants


def me(user_id: UUID) -> Me:
    """The person with wallet and level; raises NotFound."""
    rows = query(_ME, (user_id,))
    if not rows:
        raise NotFound("No such user.")
    *public, email, verified, company, title, status, coins, points, last_login_at = rows[0]
    return Me(
        *_typed(public), email, verified, company, title, status, coins, points, platform_level(points), last_login_at
    )


def user(id_or_username: str) -> UserView:
    """A person by id or username; raises NotFound."""
    try:
        condition, value = "u.id = %s", str(UUID(id_or_username))
    except ValueError:
        condition, value = "lower(u.username) = lower(%s)", id_or_username
    rows = query(f"SELECT {_PUBLIC} FROM users u WHERE {condition}", (value,))  # noqa: S608
    if not rows:
        raise NotFound("No such user.")
    return UserView(*_typed(list(rows[0])))


def _typed(public: list[object]) -> list[object]:
    return [*public[:5], Role(str(public[5])), *public[6:]]
