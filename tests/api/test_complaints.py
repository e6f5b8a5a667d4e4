"""What clients read when a field is wrong."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest

from api.complaints import complaint, out_of_range


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    """A part of a body."""

    text: str


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (Annotated[str, msgspec.Meta(max_length=3)], "abcd", "must be at most 3 characters long"),
        (Annotated[list[int], msgspec.Meta(min_length=2)], [1], "must be at least 2 items long"),
        (Annotated[int, msgspec.Meta(ge=1)], 0, "must be at least 1"),
        (Annotated[float, msgspec.Meta(lt=2.5)], 2.5, "must be less than 2.5"),
        (Annotated[str, msgspec.Meta(pattern="^(A|B)$")], "C", "must be one of A, B"),
        (Annotated[str, msgspec.Meta(pattern="^[a-z]+$")], "C", "must match ^[a-z]+$"),
        (str, None, "must be text, not null"),
        (int | None, "7", "must be a whole number or null, not text"),
        (int, True, "must be a whole number, not true or false"),
        (UUID, "x", "is not an id"),
        (datetime, "yesterday", "is not a time as in RFC 3339"),
        (dict[Literal["gift", "sale"], int], {"gifts": 1}, "cannot be 'gifts'"),
        (Annotated[datetime, msgspec.Meta(tz=True)], "2026-01-01T00:00:00", "must say its time zone, such as Z"),
    ],
)
def test_it_is_said_without_the_names_of_types(kind: Any, value: Any, said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(value, kind)
    assert complaint(refused.value, "field").message == said


@pytest.mark.parametrize(
    ("value", "field", "said"),
    [
        ([{"text": "a"}, {}], "options[1].text", "is required"),
        ([{"text": 1}], "options[0].text", "must be text, not a whole number"),
        ([{"text": "a", "more": 1}], "options[0].more", "is not a known field"),
    ],
)
def test_the_path_of_what_is_wrong_inside_a_field_is_named(value: Any, field: str, said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(value, list[Inner])
    found = complaint(refused.value, "options")
    assert (found.field, found.message) == (field, said)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("2026-01-01T00:00:00Z", None),
        ("1900-01-01T00:00:00+15:59", None),
        ("0260-02-24T08:38:11+02:00", "must be in a year from 1900 to 9998"),
        ("9999-12-31T23:59:59-12:00", "must be in a year from 1900 to 9998"),
        ("2026-02-24T08:38:11+19:29", "must be less than 16 hours off UTC"),
        ("2026-02-24T08:38:11-16:00", "must be less than 16 hours off UTC"),
    ],
)
def test_a_time_that_the_database_could_not_keep_is_refused(value: str, said: str | None) -> None:
    assert out_of_range(msgspec.convert(value, datetime)) == said
