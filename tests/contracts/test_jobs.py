"""Every job has a task on a queue that a worker serves, and every schedule names a job."""

import re
from pathlib import Path
from typing import Any

import celeryconfig
from services import jobs
from services.jobs import Job
from workers.app import app

ROOT = Path(__file__).resolve().parents[2]
JOBS = [value for value in vars(jobs).values() if isinstance(value, Job)]
SERVED = {
    queue for names in re.findall(r"--queues (\S+)", (ROOT / "Procfile").read_text()) for queue in names.split(",")
}


def test_every_job_has_a_task_and_every_task_a_job() -> None:
    app.loader.import_default_modules()
    tasks = {name for name in app.tasks if not name.startswith("celery.")}
    assert tasks == {job.name for job in JOBS}


def test_every_queue_is_declared_and_served() -> None:
    declared = {queue.name for queue in celeryconfig.task_queues}
    assert {job.queue for job in JOBS} <= declared == SERVED


def test_every_schedule_names_a_job_and_its_queue() -> None:
    queues = {job.name: job.queue for job in JOBS}
    schedules: dict[str, Any] = celeryconfig.beat_schedule
    for entry in schedules.values():
        assert entry["options"]["queue"] == queues[entry["task"]]
