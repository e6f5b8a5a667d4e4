"""Whether what somebody answered fits the fields of a survey: pure decisions, field by field."""

from typing import Annotated, Any
from uuid import UUID

import msgspec

from services.errors import FieldError, Invalid

LEAST_RATING, MOST_RATING = 1, 5
LONGEST_TEXT = 2000


class Answer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What somebody says to one field: a whole number for RATING, words for TEXT and CHOICE."""

    field_id: UUID
    value: int | Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)] | None


class Field(msgspec.Struct, frozen=True):
    """A question of a survey; `options` are there for CHOICE alone."""

    id: UUID
    question: str
    type: str
    options: list[str]
    required: bool


def checked(fields: list[Field], answers: list[Answer]) -> dict[str, Any]:
    """The answers by field id, as they are stored; raises Invalid naming every field that is wrong.

    An empty answer to a field that is not required counts as none.
    """
    known = {field.id for field in fields}
    strangers = [answer.field_id for answer in answers if answer.field_id not in known]
    wrong = [FieldError(str(field_id), "is no field of this survey") for field_id in strangers]
    given: dict[UUID, Any] = {}
    for answer in answers:
        if answer.field_id in given:
            wrong.append(FieldError(str(answer.field_id), "is answered twice"))
        given[answer.field_id] = None if answer.value == "" else answer.value
    wrong += [
        FieldError(str(field.id), complaint)
        for field in fields
        if (complaint := complaint_about(field, given.get(field.id))) is not None
    ]
    if wrong:
        raise Invalid("Some answers do not fit their fields.", "bad_answers", details=wrong)
    return {str(field_id): value for field_id, value in given.items() if value is not None}


def complaint_about(field: Field, value: int | str | None) -> str | None:
    """What is wrong with one answer; None where nothing is."""
    if value is None:
        return "is required" if field.required else None
    if field.type == "RATING":
        fits = isinstance(value, int) and LEAST_RATING <= value <= MOST_RATING
        return None if fits else f"must be a whole number from {LEAST_RATING} to {MOST_RATING}"
    if not isinstance(value, str):
        return "must be words"
    if field.type == "CHOICE" and value not in field.options:
        return "must be one of the options"
    return None
