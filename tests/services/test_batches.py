"""Batches: a statement takes as many rows as it is let, however the planner joins."""

from datetime import timedelta

import pytest

from db.connection import query
from db.models.idempotency_keys import IdempotencyKey
from services import batches, clock
from tests.factories import make_user

DAY = timedelta(days=1)


@pytest.mark.usefixtures("db")
def test_a_nested_loop_takes_no_more_than_the_limit() -> None:
    user, now = make_user(), clock.now()
    for number in range(20):
        IdempotencyKey.create(user=user.id, key=f"key-{number}", fingerprint=b"same", created_at=now - 2 * DAY)
    for other in ("hashjoin", "mergejoin", "hashagg", "sort", "indexscan", "bitmapscan", "indexonlyscan", "material"):
        query(f"SET LOCAL enable_{other} = off")
    sql = batches.deleting("idempotency_keys", "user_id, key", "created_at < %(before)s")
    assert len(query(sql, {"before": now - DAY, "rows": 3})) == 3
    assert IdempotencyKey.select().count() == 17
