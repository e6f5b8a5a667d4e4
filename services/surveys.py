"""Surveys of a session: typed fields, one response a person."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec

from db.connection import query
from db.models.surveys import Survey as SurveyRow
from db.models.surveys import SurveyField, SurveyResponse
from db.transactions import atomic
from services import clock
from services.actors import Actor
from services.errors import Conflict, Invalid, NotFound
from services.event_sessions import visible_session
from services.ids import new_id
from services.organisers import must_organise
from services.pages import Page, cut, decode_cursor
from services.refusals import translating
from services.survey_answers import Answer, Field, checked

MOST_FIELDS = 50
Choice = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class FieldType(StrEnum):
    """What an answer looks like: 1 to 5, words, or one of the options."""

    RATING = "RATING"
    TEXT = "TEXT"
    CHOICE = "CHOICE"


class FieldDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field to be; CHOICE has options, the others have none."""

    question: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    type: FieldType
    options: Annotated[list[Choice], msgspec.Meta(max_length=30)] = []
    required: bool = False


class SurveyDraft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A survey to be."""

    session_id: UUID
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    fields: Annotated[list[FieldDraft], msgspec.Meta(min_length=1, max_length=MOST_FIELDS)]


class SurveyResponseDraft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What somebody answers."""

    survey_id: UUID
    responses: Annotated[list[Answer], msgspec.Meta(max_length=MOST_FIELDS)]


class Survey(msgspec.Struct, frozen=True, rename="camel"):
    """A survey as an attendee sees it."""

    id: UUID
    session_id: UUID
    title: str
    fields: list[Field]
    answered_by_me: bool
    response_count: int
    created_at: datetime


class Answered(msgspec.Struct, frozen=True, rename="camel"):
    """The receipt of a response."""

    id: UUID
    survey_id: UUID
    created_at: datetime


_SELECT = """
SELECT s.id, s.session_id, s.title, s.created_at,
       EXISTS (SELECT FROM survey_responses r WHERE r.survey_id = s.id AND r.user_id = %(user)s),
       count_responses(s.id)
FROM surveys s """
_FIELDS = """
SELECT survey_id, id, question, type, options, required FROM survey_fields
WHERE survey_id = ANY (%s::uuid[]) ORDER BY survey_id, position"""


def surveys_of(actor: Actor, session_id: str, limit: int, cursor: str | None) -> Page[Survey]:
    """A session's surveys, newest first; raises NotFound."""
    session = visible_session(actor, session_id)
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else UUID(int=2**128 - 1)
    rows = query(
        _SELECT + "WHERE s.session_id = %(session)s AND s.id < %(before)s ORDER BY s.id DESC LIMIT %(limit)s",
        {"user": actor.user_id, "session": session.id, "before": before, "limit": limit + 1},
    )
    fields = fields_of([row[0] for row in rows])
    return cut(rows, limit, lambda row: _view(row, fields), lambda row: (row[0],))


def create_survey(actor: Actor, draft: SurveyDraft) -> Survey:
    """Make a survey; raises Forbidden, NotFound, Invalid."""
    must_organise(actor)
    visible_session(actor, draft.session_id)
    for number, field in enumerate(draft.fields):
        _check_options(number, field)
    with atomic():
        survey_id = add_survey(draft)
    [row] = query(_SELECT + "WHERE s.id = %(survey)s", {"user": actor.user_id, "survey": survey_id})
    return _view(row, fields_of([survey_id]))


def add_survey(draft: SurveyDraft) -> UUID:
    """Store a survey, in the caller's transaction."""
    survey_id = new_id()
    SurveyRow.create(id=survey_id, session=draft.session_id, title=draft.title)
    for position, field in enumerate(draft.fields, 1):
        SurveyField.create(
            id=new_id(),
            survey=survey_id,
            position=position,
            question=field.question,
            type=field.type.value,
            options=field.options,
            required=field.required,
        )
    return survey_id


def respond(actor: Actor, draft: SurveyResponseDraft) -> Answered:
    """Answer a survey, once; raises NotFound, Invalid naming the fields, Conflict (already_responded)."""
    row = found_survey(actor, draft.survey_id)
    answers = checked(fields_of([row.id]).get(row.id, []), draft.responses)
    made = Answered(new_id(), row.id, clock.now())
    with translating({"survey_responses_once": _already_responded}), atomic():
        SurveyResponse.create(
            id=made.id, survey=row.id, user=actor.user_id, answers=answers, created_at=made.created_at
        )
    return made


def found_survey(actor: Actor, survey_id: UUID) -> SurveyRow:
    """A survey of a session that the actor may know of; raises NotFound."""
    row = SurveyRow.get_or_none(SurveyRow.id == survey_id)
    if row is None:
        raise NotFound("No such survey.")
    visible_session(actor, row.session_id)
    return row


def fields_of(survey_ids: list[UUID]) -> dict[UUID, list[Field]]:
    """The fields of each survey, in their order."""
    found: dict[UUID, list[Field]] = {}
    for survey_id, *field in query(_FIELDS, (survey_ids,)) if survey_ids else ():
        found.setdefault(survey_id, []).append(Field(*field))
    return found


def _check_options(number: int, field: FieldDraft) -> None:
    name = f"fields[{number}].options"
    if field.type is not FieldType.CHOICE:
        if field.options:
            raise Invalid.field(name, "are for CHOICE alone", "options_unexpected")
    elif len(set(field.options)) < max(2, len(field.options)):
        raise Invalid.field(name, "must be two or more, each another", "options_required")


def _already_responded() -> Conflict:
    return Conflict("You have answered this survey already.", "already_responded")


def _view(row: tuple[Any, ...], fields: dict[UUID, list[Field]]) -> Survey:
    id_, session_id, title, created_at, answered, count = row
    return Survey(id_, session_id, title, fields.get(id_, []), answered, count, created_at)
