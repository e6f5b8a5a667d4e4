"""The clock is set, an hour forward or back, while people are signed in and work is claimed."""

from datetime import timedelta

import pytest
from redis import Redis

from db.connection import query
from services import chat, clock, rooms, sessions, tokens
from services.chat import Draft, Sent
from services.chat_bursts import BURST
from services.errors import RateLimited, Unauthorized
from services.ids import new_id
from services.rooms import ChatSettingsPatch
from services.sessions import Device
from services.standing import FreshStandings, RememberedStandings
from services.transcode_register import TranscodeClaim
from tests.factories import actor_of, make_channel, make_stream, make_user

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


@pytest.mark.parametrize("remembers", [False, True])
def test_who_spoke_a_lot_before_the_clock_went_back_may_speak(db: None, redis_client: Redis, remembers: bool) -> None:
    user, room = make_user(), rooms.find_room(f"stream:{make_stream().id}")
    ahead_ms = int((clock.now() + HOUR).timestamp() * 1000)
    redis_client.lpush(f"chat:burst:{user.id.hex}", *[ahead_ms] * BURST)
    told = (chat.remembering(RememberedStandings(FreshStandings())),) if remembers else ()
    draft = Draft(room=room, actor=actor_of(user), text="Good evening")
    assert [type(chat.send_messages([draft], *told)[0]) for _ in range(2)] == [Sent, Sent]


def test_slow_mode_does_not_wait_for_what_was_said_before_the_clock_went_back(db: None, redis_client: Redis) -> None:
    streamer, user = make_user(), make_user()
    room = rooms.find_room(f"stream:{make_stream(make_channel(streamer)).id}")
    rooms.change_settings(actor_of(streamer), room.id, ChatSettingsPatch(slow_mode_seconds=30))
    draft = Draft(room=room, actor=actor_of(user), text="Good evening")
    assert type(chat.send_messages([draft])[0]) is Sent
    query("SET ROLE NONE")  # nobody else may change when a message was written
    query("UPDATE messages SET created_at = created_at + interval '1 hour'")
    query("SET ROLE astrotv_app")
    assert type(chat.send_messages([draft])[0]) is Sent
    assert isinstance(refused := chat.send_messages([draft])[0], RateLimited)
    assert 29 < (refused.retry_after_s or 0) <= 30
