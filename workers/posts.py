"""Media of posts: made into what browsers show, and deleted with their post."""

from uuid import UUID

from services import jobs, post_media
from workers.app import task


@task(jobs.PROCESS_POST_MEDIA, soft_time_limit=3300, time_limit=3600)
def process_media(media_id: str) -> None:
    post_media.process(UUID(media_id))


@task(jobs.TIDY_POST_MEDIA)
def tidy_media(post_id: str) -> None:
    post_media.tidy(UUID(post_id))
