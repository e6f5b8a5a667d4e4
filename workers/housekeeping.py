"""Keeping house: the outbox swept, old rows tidied and deleted."""

from services import idempotency, jobs, one_time_codes, outbox, retention, sessions, uploads
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


@task(jobs.APPLY_RETENTION)
def apply_retention() -> None:
    retention.apply()
