"""Providers' JSON as typed shapes, and ids of ours that come back in it."""

from typing import TypeVar
from uuid import UUID

import msgspec

from services.gateways.payments.interface import MalformedEvent

T = TypeVar("T")


def decode(raw: bytes | str | msgspec.Raw, shape: type[T]) -> T:
    """JSON as `shape`; raises MalformedEvent."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise MalformedEvent(str(error)) from error


def our_id(text: str | None) -> UUID | None:
    """An id that we gave away and got back; None for somebody else's."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
