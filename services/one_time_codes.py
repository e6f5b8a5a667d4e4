"""One-time codes: six digits sent to an address, which prove that whoever types them reads its mail.

A code is derived from its row's random id under a server secret, and the row holds only a keyed
hash of it: neither the database, nor the queue, nor a log ever holds the code itself, and a letter
that has to be sent again says the same code. Rows are made for unknown addresses too, and whether
there is an account is only looked up when the letter is written: asking tells nothing.
"""

import hmac
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from db.models.one_time_codes import OneTimeCode
from db.transactions import atomic
from services import batches, clock, jobs, throttle, tokens
from services.email_addresses import normal_email
from services.errors import Invalid, RateLimited
from services.ids import new_id

LIFETIME = timedelta(minutes=10)
MOST_TRIES = 5
A_MINUTE, AN_HOUR = "1/minute", "5/hour"
KEPT_FOR = timedelta(days=1)


class Purpose(StrEnum):
    """What a code is good for, and nothing else."""

    SIGN_IN = "sign-in"
    EMAIL_VERIFICATION = "email-verification"
    FORGET_PASSWORD = "forget-password"  # noqa: S105 - the name of a purpose


class LiveCode(msgspec.Struct, frozen=True):
    """A code that may still be used, for the letter that says it."""

    email: str
    purpose: Purpose
    code: str


def send(email: str, purpose: Purpose) -> None:
    """Mail a new code to whoever has an account with this address; an earlier one dies.

    Raises Invalid for what is no address, RateLimited past one a minute or five an hour.
    """
    address = normal_email(email)
    _refuse_too_often(address)
    code_id, at = new_id(), clock.now()
    with acting_as_system("codes are nobody's to read"), atomic():
        query(
            _ISSUE,
            {
                "id": code_id,
                "email": address,
                "purpose": purpose.value,
                "hash": _hash(address, purpose, tokens.one_time_code(code_id)),
                "expires_at": at + LIFETIME,
                "at": at,
            },
        )
        jobs.enqueue(jobs.SEND_MAIL, kind="one_time_code", about=code_id)


def is_valid(email: str, purpose: Purpose, code: str) -> bool:
    """Whether the code is good at this moment, without spending it; a wrong one counts as a try."""
    return _try(normal_email(email), purpose, code, spends=False)


def spend(email: str, purpose: Purpose, code: str) -> bool:
    """Use the code up; False for a wrong, spent or expired one.

    Inside a transaction, do not raise because of False: the try would not be counted.
    """
    return _try(normal_email(email), purpose, code, spends=True)


def refused() -> Invalid:
    """What is said of every code that is not good, whatever the reason."""
    return Invalid.field("otp", "is wrong, or has expired or been used", "invalid_code")


def live_code(code_id: UUID) -> LiveCode | None:
    """The code to be sent; None where it has been used, replaced, or has expired meanwhile."""
    with atomic():
        row = OneTimeCode.get_or_none(
            OneTimeCode.id == code_id, OneTimeCode.used_at.is_null(), OneTimeCode.expires_at > clock.now()
        )
    return LiveCode(row.email, Purpose(row.purpose), tokens.one_time_code(row.id)) if row else None


def tidy() -> int:
    """Delete codes that died a while ago; returns how many."""
    return batches.run(_FORGET, {"before": clock.now() - KEPT_FOR})


def _refuse_too_often(address: str) -> None:
    verdict = throttle.peek(AN_HOUR, "one-time-codes", address)
    if verdict.allowed:
        verdict = throttle.hit(A_MINUTE, "one-time-codes", address)
    if not verdict.allowed:
        raise RateLimited(
            "A code was sent to this address a moment ago; wait before the next.",
            "code_sent_recently",
            retry_after_s=verdict.reset_s,
        )
    throttle.hit(AN_HOUR, "one-time-codes", address)


@acting_as_system("codes are nobody's to read")
def _try(address: str, purpose: Purpose, code: str, *, spends: bool) -> bool:
    given = _hash(address, purpose, code)
    with atomic():
        row = (
            OneTimeCode.select()
            .where(
                OneTimeCode.email == address,
                OneTimeCode.purpose == purpose.value,
                OneTimeCode.used_at.is_null(),
                OneTimeCode.expires_at > clock.now(),
                OneTimeCode.attempts < MOST_TRIES,
            )
            .for_update()
            .first()
        )
        if row is None:
            return False
        is_right = hmac.compare_digest(given, bytes(row.code_hash))
        if spends and is_right:
            OneTimeCode.update(used_at=clock.now()).where(OneTimeCode.id == row.id).execute()
        elif not is_right:
            OneTimeCode.update(attempts=OneTimeCode.attempts + 1).where(OneTimeCode.id == row.id).execute()
        return is_right


def _hash(address: str, purpose: Purpose, code: str) -> bytes:
    return tokens.keyed_hash("one-time-code", f"{address}:{purpose.value}:{code}")


_ISSUE = """
INSERT INTO one_time_codes (id, email, purpose, code_hash, expires_at, created_at)
VALUES (%(id)s, %(email)s, %(purpose)s, %(hash)s, %(expires_at)s, %(at)s)
ON CONFLICT (email, purpose) WHERE used_at IS NULL
DO UPDATE SET id = excluded.id, code_hash = excluded.code_hash, attempts = 0,
              expires_at = excluded.expires_at, created_at = excluded.created_at"""

_FORGET = batches.deleting("one_time_codes", "id", "expires_at < %(before)s")
