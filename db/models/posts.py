"""What people post, with its media, comments and likes."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import Model, Row, TimedModel, now
from db.models.users import User


class Post(TimedModel):
    author_id: UUID
    author = peewee.ForeignKeyField(User, on_delete="CASCADE")
    text = peewee.TextField()
    visibility = peewee.TextField(default="PUBLIC")
    like_count = peewee.IntegerField(default=0)
    comment_count = peewee.IntegerField(default=0)

    class Meta:
        table_name = "posts"


class PostMedia(TimedModel):
    post_id: UUID
    post = peewee.ForeignKeyField(Post, on_delete="CASCADE")
    position = peewee.IntegerField()
    kind = peewee.TextField()
    status = peewee.TextField(default="PROCESSING")
    source_key = peewee.TextField(null=True)
    source_format = peewee.TextField()
    url = peewee.TextField(null=True)
    thumbnail = peewee.TextField(null=True)
    width = peewee.IntegerField(null=True)
    height = peewee.IntegerField(null=True)
    error = peewee.TextField(null=True)

    class Meta:
        table_name = "post_media"


class PostLike(Row):
    post = peewee.ForeignKeyField(Post, on_delete="CASCADE")
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "post_likes"
        primary_key = peewee.CompositeKey("post", "user")


class Comment(TimedModel):
    post_id: UUID
    post = peewee.ForeignKeyField(Post, on_delete="CASCADE")
    parent_id = peewee.UUIDField(null=True)
    author_id: UUID
    author = peewee.ForeignKeyField(User, on_delete="CASCADE")
    text = peewee.TextField()
    like_count = peewee.IntegerField(default=0)

    class Meta:
        table_name = "comments"


class CommentLike(Row):
    comment = peewee.ForeignKeyField(Comment, on_delete="CASCADE")
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "comment_likes"
        primary_key = peewee.CompositeKey("comment", "user")


class LikeNews(Model):
    """A like that its owner has not been told of yet."""

    owner = peewee.ForeignKeyField(User, on_delete="CASCADE")
    liker = peewee.ForeignKeyField(User, on_delete="CASCADE")
    post = peewee.ForeignKeyField(Post, on_delete="CASCADE")
    comment = peewee.ForeignKeyField(Comment, null=True, on_delete="CASCADE")
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "like_news"
