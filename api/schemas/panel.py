"""What the routes of the panel and of the market take, where a service does not say it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from uuid import UUID

import msgspec

from api.schemas.lists import ListQuery
from services.analytics import Interval, Range, wanted_range
from services.errors import Invalid
from services.payouts import PayoutStatus

DATE_LENGTH = len("2026-01-31")
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

#: A time (RFC 3339), or a date: the whole day, in UTC.
When = Annotated[str, msgspec.Meta(min_length=DATE_LENGTH, max_length=40)]


class AnalyticsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """From when to when, in buckets of what width; a date as `to` is shown to its end."""

    since: When | None = msgspec.field(default=None, name="from")
    until: When | None = msgspec.field(default=None, name="to")
    interval: Interval = Interval.DAY

    def range(self) -> Range:
        """The range that is meant; raises Invalid naming the parameter that is wrong."""
        since = _moment(self.since, "from") if self.since else None
        until = _moment(self.until, "to") if self.until else None
        if until is not None and self.until is not None and len(self.until) == DATE_LENGTH:
            until += timedelta(days=1)
        return wanted_range(since, until, self.interval)


class ItemQuery(ListQuery, frozen=True, kw_only=True, rename="camel"):
    """Which page of the things on sale; with `seller_id` of that streamer's."""

    seller_id: UUID | None = None


class PayoutQuery(ListQuery, frozen=True, kw_only=True):
    """Which page of the payouts in which state."""

    status: PayoutStatus = PayoutStatus.PENDING


def _moment(text: str, field: str) -> datetime:
    """A moment of UTC; the plus of an offset, which a query string turns into a space, is put back."""
    try:
        if len(text) == DATE_LENGTH:
            found = datetime.combine(date.fromisoformat(text), time(), UTC)
        else:
            found = datetime.fromisoformat(text[:DATE_LENGTH] + "T" + text[DATE_LENGTH + 1 :].replace(" ", "+"))
    except ValueError as error:
        raise Invalid.field(field, "must be a time (RFC 3339) or a date", "bad_time") from error
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if not EARLIEST <= found <= LATEST:
        raise Invalid.field(field, f"must lie between {EARLIEST:%Y} and {LATEST:%Y}", "bad_time")
    return found.astimezone(UTC)
