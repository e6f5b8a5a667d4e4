"""Tokens: what they open, and that what was handed out stays good from release to release."""

from datetime import timedelta
from uuid import UUID

import jwt
import pytest

from services import clock, tokens
from services.bus import bus
from services.errors import Unauthorized
from services.ids import new_id
from tests.configuring import configured

A_CHANNEL = UUID("0190a0b0-0000-7000-8000-000000000001")
ANOTHER = UUID("0190a0b0-0000-7000-8000-000000000002")


def test_a_token_is_good_for_its_time_and_five_seconds_of_clocks_that_differ() -> None:
    signed_at = clock.now().replace(microsecond=0) - timedelta(days=3)
    token = tokens.sign_access_token(A_CHANNEL, ANOTHER, signed_at)
    ends = signed_at + timedelta(seconds=bus.settings.jwt_expires_in_s)
    for at in (signed_at, ends, ends + timedelta(seconds=5)):
        with clock.frozen(at):
            claims = tokens.read_access_token(token)
            assert (claims.user_id, claims.session_id, claims.expires_at) == (A_CHANNEL, ANOTHER, ends)
    with clock.frozen(ends + timedelta(seconds=5, microseconds=1)), pytest.raises(Unauthorized) as refused:
        tokens.read_access_token(token)
    assert refused.value.code == "token_expired"


GOOD = {"sub": str(A_CHANNEL), "sid": str(ANOTHER), "exp": 4_000_000_000, "typ": "access"}


@pytest.mark.parametrize(
    "claims", [GOOD | {"typ": "refresh"}, GOOD | {"sub": "me"}, *({**GOOD, missing: None} for missing in GOOD)]
)
def test_what_is_signed_but_says_something_else_is_no_token(claims: dict[str, object]) -> None:
    said = {name: value for name, value in claims.items() if value is not None}
    assert tokens.read_access_token(jwt.encode(GOOD, bus.settings.jwt_secret, algorithm="HS256")).user_id == A_CHANNEL
    with pytest.raises(Unauthorized) as refused:
        tokens.read_access_token(jwt.encode(said, bus.settings.jwt_secret, algorithm="HS256"))
    assert refused.value.code == "token_invalid"


def test_a_token_of_another_secret_or_another_algorithm_is_refused() -> None:
    secret = bus.settings.jwt_secret
    forged = [
        jwt.encode(GOOD, secret + "x", algorithm="HS256"),
        jwt.encode(GOOD, secret.ljust(64, "-"), algorithm="HS512"),
        jwt.encode(GOOD, "", algorithm="none"),
        "",
        "a.b.c",
    ]
    for token in forged:
        with pytest.raises(Unauthorized):
            tokens.read_access_token(token)


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
