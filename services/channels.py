"""Channels: a standing place to broadcast from, and the key with which an encoder publishes to it."""

from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from db.models.channels import Channel, ChannelKey
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


@acting_as_system("a channel comes into being")
def create_channel(user_id: UUID) -> UUID:
    """Make a person's channel with its chat room; the existing one where there is one."""
    existing = Channel.select(Channel.id).where(Channel.user == user_id).first()
    if existing is not None:
        return UUID(str(existing.id))
    channel_id = new_id()
    room_id = rooms.create_room("CHANNEL", user_id)
    key = tokens.stream_key(channel_id, 1)
    query(_OPEN, (channel_id, user_id, None, room_id, tokens.fingerprint(key), "", "PUBLIC"))
    return channel_id


@acting_as_system("a channel comes into being")
def event_channel(event_id: UUID, title: str) -> Channel:
    """The channel of an organised event, with a key and a chat of its own; made where there is none.

    Call it in a transaction that has locked the event.
    """
    existing = Channel.get_or_none(Channel.event == event_id)
    if existing is not None:
        return existing
    channel_id = new_id()
    room_id, key_hash = rooms.create_room("CHANNEL", None), tokens.fingerprint(tokens.stream_key(channel_id, 1))
    query(_OPEN, (channel_id, None, event_id, room_id, key_hash, title, "UNLISTED"))
    return Channel.get_by_id(channel_id)


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
    return _shown(ChannelKey.get_by_id(own_channel(actor).id))


def rotate_stream_key(actor: Actor, reason: str = "key_revoked") -> StreamKey:
    """Give the actor's channel a new key; the old one stops working at once, and so does who uses it."""
    return rotate_key_of(own_channel(actor).id, reason)


def rotate_key_of(channel_id: UUID, reason: str = "key_revoked") -> StreamKey:
    """The same for a channel that the caller may publish to."""
    with atomic():
        held = ChannelKey.select().where(ChannelKey.id == channel_id).for_update().get()
        held.stream_key_version += 1
        held.stream_key_hash = tokens.fingerprint(tokens.stream_key(channel_id, held.stream_key_version))
        held.save(only=[ChannelKey.stream_key_version, ChannelKey.stream_key_hash])
        publish(PublishCut(channel_id=channel_id, reason=reason), INGEST)
    return _shown(held)


def _shown(held: ChannelKey) -> StreamKey:
    return shown_key(held.id, held.stream_key_version)


def shown_key(channel_id: UUID, version: int) -> StreamKey:
    """The key of a channel at one version, for whoever may publish to it."""
    key = tokens.stream_key(channel_id, version)
    server_url = bus.settings.public_rtmp_url
    return StreamKey(stream_key=key, server_url=server_url, rtmp_url=f"{server_url}/{key}")


_OPEN = """
INSERT INTO channels (id, user_id, event_id, room_id, stream_key_hash, default_title, default_visibility)
VALUES (%s, %s, %s, %s, %s, %s, %s)"""
