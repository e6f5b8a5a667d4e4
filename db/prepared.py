"""Statements that PostgreSQL plans once for a connection: planning a hot one costs more than running it.

psycopg2 sends no prepared statements of its own, so this is SQL's PREPARE and EXECUTE. Preparing
travels with the first execution, in the same round trip.
"""

import functools
import re
from itertools import count
from typing import Any

import peewee
import psycopg2.extensions

_PLACE = re.compile(r"%(?:%|s|\(\w+\)s)")
_numbers = count(1)

#: The plan no longer fits the tables (0A000), or the server knows nothing of it, as behind a pooler (26000).
OUTDATED = ("0A000", "26000")


#: More are not kept on one connection: a text that is made anew each time must not fill the server.
MOST = 200


class Line(psycopg2.extensions.connection):
    """A connection that remembers what it has prepared: the name of each statement, by its text."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.prepared: dict[str, str] = {}


class Call(str):
    """The SQL that executes a prepared statement, behind an `introduction` of who acts, which may be none."""

    introduction: str
    statement: str
    __slots__ = ("introduction", "statement")

    def __new__(cls, text: str, statement: str, introduction: str = "") -> "Call":
        call = super().__new__(cls, introduction + text if introduction else text)
        call.introduction, call.statement = introduction, statement
        return call

    @property
    def plain(self) -> str:
        """What would be sent if the statement were not prepared, for whoever reads logs."""
        return self.introduction + self.statement


def new_name() -> str:
    """A name that no statement of this process has."""
    return f"hot_{next(_numbers)}"


@functools.lru_cache(maxsize=1024)
def preparing(name: str, sql: str) -> str:
    """SQL that prepares a statement whose places are `%s`, in order, or `%(name)s`, any number of times."""
    places = {place: f"${number}" for number, place in enumerate(_places(sql), 1)}
    in_order = iter(places.values())

    def numbered(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%%"
        return next(in_order) if found[0] == "%s" else places[found[0]]

    return f"PREPARE {name} AS {_PLACE.sub(numbered, sql)}; "


@functools.lru_cache(maxsize=1024)
def executing(name: str, sql: str) -> Call:
    """SQL that executes a prepared statement, with places for its parameters."""
    places = ", ".join(place if place.startswith("%(") else "%s" for place in _places(sql))
    return Call(f"EXECUTE {name} ({places})" if places else f"EXECUTE {name}", sql)


def _places(sql: str) -> list[str]:
    """The places of a statement; each `%s` is one of its own, told apart by a number."""
    found = [place for place in _PLACE.findall(sql) if place != "%%"]
    named = list(dict.fromkeys(place for place in found if place != "%s"))
    return named or [f"%s {number}" for number in range(len(found))]


def is_outdated(error: peewee.PeeweeException) -> bool:
    """Whether a prepared statement was refused for being prepared, and not for what it says."""
    cause = getattr(error, "orig", None) or error.__cause__ or (error.args[0] if error.args else None)
    return getattr(cause, "pgcode", None) in OUTDATED
