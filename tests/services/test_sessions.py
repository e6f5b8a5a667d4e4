"""Sessions: how long they live, who is kept when others end, and what their owner is shown."""

from datetime import timedelta

import pytest

from db.connection import query
from db.models.auth_sessions import AuthSession, SpentRefreshToken
from services import clock, password_changes, sessions, tokens
from services.actors import Actor, Role
from services.bus import bus
from services.errors import Forbidden, Unauthorized
from services.ids import new_id
from services.sessions import Device, Session
from tests.factories import PASSWORD, make_user

LAPTOP, PHONE = Device("Laptop", "198.51.100.7"), Device("Phone", "203.0.113.5")


def lifetime() -> timedelta:
    return timedelta(seconds=bus.settings.jwt_refresh_expires_in_s)


def signed_in(session: Session) -> Actor:
    return sessions.verify_access_token(session.access_token)


@pytest.mark.parametrize(("late_s", "is_good"), [(-1, True), (0, False)])
def test_a_refresh_token_is_good_until_it_expires(late_s: int, is_good: bool) -> None:
    at = clock.now()
    with clock.frozen(at):
        token = sessions.open_session(make_user().id, LAPTOP).refresh_token
    with clock.frozen(at + lifetime() + timedelta(seconds=late_s)):
        if is_good:
            assert sessions.refresh(token).refresh_token != token
        else:
            with pytest.raises(Unauthorized):
                sessions.refresh(token)


def test_a_refreshed_session_lives_a_whole_life_from_then() -> None:
    at = clock.now()
    with clock.frozen(at):
        token = sessions.open_session(make_user().id, LAPTOP).refresh_token
    with clock.frozen(at + lifetime() - timedelta(hours=1)):
        token = sessions.refresh(token).refresh_token
        assert AuthSession.get().last_used_at == clock.now()
    with clock.frozen(at + 2 * lifetime() - timedelta(hours=2)):
        assert sessions.refresh(token)


def test_a_session_that_was_ended_lets_nobody_in_and_is_not_refreshed() -> None:
    user = make_user()
    session = sessions.open_session(user.id, LAPTOP)
    mine, other = signed_in(session), sessions.open_session(user.id, PHONE)
    assert mine.session_id
    sessions.revoke(mine, mine.session_id)
    with pytest.raises(Unauthorized) as refused:
        signed_in(session)
    assert refused.value.code == "session_ended"
    with pytest.raises(Unauthorized):
        sessions.refresh(session.refresh_token)
    assert signed_in(other).user_id == user.id


def test_a_token_names_a_session_of_its_own_person() -> None:
    mine, theirs = make_user(), make_user()
    their_session = signed_in(sessions.open_session(theirs.id, PHONE)).session_id
    assert their_session
    with pytest.raises(Unauthorized):
        sessions.verify_access_token(tokens.sign_access_token(mine.id, their_session, clock.now()))


def test_who_is_suspended_is_told_so_and_a_new_role_counts_at_once() -> None:
    user = make_user()
    session = sessions.open_session(user.id, LAPTOP)
    query("UPDATE users SET role = 'moderator' WHERE id = %s", (user.id,))
    assert signed_in(session).role is Role.MODERATOR
    query("UPDATE users SET suspended_at = %s WHERE id = %s", (clock.now(), user.id))
    with pytest.raises(Forbidden) as refused:
        signed_in(session)
    assert refused.value.code == "account_suspended"


def test_which_of_many_sessions_are_live_is_told_one_by_one_and_together() -> None:
    user = make_user()
    mine, other = [signed_in(sessions.open_session(user.id, device)) for device in (LAPTOP, PHONE)]
    assert mine.session_id and other.session_id
    sessions.revoke(mine, other.session_id)
    asked = [mine.session_id, other.session_id, new_id()]
    assert [sessions.is_session_live(session_id) for session_id in asked] == [True, False, False]
    assert sessions.live_sessions(asked) == {mine.session_id}


def test_the_current_session_is_the_one_that_asks() -> None:
    user = make_user()
    sessions.open_session(user.id, PHONE)
    mine = signed_in(sessions.open_session(user.id, LAPTOP))
    shown = sessions.current_session(mine)
    assert (shown.id, shown.user_agent, shown.ip, shown.is_current) == (mine.session_id, "Laptop", "198.51.100.7", True)


def test_what_a_browser_says_of_itself_is_cut() -> None:
    mine = signed_in(sessions.open_session(make_user().id, Device("x" * 1000)))
    assert sessions.current_session(mine).user_agent == "x" * 300


def test_sessions_are_listed_newest_first_without_those_that_are_over() -> None:
    user, at = make_user(), clock.now()
    for name, age in (("oldest", lifetime()), ("old", lifetime() / 2), ("new", timedelta())):
        with clock.frozen(at - age):
            opened = sessions.open_session(user.id, Device(name))
    with clock.frozen(at):
        assert [view.user_agent for view in sessions.sessions_of(signed_in(opened))] == ["new", "old"]


def test_no_more_than_a_hundred_sessions_are_listed() -> None:
    user, at = make_user(), clock.now()
    mine = signed_in(sessions.open_session(user.id, LAPTOP))
    for number in range(100):
        AuthSession.create(user=user.id, refresh_token_hash=b"%d" % number, expires_at=at + lifetime())
    assert len(sessions.sessions_of(mine)) == 100


def test_another_password_ends_the_other_sessions_and_says_how_many() -> None:
    user, stranger = make_user(), make_user()
    for device in (LAPTOP, PHONE):
        sessions.open_session(user.id, device)
    theirs, mine = sessions.open_session(stranger.id, PHONE), sessions.open_session(user.id, LAPTOP)
    assert password_changes.change_password(signed_in(mine), PASSWORD, "a new password") == 2
    assert signed_in(mine) == Actor(user.id, Role.VIEWER, signed_in(mine).session_id)
    assert signed_in(theirs).user_id == stranger.id


def test_sessions_are_forgotten_a_month_after_they_expired() -> None:
    at = clock.now()
    for days in (29, 31):
        AuthSession.create(user=make_user().id, refresh_token_hash=b"%d" % days, expires_at=at - timedelta(days=days))
    kept = AuthSession.get(AuthSession.refresh_token_hash == b"29").id
    for age in (lifetime() - timedelta(days=1), lifetime() + timedelta(days=1)):
        SpentRefreshToken.create(token_hash=tokens.fingerprint(str(age)), session=kept, spent_at=at - age)
    with clock.frozen(at):
        assert sessions.tidy() == 1
    assert [row.id for row in AuthSession.select()] == [kept]
    assert SpentRefreshToken.select().count() == 1
