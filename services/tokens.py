"""Tokens and keys: made, signed and checked; no rule about who gets one."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from uuid import UUID

import jwt
import msgspec

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
    try:
        claims = jwt.decode(
            token,
            bus.settings.jwt_secret,
            algorithms=[ALGORITHM],
            leeway=LEEWAY_S,
            options={"require": ["exp", "sub", "sid", "typ"]},
        )
        if claims["typ"] != "access":
            raise Unauthorized("This is not an access token.", "token_invalid")
        return msgspec.convert(
            {"user_id": claims["sub"], "session_id": claims["sid"], "expires_at": claims["exp"]},
            AccessClaims,
            strict=False,
        )
    except jwt.ExpiredSignatureError as error:
        raise Unauthorized("The token has expired.", "token_expired") from error
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
