"""Schedules on a clock that somebody sets."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import celery
import pytest
from celery.schedules import schedule

from workers.beat import SteadyScheduler

EVERY_S = 10


class Beat(SteadyScheduler):
    """Remembers what it would have sent, on a clock of the test's."""

    def __init__(self, folder: Path) -> None:
        self.sent: list[str] = []
        self.at = datetime(2030, 1, 1, tzinfo=UTC)
        app = celery.Celery("beat", set_as_current=False)
        app.conf.timezone = "UTC"
        super().__init__(app, schedule_filename=str(folder / "schedule"), lazy=True)
        self._store = {"entries": {"sweep": self.Entry("sweep", "sweep", self.at, 0, self._every(), app=app)}}

    def _every(self) -> schedule:
        return schedule(timedelta(seconds=EVERY_S), nowfun=lambda: self.at)

    def apply_entry(self, entry: Any, producer: object = None) -> None:
        self.sent.append(entry.name)

    @property
    def producer(self) -> None:
        """Nothing leaves."""

    def live(self, seconds: int) -> int:
        """How often something was sent in that time."""
        before = len(self.sent)
        for _ in range(seconds):
            self.at += timedelta(seconds=1)
            while self.tick() == 0:
                pass
        return len(self.sent) - before


@pytest.mark.parametrize("step_h", [-1, 1])
def test_a_clock_that_is_set_stops_no_schedule(tmp_path: Path, step_h: int) -> None:
    beat = Beat(tmp_path)
    assert beat.live(30) in (2, 3)
    beat.at += timedelta(hours=step_h)
    assert beat.live(30) in (2, 3, 4)
