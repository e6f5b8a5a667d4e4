"""Tokens and keys: made, signed and checked; no rule about who gets one."""

import base64
import functools
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from uuid import UUID

import jwt
import msgspec

from services import clock
from services.bus import bus
from services.errors import Unauthorized

ALGORITHM = "HS256"
LEEWAY_S = 5


class AccessClaims(msgspec.Struct, frozen=True):
    """What an access token says."""

    user_id: UUID
    session_id: UUID
    expires_at: datetime


def sign_access_token(user_id: UUID, session_id: UUID, at: datetime) -> str:
    """A JWT (RFC 7519) good for `jwt_expires_in_s` seconds."""
    settings = bus.settings
    claims = {
        "sub": str(user_id),
        "sid": str(session_id),
        "iat": at,
        "exp": at + timedelta(seconds=settings.jwt_expires_in_s),
        "typ": "access",
    }
    return jwt.encode(claims, settings.jwt_secret, algorithm=ALGORITHM)


def read_access_token(token: str) -> AccessClaims:
    """The claims of a token that we signed; raises Unauthorized for any other, and an expired one."""
    claims = _signed_claims(token, bus.settings.jwt_secret)
    if claims.expires_at + timedelta(seconds=LEEWAY_S) < clock.now():
        raise Unauthorized("The token has expired.", "token_expired")
    return claims


@functools.lru_cache(maxsize=20_000)
def _signed_claims(token: str, secret: str) -> AccessClaims:
    """What a token says that carries our signature; remembered, since a person's token comes again and again."""
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            # When it was issued is our own word: a clock that was set back makes no token of ours a bad one.
            options={"require": ["exp", "sub", "sid", "typ"], "verify_exp": False, "verify_iat": False},
        )
        if claims["typ"] != "access":
            raise Unauthorized("This is not an access token.", "token_invalid")
        return msgspec.convert(
            {"user_id": claims["sub"], "session_id": claims["sid"], "expires_at": claims["exp"]},
            AccessClaims,
            strict=False,
        )
    except (jwt.InvalidTokenError, msgspec.ValidationError) as error:
        raise Unauthorized("The token is not valid.", "token_invalid") from error


def new_secret(size: int = 32) -> str:
    """`size` random bytes, spelled for URLs."""
    return secrets.token_urlsafe(size)


def fingerprint(secret: str) -> bytes:
    """What the database keeps of a secret of high entropy."""
    return hashlib.sha256(secret.encode()).digest()


def stream_key(channel_id: UUID, version: int) -> str:
    """A channel's key: derived, so that the owner can be shown it and a copy of the database cannot."""
    return "live_" + _mac(bus.settings.stream_key_secret, "stream-key", f"{channel_id}:{version}", 24)


def one_time_code(code_id: UUID) -> str:
    """The six digits of a code: derived from the random part of its id, so that nothing need keep them."""
    return f"{int.from_bytes(keyed_hash('one-time-code-digits', str(code_id))[:8], 'big') % 1_000_000:06}"


def keyed_hash(purpose: str, text: str) -> bytes:
    """What the database keeps of a secret of low entropy: worthless without the server's own secret."""
    return hmac.digest(bus.settings.jwt_secret.encode(), f"{purpose}:{text}".encode(), "sha256")


def relay_token(stream_id: UUID) -> str:
    """What opens a stream on the media relay."""
    return _mac(bus.settings.ingest_secret, "relay", str(stream_id), 24)


def check_relay_token(stream_id: UUID, token: str) -> bool:
    """Whether `token` opens this stream; takes the same time either way."""
    return hmac.compare_digest(relay_token(stream_id).encode(), token.encode())


def _mac(secret: str, purpose: str, text: str, size: int) -> str:
    digest = hmac.digest(secret.encode(), f"{purpose}:{text}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:size]).decode().rstrip("=")
