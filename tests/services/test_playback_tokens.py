"""Playback tokens: they open one stream for a while, and nginx agrees."""

from datetime import timedelta
from uuid import UUID

import pytest

from services import clock, playback_tokens
from services.bus import bus
from services.ids import new_id

STREAM = UUID("0190a0b0-0000-7000-8000-000000000001")


def test_a_token_opens_its_stream_until_it_dies() -> None:
    made = playback_tokens.sign(STREAM)
    life_s = bus.settings.playback_token_expires_in_s
    assert life_s <= playback_tokens.seconds_left(made.token, STREAM) <= life_s + playback_tokens.ROUND_S
    with clock.frozen(made.expires_at - timedelta(seconds=2)):
        assert playback_tokens.seconds_left(made.token, STREAM) == 2
    with clock.frozen(made.expires_at):
        assert playback_tokens.seconds_left(made.token, STREAM) == 0


def test_a_token_opens_no_other_stream() -> None:
    assert playback_tokens.seconds_left(playback_tokens.sign(STREAM).token, new_id()) == 0


@pytest.mark.parametrize(
    "forged", ["", "1", "-", "9999999999-" + "A" * 22, "９９９９９９９９９９-" + "A" * 22, "a" * 500, "\0"]
)
def test_what_we_did_not_sign_opens_nothing(forged: str) -> None:
    assert playback_tokens.seconds_left(forged, STREAM) == 0


def test_a_later_expiry_cannot_be_written_into_a_token() -> None:
    expires, _, signature = playback_tokens.sign(STREAM).token.partition("-")
    assert playback_tokens.seconds_left(f"{int(expires) + 60}-{signature}", STREAM) == 0


def test_who_asks_in_the_same_minute_shares_an_address() -> None:
    with clock.frozen(clock.now().replace(second=1, microsecond=0)):
        first = playback_tokens.sign(STREAM)
    with clock.frozen(clock.now().replace(second=58, microsecond=0)):
        assert playback_tokens.sign(STREAM) == first
