"""Surveys, their fields, and what people answered."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import ArrayField, BinaryJSONField, DateTimeTZField

from db.models.base import Model, TimedModel, now
from db.models.event_sessions import EventSession
from db.models.users import User


class Survey(TimedModel):
    session_id: UUID
    session = peewee.ForeignKeyField(EventSession, on_delete="CASCADE")
    title = peewee.TextField()

    class Meta:
        table_name = "surveys"


class SurveyField(Model):
    survey_id: UUID
    survey = peewee.ForeignKeyField(Survey, on_delete="CASCADE")
    position = peewee.SmallIntegerField()
    question = peewee.TextField()
    type = peewee.TextField()
    options = ArrayField(peewee.TextField, default=list, index=False)
    required = peewee.BooleanField(default=False)

    class Meta:
        table_name = "survey_fields"


class SurveyResponse(Model):
    survey_id: UUID
    survey = peewee.ForeignKeyField(Survey, on_delete="CASCADE")
    user_id: UUID
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    answers = BinaryJSONField(index=False)
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "survey_responses"
