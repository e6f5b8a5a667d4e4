"""A worker whose broker has gone ends when it is told to, and does not wait for the broker."""

import json
import signal
from pathlib import Path

import pytest

from settings import Settings
from tests.folders import open_folder
from tests.realtime.own_redis import open_redis
from tests.workers.running import running_worker
from tests.workers.test_deaths import _stores

AT_MOST_S = 25.0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_worker_ends_although_its_broker_has_gone(
    committed_db: Settings, tmp_path: Path, number: signal.Signals
) -> None:
    with open_folder("astrotv-farewell-") as folder, open_redis(folder, keeps_data=True) as broker:
        environment = _stores(committed_db) | {
            "REDIS_URL": broker.url,
            "CELERY_BROKER_URL": broker.url.replace("unix://", "redis+socket://"),
        }
        with running_worker("webhooks", environment, tmp_path / "worker.log") as worker:
            worker.wait_to_say("ready.")
            broker.shut()
            worker.wait_to_say("custody_waits")
            worker.send(number)
            worker.wait_for_its_end(AT_MOST_S)
            assert all(json.loads(line) for line in worker.lines("")), "each line is JSON, to the last"
