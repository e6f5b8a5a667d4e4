"""Counting: viewers of live streams sampled, hours and days rolled up."""

from services import analytics_rollups, jobs, viewers
from workers.app import task


@task(jobs.SAMPLE_VIEWERS)
def sample_viewers() -> None:
    viewers.sample()


@task(jobs.ROLL_UP_HOURS)
def roll_up_hours() -> None:
    analytics_rollups.roll_up_hours()


@task(jobs.ROLL_UP_DAYS)
def roll_up_days() -> None:
    analytics_rollups.roll_up_days()
