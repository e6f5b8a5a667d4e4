"""Whoever presents a token, and their account: the same as when both are asked for, in one statement."""

import pytest

from db.connection import query
from services import clock, presented, sessions, tokens, users, wallets
from services.actors import Role
from services.errors import Forbidden, Unauthorized
from services.sessions import Device
from tests.factories import make_channel, make_stream, make_user
from tests.statements import statements


def test_one_statement_tells_both() -> None:
    user = make_user(role=Role.STREAMER)
    make_stream(make_channel(user))
    wallets.grant(user.id, 7, reference=user.id, key="test:seven")
    token = sessions.open_session(user.id, Device()).access_token
    with statements() as sent:
        actor, me = presented.myself(token)
    assert len(sent) == 1
    assert (actor, me) == (sessions.verify_access_token(token), users.me(user.id))
    assert (me.coins, me.is_live, me.role) == (7, True, Role.STREAMER)


def test_a_session_that_was_ended_is_refused_at_once() -> None:
    token = sessions.open_session(make_user().id, Device()).access_token
    actor, _ = presented.myself(token)
    assert actor.session_id
    sessions.revoke(actor, actor.session_id)
    with pytest.raises(Unauthorized):
        presented.myself(token)


def test_somebody_who_was_suspended_is_refused_at_once() -> None:
    user = make_user()
    token = sessions.open_session(user.id, Device()).access_token
    query("UPDATE users SET suspended_at = %s WHERE id = %s", (clock.now(), user.id))
    with pytest.raises(Forbidden):
        presented.myself(token)


def test_a_token_of_another_s_session_is_nobody_s() -> None:
    mine, theirs = make_user(), make_user()
    session = sessions.verify_access_token(sessions.open_session(theirs.id, Device()).access_token)
    assert session.session_id
    token = tokens.sign_access_token(mine.id, session.session_id, clock.now())
    with pytest.raises(Unauthorized):
        presented.myself(token)
