"""Sign-ins that are still good, and the refresh tokens that they have spent."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import Model, Row, now
from db.models.users import User


class AuthSession(Model):
    user_id: UUID
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    refresh_token_hash = peewee.BlobField()
    user_agent = peewee.TextField(default="")
    ip = peewee.TextField(default="")
    expires_at = DateTimeTZField()
    last_used_at = DateTimeTZField(default=now)
    revoked_at = DateTimeTZField(null=True)
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "auth_sessions"


class SpentRefreshToken(Row):
    token_hash = peewee.BlobField(primary_key=True)
    session = peewee.ForeignKeyField(AuthSession, on_delete="CASCADE")
    spent_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "spent_refresh_tokens"
