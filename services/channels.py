"""Channels: a streamer's standing place, and the key with which an encoder publishes to it."""

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


def own_channel(actor: Actor) -> Channel:
    """The actor's channel; raises Forbidden for somebody who has none."""
    channel = Channel.select().where(Channel.user == actor.user_id).first()
    if channel is None:
        raise Forbidden("Become a creator first.", "streamer_required")
    return channel


def stream_key(actor: Actor) -> StreamKey:
    """The actor's key, derived anew: the database holds only its hash."""
    channel = own_channel(actor)
    return _shown(channel.id, channel.stream_key_version)


def rotate_stream_key(actor: Actor, reason: str = "key_revoked") -> StreamKey:
    """Give the actor's channel a new key; the old one stops working at once, and so does who uses it."""
    with atomic():
        channel_id = own_channel(actor).id
        channel = Channel.select().where(Channel.id == channel_id).for_update().get()
        version = channel.stream_key_version + 1
        key = tokens.stream_key(channel.id, version)
        Channel.update(stream_key_version=version, stream_key_hash=tokens.fingerprint(key)).where(
            Channel.id == channel.id
        ).execute()
        publish(PublishCut(channel_id=channel.id, reason=reason), INGEST)
    return _shown(channel.id, version)


def _shown(channel_id: UUID, version: int) -> StreamKey:
    key = tokens.stream_key(channel_id, version)
    server_url = bus.settings.public_rtmp_url
    return StreamKey(stream_key=key, server_url=server_url, rtmp_url=f"{server_url}/{key}")
