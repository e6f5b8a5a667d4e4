"""Letters, one a job."""

from uuid import UUID

from services import jobs, mail
from workers.app import task


@task(jobs.SEND_MAIL)
def send(kind: str, about: str) -> None:
    mail.send(kind, UUID(about))
