"""Channels: a standing place to broadcast from, and the key with which an encoder publishes to it."""

from uuid import UUID

import msgspec

from db.models.channels import Channel
from db.transactions import atomic
from services import rooms, tokens
from services.actors import Actor
from services.bus import bus
from services.errors import Forbidden
from services.events import PublishCut, publish
from services.ids import new_id
from services.topics import INGEST


class StreamKey(msgspec.Struct, frozen=True, rename="camel"):
    """What an encoder is set up with: OBS wants `server_url` and `stream_key`, ffmpeg `rtmp_url`."""

    stream_key: str
    server_url: str
    rtmp_url: str


def create_channel(user_id: UUID) -> UUID:
    """Make a person's channel with its chat room; the existing one where there is one."""
    existing = Channel.select(Channel.id).where(Channel.user == user_id).first()
    if existing is not None:
        return UUID(str(existing.id))
    channel_id = new_id()
    room_id = rooms.create_room("CHANNEL", user_id)
    key = tokens.stream_key(channel_id, 1)
    Channel.create(id=channel_id, user=user_id, room_id=room_id, stream_key_hash=tokens.fingerprint(key))
    return channel_id


def event_channel(event_id: UUID, title: str) -> Channel:
    """The channel of an organised event, with a key and a chat of its own; made where there is none.

    Call it in a transaction that has locked the event.
    """
    existing = Channel.get_or_none(Channel.event == event_id)
    if existing is not None:
        return existing
    channel_id = new_id()
    return Channel.create(
        id=channel_id,
        event=event_id,
        room_id=rooms.create_room("CHANNEL", None),
        stream_key_hash=tokens.fingerprint(tokens.stream_key(channel_id, 1)),
        default_title=title,
        default_visibility="UNLISTED",
    )


def own_channel(actor: Actor) -> Channel:
    """The actor's channel; raises Forbidden for somebody who has none."""
    channel = Channel.select().where(Channel.user == actor.user_id).first()
    if channel is None:
        raise Forbidden("Become a creator first.", "streamer_required")
    return channel


def hold_own(actor: Actor) -> Channel:
    """The actor's channel, held until the transaction ends, so that what hangs on it changes one by one.

    Raises Forbidden as `own_channel` does.
    """
    channel = own_channel(actor)
    return Channel.select().where(Channel.id == channel.id).for_update().get()


def stream_key(actor: Actor) -> StreamKey:
    """The actor's key, derived anew: the database holds only its hash."""
    channel = own_channel(actor)
    return shown_key(channel.id, channel.stream_key_version)


def rotate_stream_key(actor: Actor, reason: str = "key_revoked") -> StreamKey:
    """Give the actor's channel a new key; the old one stops working at once, and so does who uses it."""
    return rotate_key_of(own_channel(actor).id, reason)


def rotate_key_of(channel_id: UUID, reason: str = "key_revoked") -> StreamKey:
    """The same for a channel that the caller may publish to."""
    with atomic():
        channel = Channel.select().where(Channel.id == channel_id).for_update().get()
        version = channel.stream_key_version + 1
        key = tokens.stream_key(channel.id, version)
        Channel.update(stream_key_version=version, stream_key_hash=tokens.fingerprint(key)).where(
            Channel.id == channel.id
        ).execute()
        publish(PublishCut(channel_id=channel.id, reason=reason), INGEST)
    return shown_key(channel.id, version)


def shown_key(channel_id: UUID, version: int) -> StreamKey:
    """The key of a channel at one version, for whoever may publish to it."""
    key = tokens.stream_key(channel_id, version)
    server_url = bus.settings.public_rtmp_url
    return StreamKey(stream_key=key, server_url=server_url, rtmp_url=f"{server_url}/{key}")
