"""Months as they are billed: counted in UTC from the day on which a subscription began.

Counting from the first day, and not from the last, keeps somebody who began on the 31st on the
last day of short months and on the 31st of long ones. UTC has no daylight saving to step over.
"""

import calendar
import math
from datetime import UTC, datetime


def months_after(anchor: datetime, months: int) -> datetime:
    """The same time of day so many months later, on the last day of a month that is too short."""
    at = anchor.astimezone(UTC)
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    day = min(at.day, calendar.monthrange(year, month + 1)[1])
    return at.replace(year=year, month=month + 1, day=day)


def prorated(amount: int, left_s: float, whole_s: float) -> int:
    """A month's amount for what is left (it may be more than one), rounded up; at least 1."""
    return max(1, math.ceil(amount * max(0.0, left_s) / whole_s))
