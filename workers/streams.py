"""Watching over live streams: the abandoned are ended, the viewers counted."""

from services import broadcasts, jobs, viewers
from workers.app import task


@task(jobs.REAP_STREAMS)
def reap_streams() -> None:
    broadcasts.reap()


@task(jobs.SAMPLE_VIEWERS)
def sample_viewers() -> None:
    viewers.sample()
