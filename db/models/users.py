"""People who signed up."""

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import TimedModel


class User(TimedModel):
    email = peewee.TextField()
    username = peewee.TextField()
    name = peewee.TextField()
    password_hash = peewee.TextField()
    role = peewee.TextField(default="viewer")
    avatar = peewee.TextField(null=True)
    bio = peewee.TextField(default="")
    company = peewee.TextField(default="")
    title = peewee.TextField(default="")
    status = peewee.TextField(default="")
    follower_count = peewee.IntegerField(default=0)
    following_count = peewee.IntegerField(default=0)
    email_verified_at = DateTimeTZField(null=True)
    suspended_at = DateTimeTZField(null=True)
    suspension_reason = peewee.TextField(default="")
    last_login_at = DateTimeTZField(null=True)

    class Meta:
        table_name = "users"
