"""Playback tokens: short-lived leave to fetch the files of one stream, checked by arithmetic alone.

The form is that of nginx's `ngx_http_secure_link_module`, so that nginx checks what the API signs
and neither asks anybody: `<unix time of expiry>-<md5 of expiry, stream and secret>`. The fields
have one form each and a forger chooses none of them; MD5's collisions are of no use here. See
docs/decisions/playback-rights.md.
"""

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from services import clock
from services.bus import bus

#: Expiry is a whole number of these: who asks within one shares a URL, and so a cache's copy.
ROUND_S = 60

_FORM = re.compile(r"(\d{10})-([A-Za-z0-9_-]{22})")


class PlaybackToken(msgspec.Struct, frozen=True):
    """A token and the time at which it dies."""

    token: str
    expires_at: datetime


def sign(stream_id: UUID) -> PlaybackToken:
    """Leave to fetch the files of a stream for at least PLAYBACK_TOKEN_EXPIRES_IN."""
    wanted = clock.now() + timedelta(seconds=bus.settings.playback_token_expires_in_s)
    expires = -(-int(wanted.timestamp()) // ROUND_S) * ROUND_S
    return PlaybackToken(f"{expires}-{_signature(expires, stream_id)}", datetime.fromtimestamp(expires, UTC))


def seconds_left(token: str, stream_id: UUID) -> int:
    """For how many seconds a token opens a stream; 0 for one that is dead, another stream's or not ours."""
    found = _FORM.fullmatch(token)
    if found is None or not hmac.compare_digest(found[2], _signature(int(found[1]), stream_id)):
        return 0
    return max(0, int(found[1]) - int(clock.now().timestamp()))


def _signature(expires: int, stream_id: UUID) -> str:
    signed = f"{expires}:{stream_id}:{bus.settings.playback_secret}".encode()
    digest = hashlib.md5(signed, usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
