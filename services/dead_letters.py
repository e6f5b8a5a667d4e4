"""Jobs that gave up, kept for an operator to look at."""

from db.models.outbox import DeadLetter
from services.tracing import current_request_id


def record(job: str, arguments: dict[str, object], error: str, attempts: int) -> None:
    """Keep what was asked, how often it was tried, and why it failed at last."""
    DeadLetter.create(
        job=job, payload=arguments, error=error[:2000], attempts=attempts, request_id=current_request_id()
    )
