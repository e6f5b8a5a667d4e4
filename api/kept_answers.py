"""Answers that are the same for everybody, made once for all who ask within a moment.

Each process keeps its own, for `LIST_KEPT_MS`: by so much may the list of live streams be behind what
was committed. Nothing may be kept here that depends on who asks.
"""

from collections.abc import Callable, Hashable
from time import monotonic

import msgspec

MOST = 200


class Answer(msgspec.Struct, frozen=True):
    """A body with its entity tag, and since when (monotonic seconds) it may be behind."""

    body: bytes
    tag: str
    asked_at: float


class KeptAnswers:
    """Bodies by question; a question must be hashable and say all that the body depends on."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._known: dict[Hashable, Answer] = {}

    def of(self, question: Hashable, seconds: float, make: Callable[[], tuple[bytes, str]]) -> Answer:
        """What is known, where it is not older than `seconds`; or else what `make` gives: a body and its tag.

        Threads that find it too old at once each make it: that is harmless, and nobody waits for another.
        """
        asked_at = self._now()
        known = self._known.get(question)
        if known is not None and asked_at - known.asked_at < seconds:
            return known
        answer = Answer(*make(), asked_at)
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[question] = answer
        return answer
