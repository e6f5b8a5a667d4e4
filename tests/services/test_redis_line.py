"""The line to Redis: who waits for one that is silent, who is told at once, and who tries again."""

import threading
from collections.abc import Iterator

import pytest
import redis

from services import redis_line
from services.redis_line import TIMEOUT_S, TRY_AGAIN_S, Gate, OneMoreTry, Silent, open_redis
from tests.folders import open_folder
from tests.realtime.own_redis import open_redis as open_own_redis


class Time:
    """Seconds that pass when they are told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Iterator[Time]:
    passing = Time()
    monkeypatch.setattr(redis_line, "monotonic", passing)
    yield passing


def asked(retry: OneMoreTry, *outcomes: Exception | str) -> str:
    """What a command comes to, of which the first tries end so."""
    told = iter(outcomes)

    def do() -> str:
        outcome = next(told)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return retry.call_with_retry(do, lambda *_: None, with_failure_count=True)


def of_another_thread(gate: Gate) -> str:
    said: list[str] = []

    def check() -> None:
        try:
            gate.check()
        except Silent:
            said.append("silent")
        else:
            said.append("may try")

    thread = threading.Thread(target=check)
    thread.start()
    thread.join()
    return said[0]


def test_a_connection_that_died_is_replaced_once(time: Time) -> None:
    retry = OneMoreTry(Gate())
    assert asked(retry, redis.ConnectionError("died"), "pong") == "pong"
    with pytest.raises(redis.ConnectionError):
        asked(retry, redis.ConnectionError("died"), redis.ConnectionError("died"), "pong")
    assert asked(retry, "pong") == "pong", "a refusal is quick, and keeps nobody from asking"


def test_after_one_waited_in_vain_the_others_are_told_at_once_and_one_a_second_tries(time: Time) -> None:
    gate = Gate()
    retry = OneMoreTry(gate)
    with pytest.raises(redis.TimeoutError):
        asked(retry, redis.TimeoutError("no answer"), "never asked again")
    with pytest.raises(Silent):
        asked(retry, "never asked")
    time.now += TRY_AGAIN_S
    gate.check()  # it is this thread's turn
    gate.check()
    assert of_another_thread(gate) == "silent"
    time.now += TIMEOUT_S + TRY_AGAIN_S  # whoever had the turn never came back
    assert of_another_thread(gate) == "may try"


def test_an_answer_opens_the_line_for_all(time: Time) -> None:
    gate = Gate()
    retry = OneMoreTry(gate)
    gate.shut()
    time.now += TRY_AGAIN_S
    assert asked(retry, "pong") == "pong"
    assert of_another_thread(gate) == "may try"


def test_a_redis_whose_disk_is_full_is_away_and_a_wrong_command_is_wrong(time: Time) -> None:
    retry = OneMoreTry(Gate())
    with pytest.raises(redis.ConnectionError, match="MISCONF"):
        asked(retry, redis.ResponseError("MISCONF cannot persist"))
    with pytest.raises(redis.ResponseError, match="unknown"):
        asked(retry, redis.ResponseError("unknown command"))


@pytest.fixture
def full() -> Iterator[redis.Redis]:
    """A real Redis whose memory is full."""
    with open_folder("astrotv-full-") as folder, open_own_redis(folder, keeps_data=False) as server:
        client = open_redis(server.url, Gate())
        client.config_set("maxmemory", 1)
        yield client
        client.close()


def test_a_redis_whose_memory_is_full_is_away_for_whoever_writes(full: redis.Redis) -> None:
    with pytest.raises(redis.ConnectionError):
        full.set("a", "b")
    with pytest.raises(redis.ConnectionError):
        full.eval("return redis.call('SET', 'a', 'b')", 0)
    with full.pipeline() as pipeline:
        pipeline.set("a", "b")
        with pytest.raises(redis.ConnectionError):
            pipeline.execute()
    assert full.get("a") is None


def test_a_redis_that_became_a_replica_is_away_for_whoever_writes(full: redis.Redis) -> None:
    full.config_set("maxmemory", 0)
    full.replicaof("127.0.0.1", "1")
    with pytest.raises(redis.ConnectionError):
        full.set("a", "b")
