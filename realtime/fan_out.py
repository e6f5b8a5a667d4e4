"""Whose turn it is to be written to: large audiences are told in slices, so that the process listens in between.

A thousand writes take ten milliseconds. What is said meanwhile would wait for their end, and its commit would begin
only then; so it is read between two slices, and is the next write to each socket together with what else came.
"""

import asyncio
from collections import OrderedDict
from time import perf_counter
from typing import Protocol

from realtime.metrics import Metrics

SLICE = 100  # sockets written to in one turn of the event loop


class Told(Protocol):
    """Those who have to be told something."""

    def write(self, most: int) -> int:
        """Write to at most so many sockets; returns to how many."""

    @property
    def is_waiting(self) -> bool:
        """Whether somebody has not got everything yet."""


class FanOut:
    """The audiences of a process in turns: a small one does not wait for the end of a large one."""

    def __init__(self, metrics: Metrics, slice_: int = SLICE) -> None:
        self._metrics, self._slice = metrics, slice_
        self._waiting: OrderedDict[Told, None] = OrderedDict()
        self._written = 0
        self._began_at = 0.0
        self._is_scheduled = False

    def begin(self, audience: Told) -> None:
        """Have an audience written to, at once where this turn has not written much."""
        if not self._waiting:
            self._began_at = perf_counter()
        self._waiting[audience] = None
        if self._written < self._slice:
            self._work()

    def finish(self) -> None:
        """Write everything that waits."""
        for audience in list(self._waiting):
            while audience.is_waiting:
                audience.write(self._slice)
        self._waiting.clear()

    def _work(self) -> None:
        while self._waiting and self._written < self._slice:
            audience, _ = self._waiting.popitem(last=False)
            self._written += audience.write(self._slice - self._written)
            if audience.is_waiting:
                self._waiting[audience] = None
        if not self._waiting:
            self._metrics.fan_out_s.observe(perf_counter() - self._began_at)
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._is_scheduled, self._written = False, 0
        if self._waiting:
            self._work()
