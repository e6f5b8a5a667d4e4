"""Requests with a key, one of whose processes died: what had an effect never has it twice."""

import contextvars
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

import pytest

from db.connection import query
from db.transactions import atomic
from services import clock, idempotency
from services.errors import Conflict
from services.idempotency import ABANDONED_AFTER_S, LOST_AFTER_S, Answer
from tests.factories import make_post, make_user

T = TypeVar("T")
KEY, PRINT = "a-key", b"what was asked"


def request(serve: Callable[[], T]) -> T:
    """Serve in a context of its own, as every request is."""
    return contextvars.copy_context().run(serve)


def claimed(user_id: UUID, after_s: float = 0) -> Answer | None:
    with clock.frozen(clock.now() + timedelta(seconds=after_s)):
        return idempotency.claim(user_id, KEY, PRINT)


def dies_after_its_effect(user_id: UUID) -> None:
    assert claimed(user_id) is None
    with atomic():
        make_post()


def dies_before_its_effect(user_id: UUID) -> None:
    assert claimed(user_id) is None
    with atomic():
        query("SELECT 1")


def posts() -> int:
    return int(query("SELECT count(*) FROM posts")[0][0])


def test_what_had_its_effect_and_no_answer_is_never_done_again(committed_db: None) -> None:
    user_id = make_user().id
    request(lambda: dies_after_its_effect(user_id))
    soon = ((0, "request_in_progress"), (LOST_AFTER_S - 1, "request_in_progress"))
    for after_s, code in (*soon, (61, "answer_lost"), (-3600, "answer_lost")):
        with pytest.raises(Conflict) as refusal:
            request(partial(claimed, user_id, after_s))
        assert refusal.value.code == code


@pytest.mark.parametrize("after_s", [ABANDONED_AFTER_S + 1, -3600], ids=["soon", "after the clock went back"])
def test_what_had_no_effect_may_be_repeated(committed_db: None, after_s: float) -> None:
    user_id = make_user().id
    request(lambda: dies_before_its_effect(user_id))
    with pytest.raises(Conflict):
        request(lambda: claimed(user_id))
    assert request(lambda: claimed(user_id, after_s)) is None


def test_one_that_was_given_up_and_lives_after_all_has_no_effect(committed_db: None) -> None:
    user_id = make_user().id

    def slow() -> None:
        assert claimed(user_id) is None
        assert request(lambda: contextvars.Context().run(claimed, user_id, ABANDONED_AFTER_S + 1)) is None
        with atomic():
            make_post()

    with pytest.raises(Conflict):
        request(slow)
    assert posts() == 0


def test_a_key_of_yesterday_is_another_request_today(committed_db: None) -> None:
    user_id, day_s = make_user().id, 24 * 3600
    request(lambda: dies_after_its_effect(user_id))
    idempotency.keep(user_id, KEY, Answer(201, {}, b"done"))
    assert request(lambda: claimed(user_id, day_s - 1)) == Answer(201, {}, b"done")
    assert request(lambda: claimed(user_id, day_s + 1)) is None
    with pytest.raises(Conflict) as refusal:
        request(lambda: claimed(user_id, day_s + 2))
    assert refusal.value.code == "request_in_progress"


def test_a_claim_that_is_released_may_be_made_again_and_another_request_with_its_key_is_refused(
    committed_db: None,
) -> None:
    user_id = make_user().id
    assert request(lambda: claimed(user_id)) is None
    idempotency.release(user_id, KEY)
    assert request(lambda: claimed(user_id)) is None
    with pytest.raises(Conflict) as refusal:
        request(lambda: idempotency.claim(user_id, KEY, b"something else"))
    assert refusal.value.code == "idempotency_key_reused"


def test_the_answer_of_one_that_lived_is_given_again(committed_db: None) -> None:
    user_id = make_user().id
    request(lambda: dies_after_its_effect(user_id))
    idempotency.keep(user_id, KEY, Answer(201, {}, b"done"))
    assert request(lambda: claimed(user_id, LOST_AFTER_S + 1)) == Answer(201, {}, b"done")
