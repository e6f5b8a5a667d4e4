"""Passwords: how long they may be, and what follows from saying a right and a wrong one."""

import pytest

from db.connection import query
from services import accounts, lockout, one_time_codes, password_changes, passwords, throttle
from services.accounts import Registration
from services.errors import Conflict, Invalid, RateLimited, Unauthorized
from services.ids import new_id
from services.one_time_codes import Purpose
from services.sessions import Device
from tests.factories import PASSWORD, actor_of, make_user
from tests.fakes import FakeJobs
from tests.letters import code_in, send_letters

MIRA = "mira@example.com"
NEW = "a new password"


def forgotten(jobs: FakeJobs) -> str:
    """A code to set another password, from the letter."""
    throttle.clear(one_time_codes.A_MINUTE, "one-time-codes", MIRA)
    one_time_codes.send(MIRA, Purpose.FORGET_PASSWORD)
    return code_in(send_letters(jobs)[-1])


@pytest.mark.parametrize("password", ["12345678", "é" * 4, "x" * 72, "é" * 36])
def test_8_to_72_bytes_are_a_password(password: str) -> None:
    hashed = passwords.hash_password(password)
    assert passwords.matches(password, hashed)
    assert not passwords.matches(password + "x", hashed)
    assert not passwords.matches(password[:-1], hashed)


@pytest.mark.parametrize("password", ["", "1234567", "é" * 3, "x" * 73, "é" * 36 + "x"])
def test_less_or_more_is_none(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        passwords.hash_password(password)
    assert [detail.field for detail in refused.value.details] == ["password"]


def test_nobody_signs_in_to_no_account() -> None:
    assert not passwords.matches("nobody has this password", None)


def test_the_right_password_forgives_the_wrong_ones_before_it() -> None:
    actor = actor_of(make_user())
    for current in ("wrong password", PASSWORD, "wrong password"):
        for _ in range(4 if current != PASSWORD else 1):
            if current == PASSWORD:
                password_changes.change_password(actor, current, PASSWORD)
                continue
            with pytest.raises(Invalid):
                password_changes.change_password(actor, current, NEW)


def test_a_reset_lets_strangers_try_again(jobs: FakeJobs) -> None:
    user = make_user(email=MIRA)
    for _ in range(5):
        with pytest.raises(Unauthorized):
            accounts.login("wrong password", Device(), email=MIRA)
    with pytest.raises(RateLimited):
        lockout.of_strangers(user.id).check()
    password_changes.reset_password("Mira@Example.com", forgotten(jobs), NEW)
    assert accounts.login(NEW, Device(), email=MIRA).user.id == user.id


def test_a_reset_proves_the_address_and_keeps_when_it_was_proven(jobs: FakeJobs) -> None:
    make_user(email=MIRA)
    proven = []
    for _ in range(2):
        password_changes.reset_password(MIRA, forgotten(jobs), NEW)
        proven += query("SELECT email_verified_at FROM accounts WHERE email = %s", (MIRA,))
    assert proven[0] != (None,)
    assert proven[0] == proven[1]


def test_a_code_for_an_account_that_is_gone_resets_nothing(jobs: FakeJobs) -> None:
    user = make_user(email=MIRA)
    code = forgotten(jobs)
    query("UPDATE accounts SET email = 'elsewhere@example.com' WHERE id = %s", (user.id,))
    with pytest.raises(Invalid):
        password_changes.reset_password(MIRA, code, NEW)


def test_signing_in_is_remembered_and_wants_one_name_of_the_account() -> None:
    user = make_user(username="mira", email=MIRA)
    assert user.last_login_at is None
    accounts.login(PASSWORD, Device(), username=" MIRA ")
    assert query("SELECT last_login_at IS NOT NULL FROM accounts WHERE id = %s", (user.id,)) == [(True,)]
    for names in ({}, {"email": MIRA, "username": "mira"}):
        with pytest.raises(Invalid):
            accounts.login(PASSWORD, Device(), **names)


def test_signing_up_signs_in_under_the_names_that_were_given() -> None:
    draft = Registration("Mira@Example.com", PASSWORD, name="Mira Lund", username="mira", company="Boats")
    signed_in = accounts.register(draft, Device())
    row = "SELECT email, name, username, company, last_login_at IS NOT NULL FROM accounts WHERE id = %s"
    assert query(row, (signed_in.user.id,)) == [(MIRA, "Mira Lund", "mira", "Boats", True)]
    assert signed_in.token == signed_in.session.access_token


def test_a_name_that_another_gave_up_lately_is_taken_for_whoever_asks_for_it() -> None:
    query("INSERT INTO previous_usernames (id, user_id, username) VALUES (%s, %s, 'mira')", (new_id(), make_user().id))
    with pytest.raises(Conflict) as refusal:
        accounts.register(Registration(MIRA, PASSWORD, username="mira"), Device())
    assert refusal.value.code == "username_taken"
    made_up = accounts.register(Registration(MIRA, PASSWORD), Device()).user.username
    assert made_up.startswith("mira_")
