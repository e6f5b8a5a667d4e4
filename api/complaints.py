"""Field errors for people: what msgspec finds wrong, said without the names of Python's types."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from services.errors import FieldError

_KINDS: Final = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
    "datetime": "a time (RFC 3339)",
    "date": "a date",
    "uuid": "an id",
}
EARLIEST_YEAR, LATEST_YEAR = 1900, 9998
WIDEST_OFFSET = timedelta(hours=16)  # PostgreSQL takes less, RFC 3339 allows nearly 24 hours
_BOUNDS: Final = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
_ITEMS: Final = {"str": "characters long", "array": "items long", "object": "fields long"}
_FIELD: Final = re.compile(r"field `([^`]*)`")
#: What says that it was the name of a field itself, of an object whose fields are not known beforehand.
_KEY: Final = re.compile(r" - at `key` in `[^`]*`")
_CHOICE: Final = re.compile(r"\^\(([\w |-]+)\)\$")


def complaint(error: msgspec.ValidationError, field: str) -> FieldError:
    """What is wrong, in the wire's spelling of the field's path (`options[2].text`), under the field that was read."""
    message, _, where = _KEY.sub("", str(error)).partition(" - at `$")
    inner = where.rstrip("`").lstrip(".")
    if named := _FIELD.search(message):
        inner = f"{inner}.{named[1]}".lstrip(".")
    joined = f"{field}{'' if inner.startswith('[') or not inner or not field else '.'}{inner}"
    return FieldError(joined or "body", worded(message))


def out_of_range(value: Any) -> str | None:
    """Why a time, though well written, is none that the database could keep and give back; None where it can."""
    if not isinstance(value, datetime):
        return None
    if not EARLIEST_YEAR <= value.year <= LATEST_YEAR:
        return f"must be in a year from {EARLIEST_YEAR} to {LATEST_YEAR}"
    if abs(value.utcoffset() or timedelta()) >= WIDEST_OFFSET:
        return "must be less than 16 hours off UTC"
    return None


def worded(message: str) -> str:
    """One message of msgspec's as the rest of a sentence that begins with the field's name."""
    for pattern, say in _WORDINGS:
        if found := pattern.fullmatch(message):
            return say(found)
    return message[0].lower() + message[1:]


def _kinds(text: str) -> str:
    """`str | null` as "text or null"."""
    return " or ".join(_KINDS.get(name, name) for name in text.split(" | "))


def _pattern(found: re.Match[str]) -> str:
    choice = _CHOICE.fullmatch(found[1])
    return f"must be one of {choice[1].replace('|', ', ')}" if choice else f"must match {found[1]}"


_WORDINGS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]] = (
    (
        re.compile(r"Expected `(str|array|object)` of length (>=|<=) (\d+)"),
        lambda found: f"must be {_BOUNDS[found[2]]} {found[3]} {_ITEMS[found[1]]}",
    ),
    (
        re.compile(r"Expected `(?:int|float|decimal)` (>=|<=|>|<) (\S+)"),
        lambda found: f"must be {_BOUNDS[found[1]]} {found[2].removesuffix('.0')}",
    ),
    (re.compile(r"Expected `str` matching regex '(.*)'"), _pattern),
    (
        re.compile(r"Expected `([^`]*)`, got `([^`]*)`"),
        lambda found: f"must be {_kinds(found[1])}, not {_kinds(found[2])}",
    ),
    (re.compile(r"Expected `([^`]*)`"), lambda found: f"must be {_kinds(found[1])}"),
    (re.compile(r"Expected `datetime` with a timezone component"), lambda _: "must say its time zone, such as Z"),
    (re.compile(r"Invalid enum value (.*)"), lambda found: f"cannot be {found[1]}"),
    (re.compile(r"Invalid UUID"), lambda _: "is not an id"),
    (re.compile(r"Invalid RFC3339 encoded datetime"), lambda _: "is not a time as in RFC 3339"),
    (re.compile(r"Object missing required field `[^`]*`"), lambda _: "is required"),
    (re.compile(r"Object contains unknown field `[^`]*`"), lambda _: "is not a known field"),
    (re.compile(r"(?:Integer|Number) (?:value )?out of range"), lambda _: "is a number out of range"),
)
