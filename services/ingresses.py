"""A streamer's way in: our own RTMP ingest, or a door at LiveKit for RTMP and WHIP."""

from enum import StrEnum

import msgspec

from db.models.channel_ingresses import ChannelIngress
from db.models.channels import Channel
from db.transactions import atomic
from services import channels, livekit_rooms
from services.actors import Actor
from services.bus import bus
from services.errors import Invalid, Unavailable
from services.gateways.livekit import IngressDoor, LiveKit, LiveKitError, livekit_of


class Kind(StrEnum):
    """What an encoder speaks."""

    RTMP = "RTMP"
    WHIP = "WHIP"


class Provider(StrEnum):
    """Who takes the picture in."""

    ASTROTV = "astrotv"
    LIVEKIT = "livekit"


class IngressDraft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The way in that is wanted; without a provider, RTMP is our own and WHIP is LiveKit's."""

    type: Kind = Kind.RTMP
    provider: Provider | None = None


class IngressView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What an encoder is set up with; `rtmp_url` has the key in it, `whip_url` wants it as a bearer token."""

    type: Kind
    provider: Provider
    server_url: str
    stream_key: str
    rtmp_url: str | None = None
    whip_url: str | None = None


class Revoked(msgspec.Struct, frozen=True, rename="camel"):
    """The way in is shut."""

    is_revoked: bool = True


def create_ingress(actor: Actor, draft: IngressDraft) -> IngressView:
    """Show the actor's way in, made where there is none; asking again shows the same one.

    Raises Invalid where LiveKit is needed and not set up, Unavailable where it is away.
    """
    if draft.type is Kind.WHIP and draft.provider is Provider.ASTROTV:
        raise Invalid.field("provider", "takes RTMP only", "livekit_required")
    if draft.type is Kind.RTMP and draft.provider is not Provider.LIVEKIT:
        key = channels.stream_key(actor)
        return IngressView(
            type=Kind.RTMP,
            provider=Provider.ASTROTV,
            server_url=key.server_url,
            stream_key=key.stream_key,
            rtmp_url=key.rtmp_url,
        )
    livekit = livekit_rooms.needed_livekit("type" if draft.type is Kind.WHIP else "provider")
    try:
        return _view(draft.type, _door(livekit, channels.own_channel(actor), draft.type))
    except LiveKitError as error:
        raise Unavailable(str(error), retry_after_s=5) from error


def delete_ingress(actor: Actor) -> Revoked:
    """Shut the actor's way in: whoever publishes is cut, the key and LiveKit's doors are good for nothing."""
    channel = channels.own_channel(actor)
    livekit = livekit_of(bus.settings)
    with atomic():
        row = ChannelIngress.select().where(ChannelIngress.channel == channel.id).for_update().first()
        channels.rotate_stream_key(actor)
        livekit_rooms.end_live(channel.id, "key_revoked")
        if row is not None and livekit is not None:
            _take_away(livekit, row.ingress_id)
        ChannelIngress.delete().where(ChannelIngress.channel == channel.id).execute()
    return Revoked()


def _door(livekit: LiveKit, channel: Channel, kind: Kind) -> IngressDoor:
    """The channel's door of a kind; one of another kind gives way. The lock keeps two from being made."""
    with atomic():
        Channel.select(Channel.id).where(Channel.id == channel.id).for_update().get()
        row = ChannelIngress.get_or_none(ChannelIngress.channel == channel.id)
        if row is not None:
            door = livekit.find_ingress(row.ingress_id) if row.kind == kind else None
            if door is not None:
                return door
            livekit.delete_ingress(row.ingress_id)
            ChannelIngress.delete().where(ChannelIngress.channel == channel.id).execute()
        return _made(livekit, channel, kind)


def _made(livekit: LiveKit, channel: Channel, kind: Kind) -> IngressDoor:
    assert channel.user_id is not None  # it is a person's own
    identity = livekit_rooms.creator_identity(channel.user_id)
    door = livekit.create_ingress(kind.value, livekit_rooms.room_of(channel.id), identity, identity)
    ChannelIngress.create(channel=channel.id, kind=kind.value, ingress_id=door.ingress_id)
    return door


def _take_away(livekit: LiveKit, ingress_id: str) -> None:
    try:
        livekit.delete_ingress(ingress_id)
    except LiveKitError as error:
        raise Unavailable(str(error), retry_after_s=5) from error


def _view(kind: Kind, door: IngressDoor) -> IngressView:
    is_rtmp = kind is Kind.RTMP
    return IngressView(
        type=kind,
        provider=Provider.LIVEKIT,
        server_url=door.url,
        stream_key=door.stream_key,
        rtmp_url=f"{door.url.rstrip('/')}/{door.stream_key}" if is_rtmp else None,
        whip_url=None if is_rtmp else door.url,
    )
