"""Beat's schedule on a clock that may be set: no job waits because its last run lies in the future."""

from typing import Any

from celery.beat import PersistentScheduler


class SteadyScheduler(PersistentScheduler):
    """Celery's own, but for clocks that go back.

    Celery plans by the time of day, and would wait until the old time comes again. A clock that goes
    forward makes every job due once, which does no harm.
    """

    def tick(self, *arguments: Any, **options: Any) -> float:
        """Do what is due; returns after how many seconds to come again."""
        ahead = [entry for entry in self.schedule.values() if entry.last_run_at > entry.default_now()]
        for entry in ahead:
            entry.last_run_at = entry.default_now()
        if ahead:
            self._heap = None  # planned anew
        wait_s: float = super().tick(*arguments, **options)
        return wait_s
