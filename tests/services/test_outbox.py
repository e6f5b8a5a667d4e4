"""What a transaction promises leaves after its commit, and is not forgotten."""

import time
from datetime import timedelta

import msgspec
import pytest
from redis import Redis

from db.connection import query
from db.transactions import after_commit, atomic
from services import clock, jobs, outbox, queues
from services.bus import JobMessage
from services.events import StreamStatusChanged, publish
from services.ids import new_id
from services.tracing import with_request_id
from tests.fakes import FakeJobs


def rows() -> int:
    return int(query("SELECT count(*) FROM outbox")[0][0])


def unsent() -> int:
    return int(query("SELECT count(*) FROM outbox WHERE sent_at IS NULL")[0][0])


def test_a_job_is_sent_after_the_commit_and_its_row_stays_until_it_is_done(jobs_sent: FakeJobs) -> None:
    stream_id = new_id()
    with atomic():
        jobs.enqueue(jobs.TRANSCODE_LIVE, stream_id=stream_id)
        assert jobs_sent.sent == []
    assert [(m.name, m.queue, m.arguments) for m in jobs_sent.sent] == [
        ("media.transcode_live", jobs.TRANSCODE_LIVE.queue, {"stream_id": str(stream_id)})
    ]
    assert (rows(), unsent()) == (1, 0)
    outbox.done(jobs_sent.sent[0].id)
    assert rows() == 0


def test_a_rolled_back_savepoint_sends_nothing(jobs_sent: FakeJobs) -> None:
    called: list[str] = []
    with atomic():
        with pytest.raises(RuntimeError), atomic():
            jobs.enqueue(jobs.TRANSCODE_LIVE, stream_id=new_id())
            after_commit(lambda: called.append("inner"))
            raise RuntimeError
        after_commit(lambda: called.append("outer"))
    assert jobs_sent.sent == []
    assert called == ["outer"]


def test_with_the_broker_away_the_row_waits_for_the_sweeper(jobs_sent: FakeJobs) -> None:
    jobs_sent.away = True
    jobs.enqueue(jobs.TRANSCODE_LIVE, stream_id=new_id())
    assert unsent() == 1
    jobs_sent.away = False
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        assert outbox.sweep() == 1
    assert len(jobs_sent.sent) == 1
    assert unsent() == 0


def test_what_was_written_before_the_clock_went_back_does_not_wait_for_that_time(jobs_sent: FakeJobs) -> None:
    jobs_sent.away = True
    jobs.enqueue(jobs.TRANSCODE_LIVE, stream_id=new_id())
    query("UPDATE outbox SET created_at = created_at + interval '1 hour'")
    jobs_sent.away = False
    assert outbox.sweep() == 1
    assert len(jobs_sent.sent) == 1


def test_a_job_lost_after_the_clock_went_back_is_sent_again(jobs_sent: FakeJobs, redis_client: Redis) -> None:
    with clock.frozen(clock.now() + timedelta(hours=1)):
        jobs.enqueue(jobs.THUMBNAIL, stream_id=new_id())
    assert outbox.sweep() == 1
    assert outbox.sweep() == 0, "it was sent a moment ago"
    assert len(jobs_sent.sent) == 2


def test_a_job_that_the_broker_lost_is_sent_again_and_one_that_it_holds_is_not(
    jobs_sent: FakeJobs, redis_client: Redis
) -> None:
    for _ in range(3):
        jobs.enqueue(jobs.THUMBNAIL, stream_id=new_id())
    waiting, taken, lost = jobs_sent.sent
    redis_client.rpush("media", _on_the_wire(waiting))
    redis_client.sadd(queues.WORKERS_KEY, "a-worker")
    redis_client.hset(f"{queues.UNACKED_KEY}a-worker", "tag", b'[%s,"","media"]' % _on_the_wire(taken))
    assert outbox.sweep() == 0, "they were sent a moment ago"
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        assert outbox.sweep() == 1
    assert jobs_sent.sent[3:] == [lost]


def _on_the_wire(message: JobMessage) -> bytes:
    return msgspec.json.encode({"body": "", "headers": {"id": str(message.id), "task": message.name}})


def test_an_event_reaches_every_topic_as_the_client_will_read_it(redis_client: Redis) -> None:
    listener = redis_client.pubsub(ignore_subscribe_messages=True)
    room, user, stream_id = f"room:{new_id()}", f"user:{new_id()}", new_id()
    listener.subscribe(room, user)
    with with_request_id("cause-1"):
        publish(StreamStatusChanged(stream_id=stream_id, status="LIVE"), room, user)
    heard: dict[bytes, bytes] = {}
    deadline = time.monotonic() + 60
    while len(heard) < 2:
        assert time.monotonic() < deadline
        message = listener.get_message(timeout=1)
        if message:
            heard[message["channel"]] = message["data"]
    body = b'0 cause-1\n{"type":"stream_status","streamId":"%s","status":"LIVE"}' % str(stream_id).encode()
    assert heard == {room.encode(): body, user.encode(): body}
    listener.close()


@pytest.fixture
def jobs_sent(jobs: FakeJobs) -> FakeJobs:
    return jobs
