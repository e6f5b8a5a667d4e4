"""What a transaction promises leaves after its commit, and is not forgotten."""

from datetime import timedelta

import pytest
from redis import Redis

from db.connection import query
from db.transactions import after_commit, atomic
from services import clock, jobs, outbox
from services.events import StreamStatusChanged, publish
from services.ids import new_id
from services.tracing import with_request_id
from tests.fakes import FakeJobs


def rows() -> int:
    return int(query("SELECT count(*) FROM outbox")[0][0])


def test_a_job_is_sent_after_the_commit_and_its_row_is_gone(jobs_sent: FakeJobs) -> None:
    stream_id = new_id()
    with atomic():
        jobs.enqueue(jobs.TRANSCODE_LIVE, stream_id=stream_id)
        assert jobs_sent.sent == []
    assert [(m.name, m.queue, m.arguments) for m in jobs_sent.sent] == [
        ("media.transcode_live", jobs.TRANSCODE_LIVE.queue, {"stream_id": str(stream_id)})
    ]
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
    assert rows() == 1
    jobs_sent.away = False
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        assert outbox.sweep() == 1
    assert len(jobs_sent.sent) == 1
    assert rows() == 0


def test_an_event_reaches_every_topic_as_the_client_will_read_it(redis_client: Redis) -> None:
    listener = redis_client.pubsub(ignore_subscribe_messages=True)
    room, user, stream_id = f"room:{new_id()}", f"user:{new_id()}", new_id()
    listener.subscribe(room, user)
    with with_request_id("cause-1"):
        publish(StreamStatusChanged(stream_id=stream_id, status="LIVE"), room, user)
    heard: dict[bytes, bytes] = {}
    while len(heard) < 2:
        message = listener.get_message(timeout=5)
        if message:
            heard[message["channel"]] = message["data"]
    body = b'0 cause-1\n{"type":"stream_status","streamId":"%s","status":"LIVE"}' % str(stream_id).encode()
    assert heard == {room.encode(): body, user.encode(): body}
    listener.close()


@pytest.fixture
def jobs_sent(jobs: FakeJobs) -> FakeJobs:
    return jobs
