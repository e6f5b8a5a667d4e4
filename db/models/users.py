"""People who signed up: as everybody sees them, and as they see themselves."""

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import TimedModel


class User(TimedModel):
    username = peewee.TextField()
    name = peewee.TextField()
    role = peewee.TextField(default="viewer")
    avatar = peewee.TextField(null=True)
    bio = peewee.TextField(default="")
    company = peewee.TextField(default="")
    title = peewee.TextField(default="")
    status = peewee.TextField(default="")
    follower_count = peewee.IntegerField(default=0)
    following_count = peewee.IntegerField(default=0)
    suspended_at = DateTimeTZField(null=True)

    class Meta:
        table_name = "users"


class Account(User):
    """The whole row, through a view that shows a person their own and the platform every one."""

    email = peewee.TextField()
    password_hash = peewee.TextField()
    email_verified_at = DateTimeTZField(null=True)
    suspension_reason = peewee.TextField(default="")
    last_login_at = DateTimeTZField(null=True)

    class Meta:
        table_name = "accounts"
