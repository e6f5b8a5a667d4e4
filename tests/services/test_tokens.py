"""Tokens: what they open, and that what was handed out stays good from release to release."""

from uuid import UUID

from services import tokens
from services.ids import new_id
from tests.configuring import configured

A_CHANNEL = UUID("0190a0b0-0000-7000-8000-000000000001")
ANOTHER = UUID("0190a0b0-0000-7000-8000-000000000002")


def test_a_stream_key_in_an_encoder_stays_good_from_release_to_release() -> None:
    with configured(stream_key_secret="a secret of the platform"):
        assert tokens.stream_key(A_CHANNEL, 1) == "live_w4hq50WIPFBNy2aSsjY8ayCUT0M9hRe9"


def test_a_stream_key_is_of_one_channel_one_version_and_one_secret() -> None:
    keys = {tokens.stream_key(channel, version) for channel in (A_CHANNEL, ANOTHER) for version in (1, 2)}
    with configured(stream_key_secret="another secret"):
        keys.add(tokens.stream_key(A_CHANNEL, 1))
    assert len(keys) == 5


def test_a_code_in_a_letter_stays_good_from_release_to_release() -> None:
    with configured(jwt_secret="a secret of the platform"):
        assert [tokens.one_time_code(one) for one in (A_CHANNEL, ANOTHER)] == ["722216", "605286"]


def test_codes_are_six_digits() -> None:
    codes = [tokens.one_time_code(new_id()) for _ in range(200)]
    assert all(len(code) == 6 and code.isdecimal() for code in codes)
    assert any(code.startswith("0") for code in codes)
    assert len({code[0] for code in codes}) > 5


def test_a_relay_token_opens_its_own_stream_alone() -> None:
    stream_id, other = new_id(), new_id()
    token = tokens.relay_token(stream_id)
    assert tokens.check_relay_token(stream_id, token)
    assert len(token) == 32
    for wrong in (tokens.relay_token(other), token[:-1], token + "A", "", "é"):
        assert not tokens.check_relay_token(stream_id, wrong)
    with configured(ingest_secret="another secret"):
        assert not tokens.check_relay_token(stream_id, token)
