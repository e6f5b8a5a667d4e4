"""Telling people never stands in the way of a payment."""

import re

from operations import procfile
from services import jobs
from services.jobs import Job

WORKERS = {
    entry.name: set(found[1].split(","))
    for entry in procfile.entries()
    if (found := re.search(r"--queues (\S+)", " ".join(entry.command)))
}
NAMED = [value for value in vars(jobs).values() if isinstance(value, Job)]


def test_webhooks_have_workers_that_take_nothing_else() -> None:
    assert [queues for queues in WORKERS.values() if "webhooks" in queues] == [{"webhooks"}]


def test_everything_that_tells_people_is_on_the_queue_of_notifications() -> None:
    telling = {job for job in NAMED if job.name.startswith(("notifications.", "mail."))}
    assert telling
    assert {job.queue for job in telling} == {"notifications"}


def test_media_of_posts_never_wait_for_people_to_be_told() -> None:
    assert {job.queue for job in NAMED if job.name.startswith("posts.")} == {"media"}
    assert all(not {"media", "notifications"} <= queues for queues in WORKERS.values())
