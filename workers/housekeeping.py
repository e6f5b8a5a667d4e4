"""Keeping house: the outbox swept, old rows tidied."""

from services import idempotency, jobs, one_time_codes, outbox, sessions, uploads
from workers.app import task


@task(jobs.SWEEP_OUTBOX)
def sweep_outbox() -> None:
    outbox.sweep()


@task(jobs.TIDY_SESSIONS)
def tidy() -> None:
    sessions.tidy()
    idempotency.tidy()
    one_time_codes.tidy()
    uploads.tidy()
