"""Viewers without a socket: a player that says every few seconds that it still plays counts as well."""

import hashlib
from time import time
from uuid import UUID

import msgspec
import redis
import structlog

from db.connection import query
from services import presence, streams, throttle
from services.actors import Actor
from services.errors import Conflict, Forbidden, RateLimited
from services.ids import new_id
from services.presence import Change

log = structlog.get_logger(__name__)

EVERY_S = 10
#: Viewers of one span are counted together until nobody of it has been heard for `presence.TTL_MS`.
SPAN_S = 15
#: What one address may send: as many as a hundred players behind one router.
MOST_OF_ONE_ADDRESS = "600/minute"


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A player's sign of life; a guest repeats the `viewer_id` of the first answer."""

    viewer_id: UUID | None = None


class Heard(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How many watch, and when to say so again."""

    viewer_id: UUID
    viewer_count: int
    next_in_seconds: int = EVERY_S


def beat(actor: Actor | None, stream_id: UUID, heartbeat: Heartbeat, address: str) -> Heard:
    """Count a viewer of a live stream for the next seconds.

    A person counts once, on whatever devices and beside their sockets. Raises NotFound,
    Conflict("not_live"), Forbidden("subscription_required"), RateLimited.
    """
    verdict = throttle.hit(MOST_OF_ONE_ADDRESS, "heartbeat", str(actor.user_id) if actor else address)
    if not verdict.allowed:
        raise RateLimited("Too many signs of life.", retry_after_s=max(1, verdict.reset_s))
    room_id = _room_of(stream_id, actor)
    viewer_id = actor.user_id if actor else heartbeat.viewer_id or new_id()
    return Heard(viewer_id=viewer_id, viewer_count=_record(room_id, _key(actor, viewer_id, address)))


def _room_of(stream_id: UUID, actor: Actor | None) -> UUID:
    stream = streams.stream(stream_id, actor)
    if not stream.is_live:
        raise Conflict("The stream is not live.", "not_live")
    if not streams.may_watch(stream, actor):
        raise Forbidden("This stream is for subscribers.", "subscription_required")
    [(room_id,)] = query("SELECT room_id FROM channels WHERE id = %s", (streams.channel_of(stream_id),))
    return UUID(str(room_id))


def _record(room_id: UUID, key: bytes) -> int:
    process = f"http-{int(time()) // SPAN_S}"
    try:
        return presence.record(process, [Change(room_id, arrived=[key])])[room_id].viewers
    except redis.RedisError as error:
        log.warning("heartbeat_lost", error=str(error))
        return 0


def _key(actor: Actor | None, viewer_id: UUID, address: str) -> bytes:
    """Sixteen bytes; a guest's can be no person's, and no other address's."""
    if actor is not None:
        return actor.user_id.bytes
    return hashlib.blake2b(viewer_id.bytes + address.encode(), digest_size=16).digest()
