"""A broadcast's life: the seam between whatever takes the picture in and the rest of the platform.

authorize -> claim -> go_live -> update … -> (interrupt -> go_live again, within the grace window)
-> end. Our own ingest calls these functions; other media servers reach them through hooks.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog

from db.connection import acting_as_system, query
from db.models.channels import Channel, ChannelKey
from db.models.streams import IngestSession, Stream
from db.transactions import atomic
from services import broadcast_claims, broadcast_limits, clock, jobs, open_streams, streams, tokens
from services.broadcast_audience import hearers, streamer_ref
from services.bus import bus
from services.errors import Conflict, Forbidden, NotFound
from services.events import StreamEnded, StreamStarted, StreamStatusChanged, publish
from services.ids import new_id
from services.media_facts import MediaFacts, remember_facts
from services.streams import Status, StreamView
from services.topics import room_topic

log = structlog.get_logger(__name__)

#: What the reaper allows beyond the grace window before it ends what nobody owns.
REAPER_PATIENCE_S = 15


class Grant(msgspec.Struct, frozen=True):
    """Leave to publish: whose channel it is (an event's has no `user_id`), and with which version of its key."""

    channel_id: UUID
    user_id: UUID | None
    username: str
    stream_key_version: int


class Elsewhere(msgspec.Struct, frozen=True):
    """Another media server that takes the picture in, what it calls the stream, and of which kind that makes it."""

    server: str
    name: str
    source_type: str = "RTMP"


def authorize(key: str, *, server: str, remote_address: str) -> Grant:
    """Who may publish with this key; raises Forbidden (bad_stream_key, account_suspended, event_ended)."""
    rows = query(f"{_PUBLISHER} WHERE k.stream_key_hash = %s", (tokens.fingerprint(key),))
    try:
        return _granted(rows)
    except Forbidden as refusal:
        log.warning("publish_refused", reason=refusal.code, server=server, remote_address=remote_address)
        raise


def grant_for(channel_id: UUID) -> Grant:
    """The same for somebody who was let in by another door than the key; raises Forbidden."""
    return _granted(query(f"{_PUBLISHER} WHERE c.id = %s", (channel_id,)))


def _granted(rows: list[tuple[Any, ...]]) -> Grant:
    reason = _refused(rows[0]) if rows else "bad_stream_key"
    if reason is not None:
        raise Forbidden(_REFUSALS[reason], reason)
    channel_id, user_id, name, version, _, _ = rows[0]
    return Grant(channel_id, user_id, name, version)


_PUBLISHER = """
SELECT c.id, c.user_id, coalesce(u.username, e.slug), k.stream_key_version, u.suspended_at, e.status
FROM channels c JOIN channel_keys k USING (id)
LEFT JOIN users u ON u.id = c.user_id LEFT JOIN events e ON e.id = c.event_id"""
_REFUSALS = {
    "bad_stream_key": "The stream key is wrong.",
    "account_suspended": "The account is suspended.",
    "event_ended": "The event has ended.",
}


def _refused(row: tuple[Any, ...]) -> str | None:
    _, _, _, _, suspended_at, event_status = row
    if suspended_at is not None:
        return "account_suspended"
    return "event_ended" if event_status == "ENDED" else None


def claim(
    grant: Grant,
    *,
    server: str,
    publisher: str,
    ttl_s: float = broadcast_claims.LEASE_S,
    silent_s: float | None = None,
) -> None:
    """Be the one publisher of a channel, over all media servers; raises Conflict.

    `silent_s` says for how long the publisher has been silent: another server may have the channel
    once that is too long. None keeps it for the whole `ttl_s`.
    """
    broadcast_claims.claim(grant.channel_id, server=server, publisher=publisher, ttl_s=ttl_s, silent_s=silent_s)


renew = broadcast_claims.renew
release = broadcast_claims.release


def go_live(
    grant: Grant,
    facts: MediaFacts,
    *,
    server: str,
    remote_address: str,
    relay_url: str | None = None,
    elsewhere: Elsewhere | None = None,
) -> StreamView:
    """Put a channel on air, or back on air within the grace window; returns the stream.

    The newest scheduled stream of the channel becomes live; without one, a stream is made from
    the channel's defaults. Coming back continues the same stream, and nobody is told twice. Workers
    fetch the picture at `relay_url`. What arrives `elsewhere` is neither transcoded nor recorded here.
    """
    with atomic():
        channel = Channel.select().where(Channel.id == grant.channel_id).for_update().get()
        if ChannelKey.get_by_id(channel.id).stream_key_version != grant.stream_key_version:
            raise Forbidden("The stream key was revoked.", "bad_stream_key")
        stream_id = _resumed(channel) or _started(channel, grant)
        _open_session(stream_id, facts, server, remote_address, relay_url)
        _take_in(stream_id, elsewhere)
    open_streams.settle(stream_id)
    remember_facts(stream_id, facts)
    return streams.any_stream(stream_id)


def update(stream_id: UUID, facts: MediaFacts) -> None:
    """Note what the picture is like now; expected every few seconds."""
    remember_facts(stream_id, facts)
    IngestSession.update(
        video_codec=facts.video_codec,
        audio_codec=facts.audio_codec,
        width=facts.width,
        height=facts.height,
        bitrate_kbps=facts.bitrate_kbps,
    ).where(IngestSession.stream == stream_id, IngestSession.ended_at.is_null()).execute()


def reason_to_end(grant: Grant, stream_id: UUID | None) -> str | None:
    """Why who publishes has to stop by now, as an end reason; None to go on. Expected every few seconds."""
    return broadcast_limits.reason_to_end(grant.channel_id, grant.stream_key_version, stream_id)


def go_on(stream_id: UUID) -> bool:
    """A stream that is published elsewhere still is; False where it is live no more."""
    rows = query("SELECT interrupted_at FROM streams WHERE id = %s AND status = 'LIVE'", (stream_id,))
    if rows and rows[0][0] is not None:
        query("UPDATE streams SET interrupted_at = NULL WHERE id = %s", (stream_id,))
    return bool(rows)


def rename_elsewhere(stream_id: UUID, name: str) -> None:
    """Note what another media server calls a stream."""
    Stream.update(media_name=name).where(Stream.id == stream_id).execute()


def interrupt(stream_id: UUID) -> None:
    """The publisher is gone without a word: the grace window begins, and anew if it lies ahead: a clock may go back."""
    at = clock.now()
    with atomic():
        Stream.update(interrupted_at=at).where(
            Stream.id == stream_id,
            Stream.status == Status.LIVE.value,
            Stream.interrupted_at.is_null() | (Stream.interrupted_at > at),
        ).execute()
        _close_sessions(stream_id)


def end(stream_id: UUID, reason: str) -> None:
    """End a stream that is live or to be; nothing happens to one that has ended. Raises NotFound."""
    with atomic():
        row = Stream.select().where(Stream.id == stream_id).for_update().first()
        if row is None:
            raise NotFound("No such stream.")
        if row.status == Status.ENDED.value:
            return
        Stream.update(
            status=Status.ENDED.value, ended_at=clock.now(), end_reason=reason, viewer_count=0, interrupted_at=None
        ).where(Stream.id == stream_id).execute()
        _close_sessions(stream_id)
        if row.status == Status.LIVE.value and row.channel_id is not None:
            _tell_of_end(row)
            if row.source_url is None and row.media_server is None:
                jobs.enqueue(jobs.FINISH_RECORDING, stream_id=stream_id)
            if row.source_type == "LIVEKIT":
                jobs.enqueue(jobs.CLOSE_LIVEKIT_ROOM, channel_id=row.channel_id)


def reap() -> int:
    """End live streams that no publisher has owned for longer than the grace window; returns how many.

    Where somebody does, a grace window that began by mistake, as when the clock was set, is over.
    """
    ended = 0
    for stream_id, channel_id, interrupted_at in _live_by_encoder():
        if broadcast_claims.is_claimed(channel_id):
            if interrupted_at is not None:
                go_on(stream_id)
        elif interrupted_at is None or interrupted_at > clock.now():
            interrupt(stream_id)
        elif interrupted_at < clock.now() - timedelta(seconds=bus.settings.grace_window_s + REAPER_PATIENCE_S):
            end(stream_id, "server_restart")
            ended += 1
    return ended


def _resumed(channel: Channel) -> UUID | None:
    live = (Stream.channel == channel.id, Stream.status == Status.LIVE.value)
    row = Stream.select(Stream.id, Stream.source_url).where(*live).first()
    if row is None:
        return None
    if row.source_url is not None:
        raise Conflict("The event is shown from another source at this moment.", "another_source_live")
    Stream.update(interrupted_at=None).where(Stream.id == row.id).execute()
    publish(StreamStatusChanged(stream_id=row.id, status=Status.LIVE.value), room_topic(channel.room_id))
    return UUID(str(row.id))


def _take_in(stream_id: UUID, elsewhere: Elsewhere | None) -> None:
    if elsewhere is None:
        Stream.update(media_server=None, media_name=None, source_type="RTMP").where(Stream.id == stream_id).execute()
        jobs.enqueue(jobs.TRANSCODE_LIVE, stream_id=stream_id)
        jobs.enqueue(jobs.THUMBNAIL, stream_id=stream_id)
        return
    Stream.update(media_server=elsewhere.server, media_name=elsewhere.name, source_type=elsewhere.source_type).where(
        Stream.id == stream_id
    ).execute()


def _started(channel: Channel, grant: Grant) -> UUID:
    stream_id = _from_schedule(channel) or _from_defaults(channel, grant)
    row = Stream.select(Stream.title).where(Stream.id == stream_id).get()
    event = StreamStarted(stream_id=stream_id, streamer=streamer_ref(channel.id), title=row.title)
    publish(event, *hearers(channel))
    publish(StreamStatusChanged(stream_id=stream_id, status=Status.LIVE.value), room_topic(channel.room_id))
    jobs.enqueue(jobs.NOTIFY_FOLLOWERS, stream_id=stream_id)
    return stream_id


def _from_schedule(channel: Channel) -> UUID | None:
    scheduled = (
        Stream.select(Stream.id)
        .where(Stream.channel == channel.id, Stream.status == Status.SCHEDULED.value, Stream.source_url.is_null())
        .order_by(Stream.id.desc())
        .first()
    )
    if scheduled is None:
        return None
    Stream.update(status=Status.LIVE.value, started_at=clock.now()).where(Stream.id == scheduled.id).execute()
    return UUID(str(scheduled.id))


def _from_defaults(channel: Channel, grant: Grant) -> UUID:
    stream_id = new_id()
    Stream.create(
        id=stream_id,
        channel=channel.id,
        event=channel.event_id,
        title=channel.default_title or f"{grant.username}'s stream",
        description=channel.default_description,
        category=channel.default_category_id,
        tags=channel.default_tags,
        language=channel.default_language,
        visibility=channel.default_visibility,
        status=Status.LIVE.value,
        started_at=clock.now(),
    )
    return stream_id


def _open_session(stream_id: UUID, facts: MediaFacts, server: str, remote_address: str, relay_url: str | None) -> None:
    _close_sessions(stream_id)
    IngestSession.create(
        stream=stream_id,
        server=server,
        remote_address=remote_address,
        relay_url=relay_url,
        video_codec=facts.video_codec,
        audio_codec=facts.audio_codec,
        width=facts.width,
        height=facts.height,
        started_at=clock.now(),
    )


@acting_as_system("what an encoder sent")
def _close_sessions(stream_id: UUID) -> None:
    IngestSession.update(ended_at=clock.now()).where(
        IngestSession.stream == stream_id, IngestSession.ended_at.is_null()
    ).execute()


def _tell_of_end(row: Stream) -> None:
    channel = Channel.get_by_id(row.channel_id)
    publish(StreamEnded(stream_id=row.id, streamer=streamer_ref(channel.id), title=row.title), *hearers(channel))
    publish(StreamStatusChanged(stream_id=row.id, status=Status.ENDED.value), room_topic(channel.room_id))


def _live_by_encoder() -> list[tuple[UUID, UUID, datetime | None]]:
    return query(
        """SELECT id, channel_id, interrupted_at FROM streams
           WHERE status = 'LIVE' AND source_type = 'RTMP' AND source_url IS NULL AND channel_id IS NOT NULL"""
    )
