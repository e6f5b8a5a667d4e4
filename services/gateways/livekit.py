"""LiveKit behind a small interface: ingresses, room tokens, and webhooks whose signature is good.

Sources: docs.livekit.io (server APIs, webhooks); the calls are those of the `livekit-api` library.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import aiohttp
import jwt
import msgspec
from google.protobuf.json_format import Parse, ParseError
from livekit import api
from livekit.api.twirp_client import TwirpError
from livekit.protocol.webhook import WebhookEvent

from settings import Settings

TIMEOUT_S = 8.0
MOST_CLAIMS_AGE = timedelta(seconds=10)
T = TypeVar("T")

_INPUTS = {"RTMP": api.IngressInput.RTMP_INPUT, "WHIP": api.IngressInput.WHIP_INPUT}


class LiveKitError(Exception):
    """LiveKit could not be reached, or refused."""


class BadWebhook(Exception):
    """A webhook that LiveKit did not sign, or signed for another body, or long ago."""


class IngressDoor(msgspec.Struct, frozen=True):
    """Where an encoder publishes to, and with which key."""

    ingress_id: str
    url: str
    stream_key: str


class RoomEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook says. `session` names one publishing from its beginning to its end."""

    event_id: str
    kind: str
    room: str = ""
    identity: str = ""
    session: str = ""


class LiveKit:
    """One LiveKit server, reached with an API key; calls wait for it."""

    def __init__(self, url: str, api_key: str, api_secret: str) -> None:
        self._url = url.replace("ws", "http", 1) if url.startswith("ws") else url
        self._key, self._secret = api_key, api_secret

    def create_ingress(self, kind: str, room: str, identity: str, name: str) -> IngressDoor:
        """Make a door of a kind (`RTMP` or `WHIP`) into a room; raises LiveKitError."""
        request = api.CreateIngressRequest(
            input_type=_INPUTS[kind],
            name=name,
            room_name=room,
            participant_identity=identity,
            participant_name=name,
        )
        return _door(self._call(lambda livekit: livekit.ingress.create_ingress(request)))

    def find_ingress(self, ingress_id: str) -> IngressDoor | None:
        """A door made before; None where LiveKit knows it no more. Raises LiveKitError."""
        request = api.ListIngressRequest(ingress_id=ingress_id)
        found = self._call(lambda livekit: livekit.ingress.list_ingress(request)).items
        return _door(found[0]) if found else None

    def delete_ingress(self, ingress_id: str) -> None:
        """Take a door away, with whoever publishes through it; nothing happens where there is none."""
        request = api.DeleteIngressRequest(ingress_id=ingress_id)
        self._call(lambda livekit: livekit.ingress.delete_ingress(request), missing=api.IngressInfo())

    def close_room(self, room: str) -> None:
        """Send everybody out of a room; nothing happens where there is none."""
        request = api.DeleteRoomRequest(room=room)
        self._call(lambda livekit: livekit.room.delete_room(request), missing=api.DeleteRoomResponse())

    def published_rooms(self, rooms: Sequence[str]) -> set[str]:
        """Those of the rooms in which somebody publishes at this moment; raises LiveKitError."""
        request = api.ListRoomsRequest(names=list(rooms))
        found = self._call(lambda livekit: livekit.room.list_rooms(request)).rooms
        return {room.name for room in found if room.num_publishers}

    def room_token(self, room: str, identity: str, name: str, *, publishes: bool, lasts_s: int) -> str:
        """Leave to join one room, to watch it or to publish in it as well."""
        grants = api.VideoGrants(
            room_join=True,
            room=room,
            can_subscribe=True,
            can_publish=publishes,
            can_publish_data=publishes,
            hidden=None if publishes else True,
        )
        token = api.AccessToken(self._key, self._secret).with_identity(identity).with_name(name)
        return token.with_grants(grants).with_ttl(timedelta(seconds=lasts_s)).to_jwt()

    def read_webhook(self, body: bytes, authorization: str) -> RoomEvent:
        """What a webhook says, once its signature over the raw body has been checked; raises BadWebhook."""
        verifier = api.TokenVerifier(self._key, self._secret, leeway=MOST_CLAIMS_AGE)
        try:
            claims = verifier.verify(authorization.removeprefix("Bearer ").strip())
            signed = base64.b64decode(claims.sha256 or "", validate=True)
        except (jwt.PyJWTError, binascii.Error, TypeError) as error:
            raise BadWebhook(f"the token is not good: {error}") from error
        if not hmac.compare_digest(signed, hashlib.sha256(body).digest()):
            raise BadWebhook("the body is not the one that was signed")
        return read_event(body)

    def _call(self, ask: "Callable[[api.LiveKitAPI], Awaitable[T]]", missing: T | None = None) -> T:
        """Ask LiveKit one thing; `missing` is the answer where it says that there is no such thing."""

        async def run() -> T:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
            async with api.LiveKitAPI(self._url, self._key, self._secret, timeout=timeout, failover=False) as livekit:
                return await ask(livekit)

        try:
            return asyncio.run(run())
        except TwirpError as error:
            if missing is not None and error.code == "not_found":
                return missing
            raise LiveKitError(f"LiveKit refused: {error.code}: {error.message}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise LiveKitError(f"LiveKit cannot be reached: {error}") from error


def livekit_of(settings: Settings) -> LiveKit | None:
    """The LiveKit of this installation; None where there is none."""
    if not (settings.livekit_url and settings.livekit_api_key and settings.livekit_api_secret):
        return None
    return LiveKit(settings.livekit_url, settings.livekit_api_key, settings.livekit_api_secret)


def read_event(body: bytes) -> RoomEvent:
    """A webhook's body in our words; raises BadWebhook for what is none."""
    try:
        event = Parse(body, WebhookEvent(), ignore_unknown_fields=True)
    except (ParseError, UnicodeDecodeError) as error:
        raise BadWebhook(f"the event cannot be read: {error}") from error
    ingress = event.ingress_info
    session = f"{ingress.ingress_id}:{ingress.state.started_at}" if ingress.ingress_id else event.participant.sid
    return RoomEvent(
        event_id=event.id or hashlib.sha256(body).hexdigest(),
        kind=event.event,
        room=ingress.room_name or event.room.name,
        identity=ingress.participant_identity or event.participant.identity,
        session=session,
    )


def _door(info: "api.IngressInfo") -> IngressDoor:
    return IngressDoor(info.ingress_id, info.url, info.stream_key)
