"""Who somebody is in a room: what they may do there, and what their name is shown with."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import Any, Protocol
from uuid import UUID

import msgspec

from db.connection import query
from services import clock
from services.actors import Actor, Role
from services.entitlements import Capabilities, capabilities, tier_of
from services.errors import NotFound
from services.ids import id_array
from services.tiers import Tier

REMEMBERED_S = 300
PEOPLE = 20_000

Pair = tuple[UUID, UUID]  # a room and a person
_Forgotten = set[tuple[UUID | None, UUID | None]]  # rooms and persons, None for all
_NOWHERE: Mapping[int, Any] = {}


class Standing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One person in one room, at one moment; `is_blocked` where the owner and they block one another.

    `may_enter` is False where a lounge is closed to the person; `joined_at` is when their account was made.
    `room_settings` is what the room's column holds, as text. `emotes` are the codes (small letters) of the owner's
    emotes that the person's tier reaches, looked up only where the room takes nothing but emotes.
    """

    user_id: UUID
    username: str
    name: str
    avatar: str | None
    role: Role
    is_suspended: bool
    is_owner: bool
    is_room_moderator: bool
    is_banned: bool
    banned_until: datetime | None
    is_blocked: bool
    following_since: datetime | None
    room_settings: str
    tier: Tier | None = None
    joined_at: datetime | None = None
    may_enter: bool = True
    emotes: frozenset[str] = frozenset()

    @property
    def keeps_order(self) -> bool:
        """Whether the person moderates this room: its owner, whom the owner named, or platform staff.

        Nobody does while they are banned or suspended themselves.
        """
        holds_office = self.is_owner or self.is_room_moderator or self.is_staff
        return holds_office and not self.is_banned and not self.is_suspended

    @property
    def is_staff(self) -> bool:
        """Whether the person keeps order on the whole platform, and so may not be kept out of a room."""
        return self.role in (Role.MODERATOR, Role.ADMIN)

    @property
    def badges(self) -> list[str]:
        return badges(role=self.role, is_owner=self.is_owner, is_room_moderator=self.is_room_moderator, tier=self.tier)

    @property
    def capabilities(self) -> Capabilities:
        """What the person's subscription to the room's owner gives."""
        return capabilities(self.tier)


class StandingSource(Protocol):
    """Where the sending of messages learns standings: of each pair, None where room or person is missing."""

    def of(self, pairs: Sequence[Pair]) -> Sequence[Standing | None]: ...


def badges(*, role: str, is_owner: bool, is_room_moderator: bool, tier: str | None) -> list[str]:
    """What stands before a name in chat, most telling first; `tier` of the subscription to the room's owner."""
    shown = []
    if is_owner:
        shown.append("streamer")
    if role == Role.ADMIN:
        shown.append("admin")
    if is_room_moderator or role == Role.MODERATOR:
        shown.append("moderator")
    if tier is not None:
        shown.append(f"subscriber_{tier}")
    return shown


def ban_in_force(user: str, room: str) -> str:
    """SQL for the longest ban that keeps a person quiet in a room now: a row of its `user_id` and `until`, or none."""
    return f"""SELECT b.user_id, b.until FROM bans b
    WHERE b.user_id = {user} AND (b.room_id = {room} OR b.room_id IS NULL)
      AND b.lifted_at IS NULL AND (b.until IS NULL OR b.until > now())
    ORDER BY b.until DESC NULLS FIRST LIMIT 1"""  # noqa: S608 - two names of columns or parameters


_STANDINGS = f"""
SELECT asked.room_id, u.id, u.username, u.name, u.avatar, u.role, u.suspended_at IS NOT NULL,
       coalesce(r.owner_id = u.id, false), m.user_id IS NOT NULL,
       ban.user_id IS NOT NULL, ban.until, f.created_at, r.settings::text,
       EXISTS (SELECT FROM blocks WHERE blocker_id = r.owner_id AND blocked_id = u.id)
       OR EXISTS (SELECT FROM blocks WHERE blocker_id = u.id AND blocked_id = r.owner_id),
       {tier_of("u.id", "r.owner_id")}, u.created_at, may_enter(r.id, u.id),
       CASE WHEN (r.settings ->> 'emoteOnly')::boolean
            THEN ARRAY(SELECT e.tier || ':' || lower(e.code) FROM emotes e WHERE e.streamer_id = r.owner_id) END
FROM unnest(%s::uuid[], %s::uuid[]) AS asked (room_id, user_id)
JOIN rooms r ON r.id = asked.room_id
JOIN users u ON u.id = asked.user_id
LEFT JOIN room_moderators m ON m.room_id = r.id AND m.user_id = u.id
LEFT JOIN follows f ON f.follower_id = u.id AND f.following_id = r.owner_id
LEFT JOIN LATERAL (
    {ban_in_force("u.id", "r.id")}
) ban ON true"""  # noqa: S608 - built from constants


class FreshStandings:
    """Asks the database, all pairs in one query."""

    def of(self, pairs: Sequence[Pair]) -> list[Standing | None]:
        if not pairs:
            return []
        rooms, users = zip(*pairs, strict=True)
        rows = query(_STANDINGS, (id_array(rooms), id_array(users)), prepared=True)
        found = {(row[0], row[1]): _standing(row[1:]) for row in rows}
        return [found.get(pair) for pair in pairs]


class RememberedStandings:
    """Remembers standings while nothing changed; told to forget where something did.

    Whoever changes a standing says so (`UserChanged`, a room's settings or access), and a process that
    could not listen for a while forgets everything. The time limit is for what changes by itself: a
    cancelled subscription that ends. Inside, ids are their numbers: a UUID is hashed and compared in Python.
    """

    def __init__(self, source: StandingSource, seconds: float = REMEMBERED_S, people: int = PEOPLE) -> None:
        """`people` is how many are remembered: those known for longest make room for others."""
        self._source, self._seconds, self._people = source, seconds, people
        self._known: dict[int, dict[int, tuple[float, Standing]]] = {}  # by person, then by room
        self._asking: list[_Forgotten] = []  # what was forgotten while somebody asks, for each who does
        self._lock = threading.Lock()

    def of(self, pairs: Sequence[Pair]) -> list[Standing | None]:
        now = monotonic()
        found: list[Standing | None] = []
        unknown: list[int] = []
        for position, (room_id, user_id) in enumerate(pairs):
            entry = self._known.get(user_id.int, _NOWHERE).get(room_id.int)
            if entry is not None and entry[0] > now:
                found.append(entry[1])
            else:
                found.append(None)
                unknown.append(position)
        if unknown:
            fresh = self._ask([pairs[position] for position in unknown])
            for position, standing in zip(unknown, fresh, strict=True):
                found[position] = standing
        return found

    def forget(self, *, room_id: UUID | None = None, user_id: UUID | None = None) -> None:
        """Drop what is known about a room, a person, or the two together, and what is being asked about them."""
        with self._lock:
            for forgotten in self._asking:
                forgotten.add((room_id, user_id))
            if user_id is None and room_id is None:
                self._known.clear()
            elif user_id is not None and room_id is None:
                self._known.pop(user_id.int, None)
            elif room_id is not None:
                for rooms in self._known.values() if user_id is None else [self._known.get(user_id.int, {})]:
                    rooms.pop(room_id.int, None)

    def _ask(self, pairs: list[Pair]) -> Sequence[Standing | None]:
        forgotten: _Forgotten = set()
        fresh: Sequence[Standing | None] = []
        with self._lock:
            self._asking.append(forgotten)
        try:
            fresh = self._source.of(pairs)
            return fresh
        finally:
            with self._lock:
                self._asking = [other for other in self._asking if other is not forgotten]
                self._remember(zip(pairs, fresh, strict=False), forgotten)

    def _remember(self, fresh: Iterable[tuple[Pair, Standing | None]], forgotten: _Forgotten) -> None:
        until = monotonic() + self._seconds
        for pair, standing in fresh:
            if standing is None or (forgotten and forgotten & _names(pair)):
                continue
            entry = until - _shorter_s(standing, self._seconds), standing
            self._known.setdefault(pair[1].int, {})[pair[0].int] = entry
        while len(self._known) > self._people:
            del self._known[next(iter(self._known))]


def _names(pair: Pair) -> "_Forgotten":
    """All by which a pair may be forgotten."""
    return {(room_id, user_id) for room_id in (pair[0], None) for user_id in (pair[1], None)}


def _shorter_s(standing: Standing, seconds: float) -> float:
    """By how much less than `seconds` a standing may be remembered: a time-out ends when it ends."""
    if standing.banned_until is None:
        return 0
    return max(0, seconds - (standing.banned_until - clock.now()).total_seconds())


def standing(actor: Actor, room_id: UUID) -> Standing:
    """The actor's standing in a room; raises NotFound."""
    (found,) = FreshStandings().of([(room_id, actor.user_id)])
    if found is None:
        raise NotFound("No such room.", "room_not_found")
    return found


def _standing(row: tuple[Any, ...]) -> Standing:
    user_id, username, name, avatar, role, suspended, owner, moderator, banned, until, since, settings, blocked = row[
        :13
    ]
    tier, joined_at, may_enter, emotes = row[13:]
    return Standing(
        user_id=user_id,
        username=username,
        name=name,
        avatar=avatar,
        role=Role(role),
        is_suspended=suspended,
        is_owner=owner,
        is_room_moderator=moderator,
        is_banned=banned,
        banned_until=until,
        is_blocked=blocked,
        following_since=since,
        room_settings=settings,
        tier=Tier(tier) if tier else None,
        joined_at=joined_at,
        may_enter=may_enter,
        emotes=_within_reach(emotes or (), Tier(tier) if tier else None),
    )


def _within_reach(emotes: Iterable[str], tier: Tier | None) -> frozenset[str]:
    """The codes of those emotes (`tier:code`) that somebody who subscribes by a tier may write with."""
    if tier is None:
        return frozenset()
    asked = (emote.split(":", 1) for emote in emotes)
    return frozenset(code for needed, code in asked if tier.rank >= Tier(needed).rank)
