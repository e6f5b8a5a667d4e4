"""Leave to play one stream now: whom it is given to, by which provider, and until when."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec

from services import clock, livekit_rooms, playback_tokens, stream_metadata, streams
from services.actors import Actor
from services.bus import bus
from services.channels import own_channel
from services.errors import Conflict, Forbidden, Invalid, NotFound
from services.gateways.livekit import LiveKit, livekit_of
from services.ids import known_id, new_id
from services.streams import StreamView

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class WantedStream(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which stream: by its id, or the current one (else the last) of a streamer."""

    stream_id: Name | None = None
    username: Name | None = None


class PlaybackGrant(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`url` plays until `expires_at`; the address of a public stream plays on. Providers: hls, livekit, youtube."""

    provider: str
    token: str | None
    url: str
    expires_at: datetime | None
    stream_id: UUID | None


def viewer_grant(actor: Actor | None, wanted: WantedStream) -> PlaybackGrant:
    """Leave to play a stream; raises NotFound, Forbidden("subscription_required"), Conflict("nothing_to_play")."""
    stream = _wanted(actor, wanted)
    if not streams.may_watch(stream, actor):
        raise Forbidden("This stream is for subscribers.", "subscription_required")
    livekit = livekit_of(bus.settings) if stream.source_type == "LIVEKIT" and stream.is_live else None
    if livekit is not None:
        channel_id = streams.channel_of(stream.id)
        return _of_room(livekit, channel_id, stream.id, viewer_identity(actor), publishes=False)
    return _of_hls(stream)


def creator_grant(actor: Actor) -> PlaybackGrant:
    """Leave to see one's own stream on air, or in one's room at LiveKit to publish as well.

    With nothing on air that is the room, where there is LiveKit, so that a browser can go live; else
    it is the last stream. Raises Conflict("nothing_to_play").
    """
    channel = own_channel(actor)
    stream, livekit = _own_stream(actor), livekit_of(bus.settings)
    is_on_air = stream is not None and stream.is_live
    if livekit is not None and (stream is None or not is_on_air or stream.source_type == "LIVEKIT"):
        identity = livekit_rooms.creator_identity(actor.user_id)
        stream_id = stream.id if stream is not None and is_on_air else None
        return _of_room(livekit, channel.id, stream_id, identity, publishes=True)
    if stream is None:
        raise Conflict("There is nothing to play yet.", "nothing_to_play")
    return _of_hls(stream)


def viewer_identity(actor: Actor | None) -> str:
    """As whom somebody is in a room; guests are somebody new each time."""
    return f"viewer-{actor.user_id}" if actor else f"guest-{new_id()}"


def _wanted(actor: Actor | None, wanted: WantedStream) -> StreamView:
    if (wanted.stream_id is None) == (wanted.username is None):
        raise Invalid.field("streamId", "or username is required, and one of them only")
    if wanted.stream_id is not None:
        return streams.stream(known_id(wanted.stream_id, "stream"), actor)
    return streams.stream_of_streamer(wanted.username or "", actor)


def _own_stream(actor: Actor) -> StreamView | None:
    """The actor's stream on air, else the last one."""
    try:
        current = stream_metadata.current_stream(actor)
    except NotFound:
        current = None
    if current is not None and current.is_live:
        return current
    return next(iter(streams.past_streams(actor, 1, None).items), None)


def _of_hls(stream: StreamView) -> PlaybackGrant:
    if stream.source_url and stream.source_type == "YOUTUBE":
        return PlaybackGrant(
            provider="youtube", token=None, url=stream.source_url, expires_at=None, stream_id=stream.id
        )
    if stream.playback.hls is None:
        raise Conflict("There is nothing to play at the moment.", "nothing_to_play")
    signed = playback_tokens.sign(stream.id)
    return PlaybackGrant(
        provider="hls",
        token=signed.token,
        url=stream.playback.hls,
        expires_at=signed.expires_at,
        stream_id=stream.id,
    )


def _of_room(
    livekit: LiveKit, channel_id: UUID, stream_id: UUID | None, identity: str, *, publishes: bool
) -> PlaybackGrant:
    lasts_s = bus.settings.playback_token_expires_in_s
    room = livekit_rooms.room_of(channel_id)
    return PlaybackGrant(
        provider="livekit",
        token=livekit.room_token(room, identity, identity, publishes=publishes, lasts_s=lasts_s),
        url=bus.settings.livekit_url,
        expires_at=clock.now() + timedelta(seconds=lasts_s),
        stream_id=stream_id,
    )
