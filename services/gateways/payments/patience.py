"""A provider that is silent is not waited for by everybody: each who waits keeps a thread of the API from others."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from services.gateways.payments.interface import ProviderAway

AGAIN_S = 2.0


class Patience:
    """After somebody has waited in vain, one caller at a time tries, and the others are refused at once."""

    def __init__(self, timeout_s: float) -> None:
        """A call that fails after so long has failed for want of an answer."""
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._again_at: float | None = None
        self._is_tried = False

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Make one call in the block; raises ProviderAway before it while the provider is known to be silent."""
        began_at = monotonic()
        tries = self._enter(began_at)
        is_silent = False
        try:
            yield
        except ProviderAway:
            is_silent = monotonic() - began_at >= self._timeout_s
            raise
        finally:
            self._leave(is_silent, tries)

    def _enter(self, now: float) -> bool:
        """Say whether this caller is the one who tries."""
        with self._lock:
            if self._again_at is None:
                return False
            if self._is_tried or now < self._again_at:
                raise ProviderAway("it has not answered others")
            self._is_tried = True
            return True

    def _leave(self, is_silent: bool, tries: bool) -> None:
        with self._lock:
            self._again_at = monotonic() + AGAIN_S if is_silent else None
            if tries or not is_silent:
                self._is_tried = False
