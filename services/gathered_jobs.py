"""Jobs that carry many ids: what a transaction asks for one by one goes out together after its commit."""

from collections.abc import Callable, Sequence
from uuid import UUID

import msgspec

from db.transactions import emit
from services.jobs import Job
from services.outbox import OutboxEffect, outbox

#: Few enough that a job ends well within its time limit when each of them is slow.
MOST_IDS = 50


class _Wish(msgspec.Struct, frozen=True):
    job: Job
    id: UUID


class _Gatherer:
    """Turns the wishes of a transaction into as few jobs as can carry them."""

    def store(self, effects: Sequence[_Wish]) -> Callable[[], None]:
        ids: dict[Job, list[str]] = {}
        for wish in effects:
            ids.setdefault(wish.job, []).append(str(wish.id))
        return outbox.store(
            [
                _effect(job, some[at : at + MOST_IDS])
                for job, some in ids.items()
                for at in range(0, len(some), MOST_IDS)
            ]
        )


_gatherer = _Gatherer()


def enqueue_with_others(job: Job, about: UUID) -> None:
    """Ask for a job whose one argument is `ids`, once the transaction commits."""
    emit(_Wish(job, about), _gatherer)


def _effect(job: Job, ids: list[str]) -> OutboxEffect:
    return OutboxEffect(kind="job", name=job.name, payload={"queue": job.queue, "arguments": {"ids": ids}})
