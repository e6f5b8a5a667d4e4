"""Watching over live streams: the abandoned are ended."""

from services import broadcasts, jobs
from workers.app import task


@task(jobs.REAP_STREAMS)
def reap_streams() -> None:
    broadcasts.reap()
