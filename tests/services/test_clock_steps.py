"""The clock is set, an hour forward or back, while people are signed in and work is claimed."""

from datetime import timedelta

import pytest
from redis import Redis

from services import clock, sessions, tokens
from services.errors import Unauthorized
from services.ids import new_id
from services.sessions import Device
from services.transcode_register import TranscodeClaim
from tests.factories import make_user

HOUR = timedelta(hours=1)


def test_who_signed_in_before_the_clock_went_back_stays_signed_in(db: None) -> None:
    user = make_user()
    with clock.frozen(clock.now() + HOUR):
        session = sessions.open_session(user.id, Device())
    assert sessions.verify_access_token(session.access_token).user_id == user.id
    assert sessions.refresh(session.refresh_token).access_token


def test_who_signed_in_before_the_clock_went_forward_refreshes(db: None) -> None:
    user = make_user()
    session = sessions.open_session(user.id, Device())
    with clock.frozen(clock.now() + HOUR + timedelta(seconds=tokens.LEEWAY_S + 1)):
        with pytest.raises(Unauthorized):
            sessions.verify_access_token(session.access_token)
        renewed = sessions.refresh(session.refresh_token)
        assert sessions.verify_access_token(renewed.access_token).user_id == user.id


def test_a_ladder_whose_claim_redis_forgot_goes_on(redis_client: Redis) -> None:
    """To Redis every key with a time to live has expired when the clock goes forward."""
    stream_id = new_id()
    claim = TranscodeClaim(stream_id, "one")
    assert claim.acquire()
    redis_client.flushdb()
    assert claim.renew()
    assert not TranscodeClaim(stream_id, "other").acquire()


def test_a_ladder_whose_claim_another_took_gives_up(redis_client: Redis) -> None:
    stream_id = new_id()
    claim = TranscodeClaim(stream_id, "one")
    claim.acquire()
    redis_client.flushdb()
    assert TranscodeClaim(stream_id, "other").acquire()
    assert not claim.renew()
