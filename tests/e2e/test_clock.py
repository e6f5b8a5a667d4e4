"""A whole AstroTV, PostgreSQL and Redis included, on a machine whose clock is set while people are at work.

The processes are told another time of day than the machine's (libfaketime, preloaded into each of them),
by a file that all of them look at every second; time that merely passes goes on as it does in Linux.
"""

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from tests.e2e.load import NO_LIMIT, RECOVERS_WITHIN_S, Load, is_ready, wallet_grows
from tests.e2e.playlists import last_number
from tests.e2e.stack import Stack, running, until
from tests.e2e.talker import Talker, at_work
from tests.folders import open_folder

#: Access tokens outlive every step but the longest.
TOKENS = {"JWT_EXPIRES_IN": "12h"}
TOLERANCE = timedelta(minutes=5)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with open_folder("astrotv-clock-") as folder:
        library = shutil.copy(_library(), folder)  # where PostgreSQL's account reaches it
        told = folder / "clock"
        told.write_text("+0")
        own_clock = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(told),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        with running(folder / "stack", **NO_LIMIT, **TOKENS, **own_clock) as started:
            yield started


def _library() -> Path:
    package = importlib.util.find_spec("libfaketime")
    assert package and package.origin
    [found] = Path(package.origin).parent.rglob("libfaketime.so.1")
    return found


def set_clock(stack: Stack, hours: int) -> None:
    """Have all processes be so many hours ahead of the machine, and wait until they are."""
    told = stack.data_dir.parent / "clock"
    fresh = told.with_suffix(".new")
    fresh.write_text(f"{hours * 3600:+d}")
    fresh.replace(told)
    wanted = datetime.now(UTC) + timedelta(hours=hours)
    until(lambda: abs(time_of(stack) - wanted) < TOLERANCE, why=lambda: time_of(stack))


def time_of(stack: Stack) -> datetime:
    """What the API takes for the time."""
    return parsedate_to_datetime(requests.get(f"{stack.url}/health", timeout=5).headers["Date"])


@contextmanager
def clock_set(stack: Stack, hours: int) -> Iterator[None]:
    """The clock set for the length of the block, and then set back."""
    set_clock(stack, hours)
    try:
        yield
    finally:
        set_clock(stack, 0)


def live(stack: Stack) -> list[Any]:
    return list(stack.call("GET", "/api/streams"))


def test_a_clock_that_is_set_forth_and_back_under_load_stops_nobody(stack: Stack) -> None:
    key = str(stack.call("GET", "/api/auth/stream-key", stack.sign_in("streamer"))["streamKey"])
    load, talker = Load(stack), Talker(stack)
    with stack.publishing(key):
        (stream,) = until(lambda: live(stack), 30)
        source = str(stream["playback"]["hls"]).replace("index.m3u8", "source/index.m3u8")
        with load.at_work(), at_work(talker.talk):
            until(lambda: len(talker.acknowledged) > 2 and last_number(source) > 2, 30)
            for hours in (1, 0, -1, 0):
                said, shown = len(talker.acknowledged), last_number(source)
                set_clock(stack, hours)
                load.recovered()
                until(lambda so_far=said: len(talker.acknowledged) > so_far + 2, RECOVERS_WITHIN_S)  # type: ignore[misc]
                until(lambda so_far=shown: last_number(source) > so_far + 1, RECOVERS_WITHIN_S)  # type: ignore[misc]
                wallet_grows(stack, 2 * RECOVERS_WITHIN_S)
                assert [found["id"] for found in live(stack)] == [stream["id"]]
                assert is_ready(stack)
    assert load.refusals == {}
    assert talker.refusals == []
    load.nothing_is_lost()
    (first, _), *others = talker.acknowledged.items()
    assert [(message["id"], message["text"]) for message in talker.missed_since(first)] == others


def test_who_signed_in_before_the_clock_went_back_stays_signed_in(stack: Stack) -> None:
    with clock_set(stack, 1):
        token = until(lambda: token_of_the_future(stack))
    assert stack.call("GET", "/api/auth/me", token)


def token_of_the_future(stack: Stack) -> str:
    """A new access token, if the process that gave it has seen that the clock was set."""
    token = stack.sign_in("viewer")
    issued_at = jwt.decode(token, options={"verify_signature": False})["iat"]
    return token if issued_at > datetime.now(UTC).timestamp() + 1800 else ""


def test_a_clock_far_ahead_ends_tokens_and_nobody_is_kept_from_new_ones(stack: Stack) -> None:
    token = stack.sign_in("viewer")
    with clock_set(stack, 24):
        until(lambda: asked_who_i_am(stack, token) == 401)
        until(lambda: asked_who_i_am(stack, stack.sign_in("viewer")) == 200)
    until(lambda: asked_who_i_am(stack, stack.sign_in("viewer")) == 200)


def asked_who_i_am(stack: Stack, token: str) -> int:
    """The status of the answer; each process of the API sees within a second that the clock was set."""
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{stack.url}/api/auth/me", headers=headers, timeout=5).status_code
