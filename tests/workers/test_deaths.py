"""A worker killed (SIGKILL) in every task there is: before some statement of it, and when it has just returned.

The tasks are taken from the list of jobs, so that a new one fails here until somebody says what it is
to do (`scenes.py`). Each is done by real workers on a real broker; what a dead one had in hand is given
back as its colleagues do it, and at the end the effect is there, once.
"""

import importlib
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import celery
import pytest
from cryptography.fernet import Fernet

from services import jobs
from services.bus import bus
from services.ids import new_id
from services.jobs import Job
from services.queues import UNACKED_KEY
from settings import Settings
from tests.e2e.shop import open_shop
from tests.e2e.stack import until
from tests.fakes import FakeJobs
from tests.livekit import KEY, SECRET, fake_livekit
from tests.relay import fake_relay, make_flv
from tests.workers.doomed import Doomed, doomed
from tests.workers.scenes import ELSEWHERE, RETENTION_DAYS, SCENES
from tests.workers.stage import Scene, Stage
from workers import custody

JOBS = {value.name: value for value in vars(jobs).values() if isinstance(value, Job)}
#: Before which statement of a task the first worker dies. The second one dies when the task has returned.
MIDWAY, NEVER = 3, 1_000_000


class Ward:
    """The workers, the broker between us and them, and the stage that they work on."""

    def __init__(self, workers: Doomed, broker: celery.Celery, stage: Stage, log: Path) -> None:
        self._workers, self._broker, self._stage, self._log = workers, broker, stage, log

    def play(self, job: Job) -> Scene:
        """Have a job begun by workers that die over it; what they leave is done by whoever comes next."""
        scene = SCENES[job.name](self._stage)
        self._ask(job, scene)
        for point in (MIDWAY, NEVER):
            death = self._workers.live(job.queue, job.name, point)
            self._give_back()
            if death == "after":
                break
        assert death == "after"
        return scene

    def finish(self, queue: str) -> None:
        """Let a worker that nothing happens to do all that is left."""
        with self._workers.survivor(queue):
            until(lambda: self._is_idle(queue), 120, self._log.read_text)  # some are tried again, later each time

    def _ask(self, job: Job, scene: Scene) -> None:
        arguments = {
            name: str(value) if not isinstance(value, list) else value for name, value in scene.arguments.items()
        }
        self._broker.send_task(job.name, kwargs=arguments, queue=job.queue, task_id=str(new_id()))

    def _give_back(self) -> None:
        """What the others do for one whose lease has run out."""
        for name in custody.workers():
            custody.give_back(self._broker, name)

    def _is_idle(self, queue: str) -> bool:
        waiting = bus.redis.llen(queue)
        return not waiting and not any(bus.redis.hlen(UNACKED_KEY + name) for name in custody.workers())


@pytest.fixture
def ward(committed_db: Settings, jobs: FakeJobs, tmp_path: Path) -> Iterator[Ward]:
    keys = (Fernet.generate_key().decode(), *committed_db.encryption_keys)
    with ExitStack() as stack:
        livekit = stack.enter_context(fake_livekit())
        relay = stack.enter_context(fake_relay(make_flv(0.1, "320x240", audio=False)))
        shop = stack.enter_context(open_shop(committed_db, jobs))
        own = {
            **_stores(committed_db),
            "PUBLIC_URL": shop.url,
            "RELAY_URL": relay.url,
            "LIVEKIT_URL": livekit.url,
            "LIVEKIT_API_KEY": KEY,
            "LIVEKIT_API_SECRET": SECRET,
            "RECORDING_RETENTION_DAYS": str(RETENTION_DAYS),
            "ENCRYPTION_KEYS": ",".join(keys),
        }
        workers = stack.enter_context(doomed(os.environ | own, tmp_path / "workers.log"))
        broker = celery.Celery("test", broker=own["CELERY_BROKER_URL"], set_as_current=False)
        yield Ward(workers, broker, Stage(shop, livekit, tmp_path, keys), tmp_path / "workers.log")


def _stores(settings: Settings) -> dict[str, str]:
    address = urlsplit(settings.redis_url)
    number = parse_qs(address.query).get("db", ["0"])[0]
    return {
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
        "CELERY_BROKER_URL": f"redis+socket://{address.path}?virtual_host={number}",
        "DATA_DIR": str(settings.data_dir),
        "HLS_PATH": str(settings.hls_path),
        "MEDIA_STORAGE": settings.media_storage,
    }


def test_every_task_has_its_scene() -> None:
    assert sorted(JOBS.keys() - SCENES.keys() - ELSEWHERE.keys()) == []
    for module, name in ELSEWHERE.values():
        assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize("queue", sorted({job.queue for job in JOBS.values()} - {"transcode"}))
def test_killed_in_a_task_its_effect_is_there_once(ward: Ward, queue: str) -> None:
    scenes = {job.name: ward.play(job) for job in JOBS.values() if job.queue == queue and job.name not in ELSEWHERE}
    ward.finish(queue)
    assert [name for name, scene in scenes.items() if not scene.holds()] == []
