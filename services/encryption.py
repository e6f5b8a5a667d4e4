"""What is sealed at rest: authenticated encryption under keys that can be changed.

ENCRYPTION_KEYS lists Fernet keys (github.com/fyne/fernet spec: AES-128-CBC with HMAC-SHA256), the
newest first. It seals; all of them open. `docs/decisions/encryption.md` says how to change keys.
"""

import hashlib
from uuid import UUID

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from services.bus import bus

KEY_ID_CHARACTERS = 12


class CannotOpen(Exception):
    """A sealed text was changed, belongs to another, or its key is no longer in ENCRYPTION_KEYS."""


class Sealed(msgspec.Struct, frozen=True):
    """A sealed text, and which key it was sealed with."""

    ciphertext: bytes
    key_id: str


class _Envelope(msgspec.Struct, frozen=True):
    """What is inside: whose it is and for what, so that one row's text cannot pass for another's."""

    purpose: str
    owner: UUID
    content: bytes


def seal(purpose: str, owner: UUID, content: bytes) -> Sealed:
    """Encrypt with the newest key."""
    inside = msgspec.json.encode(_Envelope(purpose, owner, content))
    return Sealed(_keys().encrypt(inside), newest_key_id())


def unseal(purpose: str, owner: UUID, ciphertext: bytes) -> bytes:
    """Decrypt what was sealed for the same purpose and owner; raises CannotOpen."""
    try:
        inside = msgspec.json.decode(_keys().decrypt(bytes(ciphertext)), type=_Envelope)
    except (InvalidToken, msgspec.MsgspecError) as error:
        raise CannotOpen(f"{purpose} of {owner} cannot be opened") from error
    if (inside.purpose, inside.owner) != (purpose, owner):
        raise CannotOpen(f"this is not {purpose} of {owner}")
    return inside.content


def reseal(ciphertext: bytes) -> Sealed:
    """The same under the newest key; raises CannotOpen."""
    try:
        return Sealed(_keys().rotate(bytes(ciphertext)), newest_key_id())
    except InvalidToken as error:
        raise CannotOpen("no key of ENCRYPTION_KEYS opens this") from error


def newest_key_id() -> str:
    """Which key seals now: a short hash, which does not give the key away."""
    return hashlib.sha256(bus.settings.encryption_keys[0].encode()).hexdigest()[:KEY_ID_CHARACTERS]


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in bus.settings.encryption_keys])
