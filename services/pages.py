"""Pages of long lists, by keyset: a cursor says after which row to go on."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar, cast

import msgspec

from services.errors import Invalid

DEFAULT_LIMIT, LARGEST_LIMIT = 20, 100

#: A number of things, as a column of PostgreSQL's integer keeps it.
Count = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]

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
    """The key in a cursor, as the tuple type `shape`; raises Invalid for one that we did not make.

    Whole numbers fit PostgreSQL's bigint (of `Count`: its integer), times are in UTC.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return _comparable(msgspec.json.decode(raw, type=shape))
    except (binascii.Error, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise Invalid.field("cursor", "cannot be read", "bad_cursor") from error


def _comparable(key: Key) -> Key:
    """The key with each part as the database can compare it; raises OverflowError."""
    return cast(Key, tuple(map(_part, cast(tuple[object, ...], key))))


def _part(part: object) -> object:
    if isinstance(part, datetime):
        return part.astimezone(UTC)
    if isinstance(part, int) and not -(2**63) <= part < 2**63:
        raise OverflowError("no bigint")
    return part


def cut(
    rows: Sequence[Row], limit: int, view: Callable[[Row], Item], key: Callable[[Row], tuple[Any, ...]]
) -> Page[Item]:
    """A page of `limit` items from up to `limit + 1` rows; the extra one tells that there are more."""
    shown = rows[:limit]
    more = encode_cursor(*key(shown[-1])) if len(rows) > limit else None
    return Page([view(row) for row in shown], more)
