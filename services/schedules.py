"""When things of an event begin and end."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from services.errors import Invalid

#: A time with its zone (RFC 3339).
Moment = Annotated[datetime, msgspec.Meta(tz=True)]

EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def check_times(start: datetime, end: datetime) -> None:
    """See that the end comes after the start, both within reason; raises Invalid."""
    for name, at in (("startTime", start), ("endTime", end)):
        if not EARLIEST <= at <= LATEST:
            raise Invalid.field(name, f"must lie between {EARLIEST:%Y} and {LATEST:%Y}", "bad_time")
    if end <= start:
        raise Invalid.field("endTime", "must come after startTime", "ends_before_start")
