"""Requests that were made once already, and what they were answered."""

from datetime import timedelta
from uuid import UUID

import msgspec

from db.connection import query
from db.models.idempotency_keys import IdempotencyKey
from db.transactions import atomic
from services import batches, clock
from services.errors import Conflict

KEPT_H = 24
#: A claim without an answer by then belongs to a process that died.
ABANDONED_AFTER_S = 60


class Answer(msgspec.Struct, frozen=True):
    """An answer as it went out."""

    status: int
    headers: dict[str, str]
    body: bytes


def claim(user_id: UUID, key: str, fingerprint: bytes) -> Answer | None:
    """Claim a key for a request; None means: do it. An earlier answer comes back as it was.

    Raises Conflict where the key was used for another request, or is being served right now.
    """
    at = clock.now()
    with atomic():
        if _insert(user_id, key, fingerprint):
            return None
        row = IdempotencyKey.select().where(*_is(user_id, key)).for_update().get()
        if row.created_at < at - timedelta(hours=KEPT_H):
            _claim_again(user_id, key, fingerprint)
            return None
        if bytes(row.fingerprint) != fingerprint:
            raise Conflict("This Idempotency-Key was used for another request.", "idempotency_key_reused")
        if row.status is not None:
            return Answer(row.status, row.headers, bytes(row.body or b""))
        if row.created_at < at - timedelta(seconds=ABANDONED_AFTER_S):
            _claim_again(user_id, key, fingerprint)
            return None
    raise Conflict("The first request with this Idempotency-Key is still being served.", "request_in_progress")


def keep(user_id: UUID, key: str, answer: Answer) -> None:
    """Remember the answer for a day."""
    IdempotencyKey.update(status=answer.status, headers=answer.headers, body=answer.body).where(
        *_is(user_id, key)
    ).execute()


def release(user_id: UUID, key: str) -> None:
    """Forget a claim whose request failed on our side, so that it may be tried again."""
    IdempotencyKey.delete().where(*_is(user_id, key)).execute()


def tidy() -> int:
    """Delete keys older than a day; returns how many."""
    return batches.run(_FORGET, {"before": clock.now() - timedelta(hours=KEPT_H)})


def _insert(user_id: UUID, key: str, fingerprint: bytes) -> bool:
    return bool(
        query(
            """INSERT INTO idempotency_keys (user_id, key, fingerprint, created_at) VALUES (%s, %s, %s, %s)
               ON CONFLICT DO NOTHING RETURNING 1""",
            (user_id, key, fingerprint, clock.now()),
        )
    )


def _claim_again(user_id: UUID, key: str, fingerprint: bytes) -> None:
    IdempotencyKey.update(fingerprint=fingerprint, status=None, headers=None, body=None, created_at=clock.now()).where(
        *_is(user_id, key)
    ).execute()


def _is(user_id: UUID, key: str) -> tuple[object, object]:
    return IdempotencyKey.user == user_id, IdempotencyKey.key == key


_FORGET = """
DELETE FROM idempotency_keys WHERE (user_id, key) IN (
    SELECT user_id, key FROM idempotency_keys WHERE created_at < %(before)s LIMIT %(rows)s FOR UPDATE SKIP LOCKED
) RETURNING 1"""
