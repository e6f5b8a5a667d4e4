"""Requests that were made once already, and what they were answered.

A process may die between a request's effect and its answer. So the transaction that has the effect
notes it beside the key, or does not commit: a claim without an answer is then either known to have
done nothing, and is given to whoever repeats it, or known to have done something, and is never repeated.
"""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from db.connection import query
from db.models.idempotency_keys import IdempotencyKey
from db.transactions import atomic, witnessed_by
from services import batches, clock
from services.errors import Conflict

KEPT_H = 24
#: A claim that has had no effect by then may be taken over; if its process lives after all, nothing it does commits.
ABANDONED_AFTER_S = 10
#: A claim with an effect whose answer is still missing by then belongs to a process that died.
LOST_AFTER_S = 60


class Answer(msgspec.Struct, frozen=True):
    """An answer as it went out."""

    status: int
    headers: dict[str, str]
    body: bytes


def claim(user_id: UUID, key: str, fingerprint: bytes) -> Answer | None:
    """Claim a key for a request; None means: do it. An earlier answer comes back as it was.

    Raises Conflict where the key was used for another request, is being served right now, or was served
    by a process that died before it could answer.
    """
    answer = _claimed(user_id, key, fingerprint, at := clock.now())
    if answer is None:
        witnessed_by(lambda: _note_effect(user_id, key, at))
    return answer


def _claimed(user_id: UUID, key: str, fingerprint: bytes, at: datetime) -> Answer | None:
    with atomic():
        if _insert(user_id, key, fingerprint, at):
            return None
        row = IdempotencyKey.select().where(*_is(user_id, key)).for_update().get()
        if row.created_at < at - timedelta(hours=KEPT_H):
            _claim_again(user_id, key, fingerprint, at)
            return None
        if bytes(row.fingerprint) != fingerprint:
            raise Conflict("This Idempotency-Key was used for another request.", "idempotency_key_reused")
        if row.status is not None:
            return Answer(row.status, row.headers, bytes(row.body or b""))
        if row.effect_at is None and _is_past(row.created_at, at, ABANDONED_AFTER_S):
            _claim_again(user_id, key, fingerprint, at)
            return None
    if row.effect_at is not None and _is_past(row.created_at, at, LOST_AFTER_S):
        raise Conflict(
            "The first request with this Idempotency-Key was carried out; its answer is lost.", "answer_lost"
        )
    raise Conflict("The first request with this Idempotency-Key is still being served.", "request_in_progress")


def _is_past(claimed_at: datetime, at: datetime, seconds: float) -> bool:
    """Whether so much time has passed; what was claimed later than now was claimed before the clock went back."""
    return abs(at - claimed_at) > timedelta(seconds=seconds)


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


def _note_effect(user_id: UUID, key: str, claimed_at: datetime) -> None:
    """Where this transaction has written anything, say so beside the key; raises Conflict if the claim was lost."""
    if not query(_NOTE, (clock.now(), user_id, key, claimed_at)) and query(_LOST, (user_id, key, claimed_at)):
        raise Conflict("This request was given up and is repeated elsewhere.", "request_in_progress")


_NOTE = """
UPDATE idempotency_keys SET effect_at = %s
WHERE user_id = %s AND key = %s AND created_at = %s AND pg_current_xact_id_if_assigned() IS NOT NULL RETURNING 1"""
_LOST = "SELECT 1 FROM idempotency_keys WHERE user_id = %s AND key = %s AND created_at <> %s"


def _insert(user_id: UUID, key: str, fingerprint: bytes, at: datetime) -> bool:
    return bool(
        query(
            """INSERT INTO idempotency_keys (user_id, key, fingerprint, created_at) VALUES (%s, %s, %s, %s)
               ON CONFLICT DO NOTHING RETURNING 1""",
            (user_id, key, fingerprint, at),
        )
    )


def _claim_again(user_id: UUID, key: str, fingerprint: bytes, at: datetime) -> None:
    IdempotencyKey.update(
        fingerprint=fingerprint, status=None, headers=None, body=None, effect_at=None, created_at=at
    ).where(*_is(user_id, key)).execute()


def _is(user_id: UUID, key: str) -> tuple[object, object]:
    return IdempotencyKey.user == user_id, IdempotencyKey.key == key


_FORGET = batches.deleting("idempotency_keys", "user_id, key", "created_at < %(before)s")
