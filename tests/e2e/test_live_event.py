"""An event from end to end: an organiser, a crowd on real sockets, and a process that is killed in the middle."""

import asyncio
from collections import Counter
from itertools import cycle
from time import monotonic
from typing import Any

import msgspec
from falcon import testing
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from api.app import create_app
from db.connection import connection, query
from services.actors import Role
from settings import Settings
from tests.factories import bearer, make_user
from tests.realtime.conftest import Start, start
from tests.realtime.running import Crowd, Event, Person, Process, play, wait_for

__all__ = ["start"]  # a fixture of the realtime tests

CROWD = 60
ASKERS = 12
TIMES: dict[str, Any] = {"startTime": "2030-05-01T18:00:00Z", "endTime": "2030-05-01T20:00:00Z"}
#: What joining, telling and the clock of the test may differ by, in seconds.
TOLERANCE_S = 2.0
#: Longer than the tolerance, and than a process keeps silent of being alive.
WATCHED_S = 12


class Organiser:
    """Works over HTTP."""

    def __init__(self, settings: Settings) -> None:
        unhurried = msgspec.structs.replace(settings, rate_limit_default="1000000/minute")  # asks again and again
        self._client = testing.TestClient(create_app(unhurried))
        with connection():
            self._headers = bearer(make_user(role=Role.ADMIN))

    def call(self, method: str, path: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
        """The data of a successful call."""
        headers = headers or self._headers
        result = self._client.simulate_request(method, path, json=body or None, headers=headers)
        assert result.status_code < 300, (path, result.text)
        return result.json["data"]

    def attendance(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Everybody who came to an event, page by page."""
        rows: list[dict[str, Any]] = []
        page: dict[str, Any] = {}
        while not rows or page["meta"]["nextCursor"]:
            after = {"cursor": page["meta"]["nextCursor"]} if rows else {}
            page = self._client.simulate_get(
                f"/api/events/{event['id']}/attendance", params={"limit": 25} | after, headers=self._headers
            ).json
            rows += page["data"]
        return rows


class Visitor:
    """Somebody in the crowd; reconnects to another process when theirs is gone, and tries again."""

    def __init__(self, number: int, crowd: Crowd, processes: list[Process], room: str) -> None:
        with connection():
            user = make_user()
            self.headers = bearer(user)
        self.username, self.number = user.username, number
        self._crowd, self._room = crowd, room
        self._processes = cycle(processes if number % 2 else processes[::-1])
        self._person: Person
        self._seen = 0
        self.seqs: list[int] = []
        self.polls: list[Event] = []
        self.came_at = self.went_at = 0.0
        self.reconnects = -1

    async def arrive(self) -> None:
        """Come into the room; what was missed comes with the answer."""
        while True:
            try:
                self._person = await self._crowd.person(next(self._processes))
                self._seen = 0
                since = {"since": self.seqs[-1]} if self.seqs else {}
                token = self.headers["Authorization"].removeprefix("Bearer ")
                answer = await self._person.ask("join", room=self._room, token=token, **since)
            except (OSError, ConnectionClosed, InvalidHandshake):
                continue
            assert answer["type"] == "ack", answer
            assert not answer["truncated"]
            self.seqs += [message["seq"] for message in answer["messages"]]
            self._seen = len(self._person.heard)
            self.came_at = self.came_at or monotonic()
            self.reconnects += 1
            return

    async def sure(self, type: str, **fields: Any) -> Event:
        """The answer to a command, sent again until there is one."""
        while True:
            try:
                return await self._person.ask(type, **fields)
            except ConnectionClosed:
                self._remember()
                await self.arrive()
            finally:
                self._remember()

    async def wait_for_messages(self, count: int) -> None:
        """Stay until so many messages were seen."""
        while len(self.seqs) < count:
            try:
                await self._person.hear_type("new_message")
            except ConnectionClosed:
                self._remember()
                await self.arrive()
            self._remember()

    async def wait_for_votes(self, count: int) -> None:
        """Stay until the room was told of so many votes; who was cut off may have missed the telling."""
        while self.reconnects == 0 and (not self.polls or self.polls[-1]["totalVotes"] < count):
            try:
                await self._person.hear_type("poll_updated")
            except ConnectionClosed:
                self._remember()
                await self.arrive()
            self._remember()

    async def go(self) -> None:
        await self._person.socket.close()
        self.went_at = monotonic()

    def _remember(self) -> None:
        for event in self._person.heard[self._seen :]:
            if event["type"] == "new_message":
                self.seqs.append(event["seq"])
            elif event["type"] == "poll_updated":
                self.polls.append(event)
        self._seen = len(self._person.heard)


def test_nothing_is_lost_or_doubled_when_a_process_is_killed(committed_db: Settings, start: Start) -> None:
    organiser, processes = Organiser(committed_db), [start(), start()]
    project = organiser.call("POST", "/api/projects", name="Conference", status="LIVE")
    event = organiser.call("POST", "/api/events", projectId=project["id"], title="Keynote", status="LIVE", **TIMES)
    session = organiser.call("POST", "/api/sessions", eventId=event["id"], title="Opening", **TIMES)
    poll = organiser.call(
        "POST", "/api/polls", sessionId=session["id"], question="?", options=["a", "b"], isActive=True
    )
    asked = organiser.call("POST", "/api/questions", sessionId=session["id"], text="Who are you?")
    chosen = {"pollId": poll["id"], "optionId": poll["options"][0]["id"]}

    async def before(visitor: Visitor) -> None:
        await visitor.arrive()
        await visitor.sure("chat", text="hello", clientMessageId=f"1-{visitor.number}")
        if visitor.number < ASKERS:
            question = {"sessionId": session["id"], "text": f"question {visitor.number}"}
            await asyncio.to_thread(organiser.call, "POST", "/api/questions", visitor.headers, **question)

    async def during(visitor: Visitor) -> list[str]:
        answers = [
            await visitor.sure("chat", text="again", clientMessageId=f"2-{visitor.number}"),
            await visitor.sure("vote_poll", **chosen),
            await visitor.sure("upvote_question", questionId=asked["id"]),
        ]
        return [answer.get("code", "ok") for answer in answers]

    def least_watched() -> int:
        return min(row["watchTimeSeconds"] for row in organiser.attendance(event))

    async def scene(crowd: Crowd) -> list[Visitor]:
        visitors = [Visitor(number, crowd, processes, session["room"]) for number in range(CROWD)]
        await asyncio.gather(*map(before, visitors))
        busy = [asyncio.create_task(during(visitor)) for visitor in visitors]
        await asyncio.wait(busy, return_when=asyncio.FIRST_COMPLETED)
        processes[0].kill()
        codes = Counter(code for answers in await asyncio.gather(*busy) for code in answers)
        assert codes.keys() <= {"ok", "already_voted", "already_upvoted"}
        async with asyncio.timeout(60):
            await asyncio.gather(*(visitor.wait_for_messages(2 * CROWD) for visitor in visitors))
            await asyncio.gather(*(visitor.wait_for_votes(CROWD) for visitor in visitors))
        await asyncio.to_thread(
            wait_for, lambda: least_watched() >= WATCHED_S, "everybody to have watched for a while", 180
        )
        await asyncio.gather(*(visitor.go() for visitor in visitors))
        return visitors

    visitors = play(scene)
    assert 0 < sum(visitor.reconnects for visitor in visitors) <= CROWD

    everything = list(range(1, 2 * CROWD + 1))
    assert all(visitor.seqs == everything for visitor in visitors)
    assert query("SELECT count(*), count(DISTINCT (author_id, client_message_id)) FROM messages") == [
        (2 * CROWD, 2 * CROWD)
    ]

    [shown] = organiser.call("GET", f"/api/polls/session/{session['id']}")
    assert ([option["votes"] for option in shown["options"]], shown["totalVotes"]) == ([CROWD, 0], CROWD)
    board = organiser.call("GET", f"/api/questions/session/{session['id']}")
    assert (len(board), board[0]["id"], board[0]["upvotes"]) == (ASKERS + 1, asked["id"], CROWD)

    wait_for(lambda: not any(row["isPresent"] for row in organiser.attendance(event)), "everybody to be gone")
    found = {row["user"]["username"]: row for row in organiser.attendance(event)}
    assert found.keys() == {visitor.username for visitor in visitors}
    for visitor in visitors:
        there_s = visitor.went_at - visitor.came_at
        row = found[visitor.username]
        assert abs(row["watchTimeSeconds"] - there_s) <= TOLERANCE_S, (visitor.reconnects, there_s, row)
        assert (row["engagement"]["messages"], row["engagement"]["pollVotes"]) == (2, 1)
