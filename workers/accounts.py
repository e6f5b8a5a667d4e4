"""Slow work on accounts: avatars made, secrets sealed anew under the newest key."""

from uuid import UUID

from services import avatars, jobs, key_rotation
from workers.app import task


@task(jobs.MAKE_AVATAR)
def make_avatar(upload_id: str) -> None:
    avatars.make_avatar(UUID(upload_id))


@task(jobs.REENCRYPT)
def reencrypt() -> None:
    key_rotation.reencrypt()
