"""What the answers to a survey come to, field by field, and all of them for a spreadsheet."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from db.connection import query
from services.actors import Actor
from services.organisers import must_organise
from services.survey_answers import LEAST_RATING, MOST_RATING, Field
from services.surveys import fields_of, found_survey

TEXTS_SHOWN = 100
EXPORT_BATCH = 500


class Count(msgspec.Struct, frozen=True):
    """How often one value was given."""

    value: int | str
    count: int


class FieldResults(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Answers to one field: counts for RATING (with their average) and CHOICE, the newest words for TEXT."""

    field_id: UUID
    question: str
    type: str
    answers: int
    average: float | None = None
    counts: list[Count] = []
    texts: list[str] = []


class SurveyResults(msgspec.Struct, frozen=True, rename="camel"):
    """All answers to a survey, summed."""

    survey_id: UUID
    title: str
    response_count: int
    fields: list[FieldResults]


class Response(msgspec.Struct, frozen=True):
    """One person's answers, in the order of the fields; None where there is none."""

    username: str
    name: str
    created_at: datetime
    values: list[Any]


_COUNTS = """
SELECT answer.key::uuid, answer.value, count(*)
FROM survey_responses r CROSS JOIN jsonb_each(r.answers) AS answer
WHERE r.survey_id = %s AND answer.key = ANY (%s::text[]) GROUP BY 1, 2"""
_TEXTS = """
SELECT count(*) OVER (), answers ->> %(field)s FROM survey_responses
WHERE survey_id = %(survey)s AND answers ? %(field)s ORDER BY id DESC LIMIT %(limit)s"""
_BATCH = """
SELECT r.id, u.username, u.name, r.created_at, r.answers FROM survey_responses r JOIN users u ON u.id = r.user_id
WHERE r.survey_id = %s AND r.id > %s ORDER BY r.id LIMIT %s"""


def results(actor: Actor, survey_id: UUID) -> SurveyResults:
    """A survey's answers, aggregated; raises Forbidden, NotFound."""
    must_organise(actor)
    survey = found_survey(actor, survey_id)
    fields = fields_of([survey_id]).get(survey_id, [])
    [(responses,)] = query("SELECT count(*) FROM survey_responses WHERE survey_id = %s", (survey_id,))
    counted = _counted(survey_id, fields)
    shown = [
        _texts(survey_id, field) if field.type == "TEXT" else _summed(field, counted.get(field.id, {}))
        for field in fields
    ]
    return SurveyResults(survey_id, survey.title, responses, shown)


def all_responses(actor: Actor, survey_id: UUID) -> tuple[list[Field], Iterator[Response]]:
    """The fields, and every response batch by batch; raises Forbidden, NotFound at once."""
    must_organise(actor)
    found_survey(actor, survey_id)
    fields = fields_of([survey_id]).get(survey_id, [])
    return fields, _batches(survey_id, fields)


def _batches(survey_id: UUID, fields: list[Field]) -> Iterator[Response]:
    after = UUID(int=0)
    while True:
        rows = query(_BATCH, (survey_id, after, EXPORT_BATCH))
        for _, username, name, created_at, answers in rows:
            yield Response(username, name, created_at, [answers.get(str(field.id)) for field in fields])
        if len(rows) < EXPORT_BATCH:
            return
        after = rows[-1][0]


def _counted(survey_id: UUID, fields: list[Field]) -> dict[UUID, dict[int | str, int]]:
    keys = [str(field.id) for field in fields if field.type != "TEXT"]
    found: dict[UUID, dict[int | str, int]] = {}
    for field_id, value, count in query(_COUNTS, (survey_id, keys)):
        found.setdefault(field_id, {})[value] = count
    return found


def _summed(field: Field, counts: dict[int | str, int]) -> FieldResults:
    """Every value that could be given, those that nobody gave included."""
    values: list[int | str] = list(field.options or range(LEAST_RATING, MOST_RATING + 1))
    answers = sum(counts.values())
    is_rating = field.type == "RATING" and answers > 0
    total = sum(int(value) * count for value, count in counts.items()) if is_rating else 0
    return FieldResults(
        field_id=field.id,
        question=field.question,
        type=field.type,
        answers=answers,
        average=round(total / answers, 2) if is_rating else None,
        counts=[Count(value, counts.get(value, 0)) for value in values],
    )


def _texts(survey_id: UUID, field: Field) -> FieldResults:
    rows = query(_TEXTS, {"survey": survey_id, "field": str(field.id), "limit": TEXTS_SHOWN})
    return FieldResults(
        field_id=field.id,
        question=field.question,
        type=field.type,
        answers=rows[0][0] if rows else 0,
        texts=[row[1] for row in rows],
    )
