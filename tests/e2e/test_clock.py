"""A whole AstroTV, PostgreSQL and Redis included, on a machine whose clock is set while people are at work."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import requests

from tests.e2e.load import NO_LIMIT, RECOVERS_WITHIN_S, Asking, Load, is_ready, open_session, wallet_grows
from tests.e2e.own_clock import OwnClock
from tests.e2e.playlists import last_number
from tests.e2e.stack import Stack, running, until
from tests.e2e.talker import Talker, at_work
from tests.folders import open_folder

MINUTES, HOUR = timedelta(minutes=5), timedelta(hours=1)
NOW = timedelta()
#: Access tokens outlive every step but the longest.
TOKENS = {"JWT_EXPIRES_IN": "12h"}
#: What beat asks for most often.
SWEPT = "outbox.sweep"


@pytest.fixture(scope="module")
def clock() -> Iterator[OwnClock]:
    with open_folder("astrotv-clock-") as folder:
        yield OwnClock(folder)


@pytest.fixture(scope="module")
def stack(clock: OwnClock) -> Iterator[Stack]:
    settings = NO_LIMIT | TOKENS | clock.settings
    with open_folder("astrotv-clocks-") as folder, running(folder / "stack", **settings) as started:
        yield started


class Reader:
    """Somebody who reads on one connection that is kept, as browsers do."""

    def __init__(self, stack: Stack) -> None:
        self._url = f"{stack.url}/api/streams"
        self.answers: Counter[int] = Counter()
        self.broken: list[str] = []

    def read(self, done: threading.Event) -> None:
        with requests.Session() as line:
            while not done.wait(0.05):
                try:
                    self.answers[line.get(self._url, timeout=20).status_code] += 1
                except requests.RequestException as error:
                    self.broken.append(repr(error))


def live(stack: Stack) -> list[Any]:
    return list(stack.call("GET", "/api/streams"))


def status(stack: Stack) -> dict[str, Any]:
    """What the streamer is told of the broadcast."""
    return dict(stack.call("GET", "/api/stream/status", stack.sign_in("streamer")))


def rendition(stream: dict[str, Any], name: str) -> str:
    return str(stream["playback"]["hls"]).replace("index.m3u8", f"{name}/index.m3u8")


def is_past(playlist: str, number: int) -> bool:
    """Whether a newer segment than this one is shown."""
    return last_number(playlist) > number


def so_far(playlists: Iterable[str]) -> dict[str, int]:
    """The newest segment of each."""
    return {playlist: last_number(playlist) for playlist in playlists}


def goes_on(stack: Stack, shown: dict[str, int]) -> None:
    """Wait until each playlist has two segments more than were shown, and see that players go on."""
    for playlist, number in shown.items():
        until(partial(is_past, playlist, number + 1), RECOVERS_WITHIN_S, lambda: (so_far(shown), status(stack)))
        assert "#EXT-X-ENDLIST" not in requests.get(playlist, timeout=5).text


def jobs_done(stack: Stack, job: str) -> float:
    """How often a job was done so far, by the count that the API shows."""
    shown = requests.get(f"{stack.url}/metrics", timeout=5).text.splitlines()
    name = f'astrotv_jobs_total{{job="{job}",outcome="done"}} '
    return sum(float(line.removeprefix(name)) for line in shown if line.startswith(name))


def has_done(stack: Stack, job: str, times: float) -> bool:
    """Whether a job was done more often than this."""
    return jobs_done(stack, job) > times


def login(stack: Stack, password: str) -> requests.Response:
    body = {"email": "streamer@example.com", "password": password}
    return requests.post(f"{stack.url}/api/auth/login", json=body, timeout=10)


def key_of(stack: Stack) -> str:
    return str(stack.call("GET", "/api/auth/stream-key", stack.sign_in("streamer"))["streamKey"])


def test_a_clock_that_is_set_forth_and_back_under_load_stops_nobody(stack: Stack, clock: OwnClock) -> None:
    load, talker, reader = Load(stack), Talker(stack), Reader(stack)
    with stack.publishing(key_of(stack), seconds=900):
        (stream,) = until(lambda: live(stack), 30)
        playlists = [rendition(stream, name) for name in ("source", "audio")]  # which a busy machine makes as well
        with load.at_work(), at_work(talker.talk, reader.read):
            until(lambda: len(talker.acknowledged) > 2 and all(is_past(playlist, 2) for playlist in playlists))
            for step in (MINUTES, NOW, HOUR, NOW, -HOUR, NOW, -MINUTES, NOW):
                shown, said, swept = so_far(playlists), len(talker.acknowledged), jobs_done(stack, SWEPT)
                clock.set(stack, step)
                load.recovered()
                goes_on(stack, shown)
                until(partial(talker.has_said, said + 2), RECOVERS_WITHIN_S, lambda: talker.refusals)
                wallet_grows(stack, RECOVERS_WITHIN_S)
                until(partial(has_done, stack, SWEPT, swept + 1), RECOVERS_WITHIN_S)
                until(lambda: status(stack)["viewerCount"] == 1, RECOVERS_WITHIN_S)
                assert [found["id"] for found in live(stack)] == [stream["id"]]
                assert is_ready(stack)
    assert (load.refusals, load.cut, talker.refusals, talker.visits) == ({}, 0, [], 1)
    assert (list(reader.answers), reader.broken) == ([200], [])
    load.nothing_is_lost()
    (first, _), *others = talker.acknowledged.items()
    told = talker.missed_since(first)
    assert [(message["id"], message["text"]) for message in told] == others
    assert [message["seq"] for message in told] == list(range(told[0]["seq"], told[0]["seq"] + len(told)))
    until(lambda: not live(stack), RECOVERS_WITHIN_S)


def test_a_broadcast_that_begins_ahead_of_time_ends_and_is_recorded(stack: Stack, clock: OwnClock) -> None:
    with clock.at(stack, HOUR):
        encoder = stack.publishing(key_of(stack))
        with encoder:
            (stream,) = until(lambda: live(stack), 30)
            source = rendition(stream, "source")
            until(lambda: is_past(source, 3), 30)
            clock.set(stack, NOW)
            goes_on(stack, so_far([source]))
            assert status(stack)["uptimeSeconds"] >= 0
    until(lambda: not live(stack), RECOVERS_WITHIN_S)
    until(lambda: stack.call("GET", f"/api/streams/{stream['id']}")["playback"]["recording"], 90)


def test_questions_are_asked_once_each_under_their_keys(stack: Stack, clock: OwnClock) -> None:
    session_id, token = open_session(stack), stack.sign_in("viewer")
    asking = Asking(stack, session_id)
    with asking.at_work():
        for step in (HOUR, NOW, -HOUR, NOW):
            enough = len(asking.settled) + 3
            clock.set(stack, step)
            until(partial(asking.has_settled, enough), RECOVERS_WITHIN_S)
    text, question_id = next(iter(asking.settled.items()))
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": text}
    for step in (HOUR, -HOUR, NOW):
        clock.set(stack, step)
        again = requests.post(
            f"{stack.url}/api/questions", json={"sessionId": session_id, "text": text}, headers=headers, timeout=30
        )
        assert (again.status_code, again.json()["data"]["id"]) == (201, question_id)


def test_nobody_is_kept_out_or_silent_for_what_was_done_ahead_of_time(stack: Stack, clock: OwnClock) -> None:
    talker, streamer = Talker(stack), stack.sign_in("streamer")
    settings = "/api/stream/chat-settings"
    with clock.at(stack, HOUR):
        until(lambda: login(stack, "a wrong one").status_code == 429)
        stack.call("PUT", settings, streamer, json={"slowModeSeconds": 2})
        with at_work(talker.talk):
            until(lambda: talker.acknowledged and talker.refusals)
            assert {refusal["code"] for refusal in talker.refusals} == {"slow_mode"}
            clock.set(stack, NOW)
            until(
                partial(talker.has_said, len(talker.acknowledged) + 1), RECOVERS_WITHIN_S, lambda: talker.refusals[-1]
            )
    stack.call("PUT", settings, streamer, json={"slowModeSeconds": 0})
    until(lambda: login(stack, "a wrong one").status_code == 401, RECOVERS_WITHIN_S)


def test_who_signed_in_before_the_clock_went_back_stays_signed_in(stack: Stack, clock: OwnClock) -> None:
    with clock.at(stack, HOUR):
        token = stack.sign_in("viewer")
    assert stack.call("GET", "/api/auth/me", token)


def test_a_clock_far_ahead_ends_access_tokens_and_the_session_goes_on(stack: Stack, clock: OwnClock) -> None:
    session = stack.call("POST", "/api/auth/login", json=stack.account("viewer"))["session"]
    with clock.at(stack, timedelta(days=1)):
        until(lambda: asked_who_i_am(stack, session["access_token"]) == 401)
        session = refreshed(stack, session)
        until(lambda: asked_who_i_am(stack, session["access_token"]) == 200)
    until(lambda: asked_who_i_am(stack, session["access_token"]) == 200)
    session = refreshed(stack, session)
    until(lambda: asked_who_i_am(stack, session["access_token"]) == 200)


def refreshed(stack: Stack, session: dict[str, str]) -> dict[str, str]:
    """The session with fresh tokens, as clients ask for them."""
    return dict(stack.call("POST", "/api/auth/refresh", json={"refreshToken": session["refresh_token"]}))


def asked_who_i_am(stack: Stack, token: str) -> int:
    """The status of the answer; each process of the API hears within a second that the clock was set."""
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{stack.url}/api/auth/me", headers=headers, timeout=10).status_code
