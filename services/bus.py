"""The process's lines to Redis and to the job broker, opened once by its entry point."""

from typing import Protocol
from uuid import UUID

import msgspec
from redis import Redis

from settings import Settings


class JobMessage(msgspec.Struct, frozen=True):
    """A job on its way to a queue; `id` stays the same however often it is sent."""

    id: UUID
    name: str
    queue: str
    arguments: dict[str, object]
    request_id: str


class JobSender(Protocol):
    """Puts jobs on their queue; raises OSError (or a subclass) where the broker is away."""

    def send(self, message: JobMessage) -> None: ...


class Bus:
    """What a process is connected to. Using it before `connect` is a programming error."""

    settings: Settings
    redis: Redis
    jobs: JobSender

    def connect(self, settings: Settings, redis_client: Redis, jobs: JobSender) -> None:
        self.settings, self.redis, self.jobs = settings, redis_client, jobs

    def send_job(self, message: JobMessage) -> None:
        self.jobs.send(message)


bus = Bus()
