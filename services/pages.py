"""Pages of long lists, by keyset: a cursor says after which row to go on."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from services.errors import Invalid

DEFAULT_LIMIT, LARGEST_LIMIT = 20, 100

Item = TypeVar("Item")
Row = TypeVar("Row")
Key = TypeVar("Key")


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """Some items and the cursor of the next ones, if there are any."""

    items: list[Item]
    next_cursor: str | None


def encode_cursor(*key: object) -> str:
    """An opaque spelling of the last row's key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(cursor: str, shape: type[Key]) -> Key:
    """The key in a cursor, as the tuple type `shape`; raises Invalid for one that we did not make."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=shape)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise Invalid.field("cursor", "cannot be read", "bad_cursor") from error


def cut(
    rows: Sequence[Row], limit: int, view: Callable[[Row], Item], key: Callable[[Row], tuple[Any, ...]]
) -> Page[Item]:
    """A page of `limit` items from up to `limit + 1` rows; the extra one tells that there are more."""
    shown = rows[:limit]
    more = encode_cursor(*key(shown[-1])) if len(rows) > limit else None
    return Page([view(row) for row in shown], more)
