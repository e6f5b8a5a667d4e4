"""Failed sign-ins slow strangers, and leave the owner of the account a way in."""

import threading
from datetime import timedelta

import pytest

from db.connection import connection
from services import accounts, clock, lockout, password_changes, sessions
from services.accounts import SignedIn
from services.errors import Invalid, RateLimited, ServiceError, Unauthorized
from services.sessions import Device
from settings import Settings
from tests.factories import PASSWORD, actor_of, make_user

HOME, ELSEWHERE, ATTACKER = Device(ip="198.51.100.7"), Device(ip="203.0.113.5"), Device(ip="192.0.2.66")


def sign_in(password: str, device: Device) -> SignedIn:
    return accounts.login(password, device, email="mira@example.com")


def fail(device: Device, times: int = 5) -> None:
    for _ in range(times):
        with pytest.raises(Unauthorized):
            sign_in("wrong password", device)


def test_strangers_share_five_failures() -> None:
    make_user(email="mira@example.com")
    fail(ATTACKER, 3)
    fail(ELSEWHERE, 2)
    for device in (ATTACKER, ELSEWHERE, Device()):
        with pytest.raises(RateLimited):
            sign_in(PASSWORD, device)


def test_the_owner_still_signs_in_from_an_address_that_is_known() -> None:
    user = make_user(email="mira@example.com")
    sessions.open_session(user.id, HOME)
    fail(ATTACKER)
    assert sign_in(PASSWORD, HOME).user.id == user.id
    with pytest.raises(RateLimited):
        sign_in(PASSWORD, ATTACKER)


def test_a_known_address_has_five_failures_of_its_own() -> None:
    user = make_user(email="mira@example.com")
    sessions.open_session(user.id, HOME)
    fail(HOME)
    with pytest.raises(RateLimited):
        sign_in(PASSWORD, HOME)
    assert sign_in(PASSWORD, ELSEWHERE).user.id == user.id


@pytest.mark.parametrize(("age", "is_known"), [(timedelta(days=90, seconds=-1), True), (timedelta(days=90), False)])
def test_an_address_is_forgotten_after_a_while(age: timedelta, is_known: bool) -> None:
    user, at = make_user(email="mira@example.com"), clock.now()
    with clock.frozen(at - age):
        sessions.open_session(user.id, HOME)
    fail(ATTACKER)
    with clock.frozen(at):
        if is_known:
            assert sign_in(PASSWORD, HOME).user.id == user.id
        else:
            with pytest.raises(RateLimited):
                sign_in(PASSWORD, HOME)


def test_an_ended_session_leaves_its_address_known_and_another_account_does_not() -> None:
    user, other = make_user(email="mira@example.com"), make_user()
    sessions.open_session(other.id, ELSEWHERE)
    sessions.open_session(user.id, HOME)
    sessions.revoke_others(user.id)
    fail(ATTACKER)
    assert sign_in(PASSWORD, HOME)
    with pytest.raises(RateLimited):
        sign_in(PASSWORD, ELSEWHERE)


def test_of_ipv6_the_household_is_known_not_the_address_of_the_day() -> None:
    user = make_user(email="mira@example.com")
    sessions.open_session(user.id, Device(ip="2001:db8:1:2:aaaa::1"))
    fail(ATTACKER)
    assert sign_in(PASSWORD, Device(ip="2001:db8:1:2:bbbb::9"))
    with pytest.raises(RateLimited):
        sign_in(PASSWORD, Device(ip="2001:db8:1:3::1"))


def test_success_forgets_the_failures_before_it() -> None:
    make_user(email="mira@example.com")
    fail(ELSEWHERE, 4)
    assert sign_in(PASSWORD, ELSEWHERE)
    fail(ELSEWHERE, 5)


def test_an_unknown_account_is_slowed_alike() -> None:
    fail(ATTACKER)
    with pytest.raises(RateLimited):
        sign_in("wrong password", ATTACKER)


def test_guessing_in_parallel_gives_no_more_answers(committed_db: Settings) -> None:
    make_user(email="mira@example.com")
    answers: list[str] = []

    def guess() -> None:
        with connection():
            try:
                sign_in("wrong password", ATTACKER)
            except ServiceError as error:
                answers.append(error.code)

    threads = [threading.Thread(target=guess) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count("invalid_credentials") == 5
    assert answers.count("too_many_failures") == 15


def test_whoever_fails_beside_five_others_is_told_to_wait() -> None:
    """All were let in to try before the first of them had failed."""
    allowance = lockout.allowance(make_user().id, "mira@example.com", ATTACKER)
    for _ in range(5):
        allowance.fail()
    with pytest.raises(RateLimited) as refused:
        allowance.fail()
    assert (refused.value.code, 0 < (refused.value.retry_after_s or 0) <= 900) == ("too_many_failures", True)


def test_a_stolen_session_cannot_guess_the_password() -> None:
    actor = actor_of(make_user())
    for _ in range(5):
        with pytest.raises(Invalid):
            password_changes.change_password(actor, "wrong password", "a new password")
    with pytest.raises(RateLimited):
        password_changes.change_password(actor, PASSWORD, "a new password")
