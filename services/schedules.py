"""When things begin and end that are to be."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from services import clock
from services.errors import Invalid

#: A time with its zone (RFC 3339).
Moment = Annotated[datetime, msgspec.Meta(tz=True)]

EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
#: What somebody calls now may be past by the time, and by the clock, of the server.
CLOCKS_DIFFER = timedelta(minutes=1)


def check_to_come(name: str, at: datetime) -> None:
    """See that a time is still to come, within reason; raises Invalid naming the field."""
    if at < clock.now() - CLOCKS_DIFFER:
        raise Invalid.field(name, "lies in the past", "in_the_past")
    if at > LATEST:
        raise Invalid.field(name, f"must lie before {LATEST:%Y}", "bad_time")


def check_times(start: datetime, end: datetime) -> None:
    """See that the end comes after the start, both within reason; raises Invalid."""
    for name, at in (("startTime", start), ("endTime", end)):
        if not EARLIEST <= at <= LATEST:
            raise Invalid.field(name, f"must lie between {EARLIEST:%Y} and {LATEST:%Y}", "bad_time")
    if end <= start:
        raise Invalid.field("endTime", "must come after startTime", "ends_before_start")
