"""What streams are about: categories (games) and tags."""

import peewee

from db.models.base import Model, Row, TimedModel


class Category(TimedModel):
    name = peewee.TextField()
    slug = peewee.TextField()
    photo = peewee.TextField(null=True)

    class Meta:
        table_name = "categories"


class Tag(Model):
    name = peewee.TextField()

    class Meta:
        table_name = "tags"


class CategoryTag(Row):
    category = peewee.ForeignKeyField(Category, on_delete="CASCADE")
    tag = peewee.ForeignKeyField(Tag, on_delete="CASCADE")

    class Meta:
        table_name = "category_tags"
        primary_key = peewee.CompositeKey("category", "tag")
