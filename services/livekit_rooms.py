"""Broadcasts that LiveKit takes in: a channel's room there, and what its webhooks do to the stream."""

from datetime import timedelta
from uuid import UUID

import structlog

from db.connection import query
from db.transactions import atomic
from services import broadcasts, clock, jobs
from services.bus import bus
from services.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from services.gateways.livekit import LiveKit, LiveKitError, RoomEvent, livekit_of, read_event
from services.media_facts import MediaFacts
from services.purchases import Settlement

log = structlog.get_logger(__name__)

PROVIDER = "livekit"
#: A room ends by a webhook; the claim is only for one that never comes.
CLAIM_S = 24 * 3600
#: How long a stream is left to its webhooks before the room itself is looked at.
UNHEARD_S = 60
STARTS = frozenset({"ingress_started", "track_published"})
ENDS = frozenset({"ingress_ended", "participant_left", "room_finished"})


def room_of(channel_id: UUID) -> str:
    """The name of a channel's room."""
    return str(channel_id)


def creator_identity(user_id: UUID) -> str:
    """As whom a channel's owner is in its room; nobody else is given this name."""
    return f"creator-{user_id}"


def needed_livekit(asked_for_by: str = "type") -> LiveKit:
    """The LiveKit of this installation; raises Invalid naming the field that asks for it where there is none."""
    livekit = livekit_of(bus.settings)
    if livekit is None:
        raise Invalid.field(asked_for_by, "needs LiveKit, which is not set up here", "livekit_required")
    return livekit


def settle(payload: str) -> Settlement:
    """Do what a stored webhook says; called by a worker, in a transaction."""
    event = read_event(payload.encode())
    try:
        channel_id = UUID(event.room)
    except ValueError:
        return Settlement(changed=False, note="not a room of ours")
    owner = query("SELECT user_id FROM channels WHERE id = %s FOR UPDATE", (channel_id,))
    if not owner:
        return Settlement(changed=False, note="no such channel")
    if event.kind != "room_finished" and event.identity != creator_identity(owner[0][0]):
        return Settlement(changed=False, note="not the creator")
    return _start(channel_id, event) if event.kind in STARTS else _end(channel_id, event)


def close_room(channel_id: UUID) -> None:
    """Send everybody out of a channel's room; raises Unavailable where LiveKit is away."""
    livekit = livekit_of(bus.settings)
    if livekit is None:
        return
    try:
        livekit.close_room(room_of(channel_id))
    except LiveKitError as error:
        raise Unavailable(str(error)) from error


def end_live(channel_id: UUID, reason: str) -> None:
    """End what a channel shows through LiveKit, if it does; its room is closed by a job."""
    rows = query(_LIVE, (channel_id,))
    with atomic():
        for (stream_id,) in rows:
            broadcasts.end(stream_id, reason)
    broadcasts.release(channel_id, server=PROVIDER, publisher=room_of(channel_id))


def reap() -> int:
    """End streams whose room nobody publishes in any more, and of whose end no webhook told; returns how many.

    Where LiveKit is away nothing is known, and nothing ends.
    """
    livekit, before = livekit_of(bus.settings), clock.now() - timedelta(seconds=UNHEARD_S)
    live = [row[0] for row in query(_LONG_LIVE, (before,))] if livekit is not None else []
    if livekit is None or not live:
        return 0
    try:
        published = livekit.published_rooms([room_of(channel_id) for channel_id in live])
    except LiveKitError as error:
        log.warning("livekit_rooms_not_seen", error=str(error))
        return 0
    silent = [channel_id for channel_id in live if room_of(channel_id) not in published]
    for channel_id in silent:
        end_live(channel_id, "connection_lost")
    return len(silent)


_LONG_LIVE = """
SELECT channel_id FROM streams
WHERE status = 'LIVE' AND source_type = 'LIVEKIT' AND channel_id IS NOT NULL AND started_at < %s"""
_LIVE = "SELECT id FROM streams WHERE channel_id = %s AND status = 'LIVE' AND source_type = 'LIVEKIT'"


def _start(channel_id: UUID, event: RoomEvent) -> Settlement:
    if bus.redis.exists(_over_key(event.session)):
        return Settlement(changed=False, note="it has ended since")
    try:
        grant = broadcasts.grant_for(channel_id)
        broadcasts.claim(grant, server=PROVIDER, publisher=room_of(channel_id), ttl_s=CLAIM_S)
        elsewhere = broadcasts.Elsewhere(PROVIDER, event.room, "LIVEKIT")
        broadcasts.go_live(grant, MediaFacts(), server=PROVIDER, remote_address="", elsewhere=elsewhere)
    except (Forbidden, Conflict, NotFound) as refusal:
        jobs.enqueue(jobs.CLOSE_LIVEKIT_ROOM, channel_id=channel_id)
        return Settlement(changed=False, note=refusal.message)
    bus.redis.set(_session_key(channel_id), event.session, ex=CLAIM_S)
    return Settlement(changed=True)


def _end(channel_id: UUID, event: RoomEvent) -> Settlement:
    """An end may arrive before its beginning: it is remembered, and the beginning then does nothing."""
    if event.session:
        bus.redis.set(_over_key(event.session), 1, ex=CLAIM_S)
    current = bus.redis.get(_session_key(channel_id))
    if event.kind != "room_finished" and current != event.session.encode():
        return Settlement(changed=False, note="not the session on air")
    end_live(channel_id, "finished")
    bus.redis.delete(_session_key(channel_id))
    return Settlement(changed=True)


def _over_key(session: str) -> str:
    return f"livekit:over:{session}"


def _session_key(channel_id: UUID) -> str:
    return f"livekit:session:{channel_id}"
