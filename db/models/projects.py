"""Projects: what events belong to."""

import peewee

from db.models.base import TimedModel


class Project(TimedModel):
    name = peewee.TextField()
    description = peewee.TextField(default="")
    status = peewee.TextField(default="DRAFT")
    is_on_demand = peewee.BooleanField(default=False)
    youtube_video_id = peewee.TextField(null=True)
    thumbnail = peewee.TextField(null=True)

    class Meta:
        table_name = "projects"
