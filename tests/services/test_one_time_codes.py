"""Codes: good once, for ten minutes, for five tries, for one purpose."""

import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from db.connection import connection
from db.models.one_time_codes import OneTimeCode
from services import clock, letters, mail, one_time_codes, throttle
from services.errors import Invalid, RateLimited, Unavailable
from services.gateways.mail import MailRefused
from services.one_time_codes import Purpose
from settings import Settings
from tests.configuring import configured
from tests.factories import make_user
from tests.fakes import FakeJobs
from tests.letters import code_in
from tests.smtp import Mailbox, smtp_server

MIRA = "mira@example.com"
SIGN_IN = Purpose.SIGN_IN


def issued(purpose: Purpose = SIGN_IN, email: str = MIRA) -> str:
    """A code just sent, as its letter says it."""
    forget_limits(email)
    one_time_codes.send(email, purpose)
    row = OneTimeCode.get(OneTimeCode.email == email, OneTimeCode.purpose == purpose.value)
    live = one_time_codes.live_code(row.id)
    assert live is not None
    return live.code


def forget_limits(email: str) -> None:
    throttle.clear(one_time_codes.A_MINUTE, "one-time-codes", email)
    throttle.clear(one_time_codes.AN_HOUR, "one-time-codes", email)


def run_at_once(act: Callable[[], None], times: int) -> None:
    threads = [threading.Thread(target=act) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def another(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def test_a_code_is_good_once() -> None:
    code = issued()
    assert one_time_codes.spend(MIRA, SIGN_IN, code)
    assert not one_time_codes.spend(MIRA, SIGN_IN, code)


def test_looking_does_not_spend_a_code() -> None:
    code = issued()
    assert one_time_codes.is_valid("Mira@Example.com", SIGN_IN, code)
    assert one_time_codes.is_valid(MIRA, SIGN_IN, code)
    assert one_time_codes.spend(MIRA, SIGN_IN, code)


def test_a_code_dies_after_five_wrong_tries_however_they_are_made() -> None:
    code = issued()
    for _ in range(2):
        assert not one_time_codes.spend(MIRA, SIGN_IN, another(code))
    for _ in range(3):
        assert not one_time_codes.is_valid(MIRA, SIGN_IN, another(code))
    assert not one_time_codes.spend(MIRA, SIGN_IN, code)


def test_four_wrong_tries_are_forgiven() -> None:
    code = issued()
    for _ in range(4):
        assert not one_time_codes.spend(MIRA, SIGN_IN, another(code))
    assert one_time_codes.spend(MIRA, SIGN_IN, code)


@pytest.mark.parametrize(("seconds", "good"), [(599, True), (600, False)])
def test_a_code_lives_ten_minutes(seconds: int, good: bool) -> None:
    at = clock.now()
    with clock.frozen(at):
        code = issued()
    with clock.frozen(at + timedelta(seconds=seconds)):
        assert (one_time_codes.live_code(OneTimeCode.get().id) is not None) is good
        assert one_time_codes.spend(MIRA, SIGN_IN, code) is good


def test_a_new_code_kills_the_one_before_it_and_no_other() -> None:
    reset, first, second = issued(Purpose.FORGET_PASSWORD), issued(), issued()
    assert first == second or not one_time_codes.spend(MIRA, SIGN_IN, first)
    assert one_time_codes.spend(MIRA, SIGN_IN, second)
    assert one_time_codes.spend(MIRA, Purpose.FORGET_PASSWORD, reset)


def test_a_code_is_good_for_its_own_purpose_and_address_alone() -> None:
    code = issued()
    assert not one_time_codes.spend(MIRA, Purpose.FORGET_PASSWORD, code)
    assert not one_time_codes.spend("other@example.com", SIGN_IN, code)


def test_neither_the_database_nor_the_queue_holds_the_code(jobs: FakeJobs) -> None:
    code = issued()
    row = OneTimeCode.get()
    assert code not in str(row.__data__) and len(bytes(row.code_hash)) == 32
    assert code not in str(jobs.sent)


def test_an_unknown_address_costs_the_same_and_gets_no_letter(jobs: FakeJobs) -> None:
    one_time_codes.send("nobody@example.com", SIGN_IN)
    (job,) = jobs.named("mail.send")
    assert OneTimeCode.select().where(OneTimeCode.email == "nobody@example.com").count() == 1
    assert letters.one_time_code(UUID(str(job.arguments["about"]))) is None


def test_sending_is_limited_by_the_minute_and_by_the_hour() -> None:
    one_time_codes.send(MIRA, SIGN_IN)
    with pytest.raises(RateLimited) as refused:
        one_time_codes.send(MIRA.upper(), Purpose.FORGET_PASSWORD)
    assert 0 < refused.value.retry_after_s <= 60
    for _ in range(4):
        throttle.clear(one_time_codes.A_MINUTE, "one-time-codes", MIRA)
        one_time_codes.send(MIRA, SIGN_IN)
    throttle.clear(one_time_codes.A_MINUTE, "one-time-codes", MIRA)
    with pytest.raises(RateLimited) as refused:
        one_time_codes.send(MIRA, SIGN_IN)
    assert refused.value.retry_after_s > 60


def test_what_is_no_address_gets_no_code() -> None:
    with pytest.raises(Invalid):
        one_time_codes.send("mira@", SIGN_IN)


def test_a_letter_that_is_sent_again_says_the_same_code_over_smtp(jobs: FakeJobs) -> None:
    make_user(email=MIRA)
    code, box = issued(), Mailbox()
    (job,) = jobs.named("mail.send")
    about = UUID(str(job.arguments["about"]))
    with smtp_server(box) as address, configured(smtp_url=f"smtp://{address}"):
        mail.send("one_time_code", about)
        mail.send("one_time_code", about)
    assert [code_in(letter) for letter in box.letters] == [code, code]
    assert len({letter["Message-ID"] for letter in box.letters}) == 1


def test_a_code_that_died_is_not_sent_any_more(jobs: FakeJobs) -> None:
    make_user(email=MIRA)
    one_time_codes.spend(MIRA, SIGN_IN, issued())
    (job,) = jobs.named("mail.send")
    assert letters.one_time_code(UUID(str(job.arguments["about"]))) is None


def test_a_mail_server_that_is_away_is_tried_again_and_one_that_refuses_is_not(jobs: FakeJobs) -> None:
    make_user(email=MIRA)
    issued()
    about = UUID(str(jobs.named("mail.send")[0].arguments["about"]))
    for answer, refusal in (("451 later", Unavailable), ("550 never", MailRefused)):
        with smtp_server(Mailbox(answer)) as address, configured(smtp_url=f"smtp://{address}"), pytest.raises(refusal):
            mail.send("one_time_code", about)


def test_of_many_who_spend_a_code_at_once_one_succeeds(committed_db: Settings) -> None:
    code, outcomes = issued(), []

    def spend() -> None:
        with connection():
            outcomes.append(one_time_codes.spend(MIRA, SIGN_IN, code))

    run_at_once(spend, 12)
    assert sorted(outcomes) == [False] * 11 + [True]


def test_guesses_at_once_are_all_counted(committed_db: Settings) -> None:
    code = issued()

    def guess() -> None:
        with connection():
            one_time_codes.spend(MIRA, SIGN_IN, another(code))

    run_at_once(guess, 12)
    assert OneTimeCode.get().attempts == 5
    assert not one_time_codes.spend(MIRA, SIGN_IN, code)


@pytest.mark.parametrize(("after", "deleted"), [(timedelta(hours=23), 0), (timedelta(hours=25), 1)])
def test_codes_are_deleted_a_day_after_they_died(after: timedelta, deleted: int) -> None:
    issued()
    with clock.frozen(clock.now() + after):
        assert one_time_codes.tidy() == deleted
    assert OneTimeCode.select().count() == 1 - deleted
