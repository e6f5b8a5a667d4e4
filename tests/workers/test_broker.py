"""What is no message goes out of its queue with a word, and the next that is one is done."""

import json
from pathlib import Path

import celery
import redis

from services import jobs
from settings import Settings
from tests.workers.running import running_worker
from tests.workers.test_deaths import _stores

QUEUE = jobs.SWEEP_WEBHOOKS.queue
NO_MESSAGES = [
    b"\x00garbage{",
    b"\xff\xfe",
    b"",
    b"{}",
    b"[]",
    b"null",
    b"17",
    b'{"body": "e30=", "properties": null}',
    b'{"body": "e30=", "properties": {"delivery_tag": "x"}}',
    json.dumps({"garbage": "b" * 100_000}).encode(),
]


def test_no_rubbish_in_a_queue_ends_a_worker_or_stops_what_comes_after_it(
    committed_db: Settings, redis_client: redis.Redis, tmp_path: Path
) -> None:
    environment = _stores(committed_db)
    for rubbish in NO_MESSAGES:
        redis_client.lpush(QUEUE, rubbish)
    celery.Celery("test", broker=environment["CELERY_BROKER_URL"], set_as_current=False).send_task(
        jobs.SWEEP_WEBHOOKS.name, queue=QUEUE
    )
    with running_worker(QUEUE, environment, tmp_path / "worker.log") as worker:
        worker.wait_to_say('"job_done"')
        assert worker.is_alive()
        assert len(worker.lines('"message_unreadable"')) == len(NO_MESSAGES)
        assert not worker.lines("garbage"), "what somebody has put there is not for the log"
    assert redis_client.llen(QUEUE) == 0
