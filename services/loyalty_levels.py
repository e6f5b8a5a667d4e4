"""A streamer's own ladder: which levels there are, how many points each asks for, what it gives."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any
from uuid import UUID

import msgspec

from db.connection import query
from db.transactions import atomic
from services import channels
from services.actors import Actor
from services.errors import FieldError, Invalid
from services.ids import new_id

MOST_LEVELS = 100
MOST_POINTS = 2**31 - 1


class LevelView(msgspec.Struct, frozen=True, rename="camel"):
    """A level; `required_points` are those earned with this streamer."""

    id: UUID
    name: str
    required_points: int
    reward: str


class LevelDraft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A level to be; with the id of one that there is, that one changed."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    required_points: Annotated[int, msgspec.Meta(ge=0, le=MOST_POINTS)]
    reward: Annotated[str, msgspec.Meta(max_length=200)] = ""
    id: UUID | None = None


Ladder = Annotated[list[LevelDraft], msgspec.Meta(max_length=MOST_LEVELS)]


def levels_of(streamer_id: UUID) -> list[LevelView]:
    """The levels of a streamer, the lowest first."""
    return [LevelView(*row) for row in query(_LEVELS, (streamer_id,))]


def replace_levels(actor: Actor, ladder: Sequence[LevelDraft]) -> list[LevelView]:
    """Make the actor's ladder the one given: levels without an id are new, those left out are gone.

    Raises Invalid, naming the item, for points that do not rise, and for an id that is no level
    of the actor's or comes twice; Forbidden without a channel. Nothing is changed then.
    """
    _check_rising(ladder)
    with atomic():
        channels.hold_own(actor)
        _check_ids(ladder, {level.id for level in levels_of(actor.user_id)})
        _write(actor.user_id, ladder)
    return levels_of(actor.user_id)


def _check_rising(ladder: Sequence[LevelDraft]) -> None:
    pairs = enumerate(pairwise(ladder), 1)
    wrong = [position for position, (lower, upper) in pairs if upper.required_points <= lower.required_points]
    _refuse(wrong, "requiredPoints", "must be more than those of the level before", "points_not_rising")


def _check_ids(ladder: Sequence[LevelDraft], own: set[UUID]) -> None:
    given = [draft.id for draft in ladder]
    unknown = [place for place, level_id in enumerate(given) if level_id is not None and level_id not in own]
    _refuse(unknown, "id", "is no level of yours", "unknown_level")
    twice = [place for place, level_id in enumerate(given) if level_id is not None and level_id in given[:place]]
    _refuse(twice, "id", "comes twice", "repeated_level")


def _refuse(places: Sequence[int], field: str, complaint: str, code: str) -> None:
    if places:
        details = [FieldError(f"[{place}].{field}", complaint) for place in places]
        raise Invalid(f"{details[0].field} {complaint}.", code, details=details)


def _write(streamer_id: UUID, ladder: Sequence[LevelDraft]) -> None:
    """Bring the rows in step; points may be swapped between levels, so that they are compared at the end."""
    rows: list[tuple[Any, ...]] = [
        (draft.id or new_id(), draft.name, draft.required_points, draft.reward) for draft in ladder
    ]
    query("SET CONSTRAINTS loyalty_levels_points_key DEFERRED")
    query(
        "DELETE FROM loyalty_levels WHERE streamer_id = %s AND id <> ALL (%s)", (streamer_id, [row[0] for row in rows])
    )
    for level_id, *rest in rows:
        query(_UPSERT, (level_id, streamer_id, *rest))
    query("SET CONSTRAINTS loyalty_levels_points_key IMMEDIATE")


_LEVELS = """
SELECT id, name, required_points, reward FROM loyalty_levels WHERE streamer_id = %s ORDER BY required_points"""

_UPSERT = """
INSERT INTO loyalty_levels (id, streamer_id, name, required_points, reward) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE
SET name = excluded.name, required_points = excluded.required_points, reward = excluded.reward"""
