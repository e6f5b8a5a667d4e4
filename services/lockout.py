"""Failed sign-ins: they slow whoever guesses, and never lock the owner of an account out for good.

Strangers to an account share one small allowance. An address from which its owner has signed in
before has an allowance of its own, so that nobody else can use it up. `docs/decisions/lock-out.md`.
"""

from datetime import timedelta
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from services import clock, throttle
from services.client_addresses import network
from services.errors import RateLimited
from services.sessions import Device

FAILURES = "5/15minutes"
KNOWN_FOR = timedelta(days=90)
STRANGERS = "strangers"
MOST_ADDRESSES = 100


class Allowance(msgspec.Struct, frozen=True):
    """Whose failures are counted together: those on one account, from one kind of place."""

    account: str
    place: str

    def check(self) -> None:
        """Raise RateLimited where too many tries have failed."""
        verdict = throttle.peek(FAILURES, "login", self.account, self.place)
        if not verdict.allowed:
            raise _too_many(verdict)

    def fail(self) -> None:
        """Count a failure; raises RateLimited where others, at the same moment, were too many."""
        verdict = throttle.hit(FAILURES, "login", self.account, self.place)
        if not verdict.allowed:
            raise _too_many(verdict)

    def forgive(self) -> None:
        """Forget the failures."""
        throttle.clear(FAILURES, "login", self.account, self.place)


def allowance(account_id: UUID | None, claimed: str, device: Device) -> Allowance:
    """The allowance of somebody who tries to sign in to an account, or to none, as `claimed`.

    An unknown account costs the same work as a known one.
    """
    place = network(device.ip)
    is_known = place in _known_places(account_id or UUID(int=0))
    account = str(account_id) if account_id else f"unknown:{claimed.strip().lower()}"
    return Allowance(account, place if is_known and place else STRANGERS)


def of_strangers(account_id: UUID) -> Allowance:
    """The allowance that all strangers to an account share."""
    return Allowance(str(account_id), STRANGERS)


def of_owner(account_id: UUID) -> Allowance:
    """The allowance of whoever is signed in already and says the password again."""
    return Allowance(str(account_id), "signed-in")


@acting_as_system("from where the owner signed in before")
def _known_places(account_id: UUID) -> set[str]:
    rows = query(
        "SELECT DISTINCT ip FROM auth_sessions WHERE user_id = %s AND last_used_at > %s LIMIT %s",
        (account_id, clock.now() - KNOWN_FOR, MOST_ADDRESSES),
    )
    return {network(row[0]) for row in rows}


def _too_many(verdict: throttle.Verdict) -> RateLimited:
    return RateLimited(
        "Too many failed tries; wait before the next.", "too_many_failures", retry_after_s=verdict.reset_s
    )
