"""Following: who wants to hear of whom."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from db.models.follows import Follow
from db.models.users import User
from db.transactions import atomic
from services import clock, notifications
from services.actors import Actor
from services.errors import Forbidden, Invalid, NotFound
from services.events import UserChanged, publish
from services.notification_kinds import Kind
from services.pages import Page, cut, decode_cursor
from services.separation import is_blocked
from services.topics import CONTROL
from services.users import PUBLIC, PUBLIC_COLUMNS, UserView, public_view


class FollowState(msgspec.Struct, frozen=True, rename="camel"):
    """Whether the actor follows, and how many do."""

    following: bool
    follower_count: int


class Relation(msgspec.Struct, frozen=True, rename="camel"):
    """What is between the actor and somebody: who follows whom, and whether the actor blocks them."""

    following: bool
    followed_by: bool
    blocked: bool
    follower_count: int


def follow(actor: Actor, user_id: UUID) -> FollowState:
    """Follow somebody; again changes nothing. Raises Invalid for oneself, Forbidden where one blocks the other."""
    with atomic():
        _lock_pair(actor.user_id, user_id)
        if is_blocked(actor.user_id, user_id):
            raise Forbidden("You cannot follow this person.", "blocked")
        added = query(
            """INSERT INTO follows (follower_id, following_id, created_at) VALUES (%s, %s, %s)
               ON CONFLICT DO NOTHING RETURNING 1""",
            (actor.user_id, user_id, clock.now()),
        )
        if added:
            _count(actor.user_id, user_id, 1)
            _tell(actor.user_id, user_id)
    return _state(actor, user_id)


def unfollow(actor: Actor, user_id: UUID) -> FollowState:
    """Stop following somebody; again changes nothing."""
    with atomic():
        _lock_pair(actor.user_id, user_id)
        _drop(actor.user_id, user_id)
    return _state(actor, user_id)


def toggle_follow(actor: Actor, user_id: UUID) -> FollowState:
    """Follow whom one does not follow yet, and the other way round; raises as `follow` does."""
    with atomic():
        _lock_pair(actor.user_id, user_id)
        follows = query("SELECT 1 FROM follows WHERE follower_id = %s AND following_id = %s", (actor.user_id, user_id))
        return unfollow(actor, user_id) if follows else follow(actor, user_id)


@acting_as_system("both directions of following")
def part(one: UUID, other: UUID) -> None:
    """End the following between two people, both ways, in the caller's transaction; raises Invalid, NotFound."""
    _lock_pair(one, other)
    _drop(one, other)
    _drop(other, one)


def relation(actor: Actor | None, user_id: UUID) -> Relation:
    """What is between the actor (None: nobody) and somebody; raises NotFound."""
    rows = query(_RELATION, {"viewer": actor.user_id if actor else None, "user": user_id})
    if not rows:
        raise NotFound("No such user.")
    return Relation(*rows[0])


def followers(user_id: UUID, limit: int, cursor: str | None) -> Page[UserView]:
    """Who follows a person, the newest first; raises NotFound."""
    return _people(_FOLLOWERS, user_id, limit, cursor)


def following(user_id: UUID, limit: int, cursor: str | None) -> Page[UserView]:
    """Whom a person follows, the newest first; raises NotFound."""
    return _people(_FOLLOWING, user_id, limit, cursor)


def followed_by(user_id: UUID) -> list[UUID]:
    """Whom a person follows."""
    return [row[0] for row in query("SELECT following_id FROM follows WHERE follower_id = %s", (user_id,))]


@acting_as_system("both people's counts")
def _lock_pair(follower_id: UUID, user_id: UUID) -> None:
    """Lock both rows in the order of their ids, so that mutual follows never deadlock.

    What only refers to the people, such as a gift, neither waits for this nor makes it wait.
    """
    if follower_id == user_id:
        raise Invalid.field("id", "must not be your own", "self_follow")
    pair = "SELECT id FROM users WHERE id IN (%s, %s) ORDER BY id FOR NO KEY UPDATE"
    if len(query(pair, (follower_id, user_id))) < 2:
        raise NotFound("No such user.")


def _drop(follower_id: UUID, user_id: UUID) -> None:
    if Follow.delete().where(Follow.follower == follower_id, Follow.following == user_id).execute():
        _count(follower_id, user_id, -1)


@acting_as_system("both people's counts")
def _count(follower_id: UUID, user_id: UUID, change: int) -> None:
    User.update(follower_count=User.follower_count + change).where(User.id == user_id).execute()
    User.update(following_count=User.following_count + change).where(User.id == follower_id).execute()
    publish(UserChanged(user_id=follower_id), CONTROL)


def _tell(follower_id: UUID, user_id: UUID) -> None:
    """Say who follows now; whoever comes and goes and comes again is told of once."""
    username = User.select(User.username).where(User.id == follower_id).get().username
    data = {"userId": str(follower_id), "username": username}
    title = f"{username} follows you"
    notifications.notify(user_id, Kind.NEW_FOLLOWER, title, data=data, cause=follower_id)


def _state(actor: Actor, user_id: UUID) -> FollowState:
    follows = Follow.select().where(Follow.follower == actor.user_id, Follow.following == user_id).exists()
    count = User.select(User.follower_count).where(User.id == user_id).get().follower_count
    return FollowState(bool(follows), count)


def _people(sql: str, user_id: UUID, limit: int, cursor: str | None) -> Page[UserView]:
    after = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else (_END, UUID(int=2**128 - 1))
    rows = query(sql, (user_id, *after, limit + 1))
    if not rows and not query("SELECT 1 FROM users WHERE id = %s", (user_id,)):
        raise NotFound("No such user.")
    return cut(rows, limit, public_view, lambda row: (row[PUBLIC_COLUMNS], row[0]))


_END = datetime.max.replace(tzinfo=UTC)
_PEOPLE = f"""
SELECT {PUBLIC}, f.created_at FROM follows f JOIN users u ON u.id = f.{{other}}
WHERE f.{{mine}} = %s AND (f.created_at, f.{{other}}) < (%s, %s)
ORDER BY f.created_at DESC, f.{{other}} DESC LIMIT %s"""  # noqa: S608 - built from constants
_FOLLOWERS = _PEOPLE.format(mine="following_id", other="follower_id")
_FOLLOWING = _PEOPLE.format(mine="follower_id", other="following_id")

_RELATION = """
SELECT EXISTS (SELECT FROM follows WHERE follower_id = %(viewer)s AND following_id = u.id),
       EXISTS (SELECT FROM follows WHERE follower_id = u.id AND following_id = %(viewer)s),
       EXISTS (SELECT FROM blocks WHERE blocker_id = %(viewer)s AND blocked_id = u.id),
       u.follower_count
FROM users u WHERE u.id = %(user)s"""
