"""An event's audience on sockets: voting, what the room is told of it and how often, and being there."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from time import monotonic
from typing import Any

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed

from db.connection import connection
from db.models.users import User
from services import attendance, event_changes, polls, questions, sessions
from services.attendance import Attendee
from services.event_sessions import EventSessionView
from services.live_events import EventPatch
from services.projects import Stage
from services.questions import NewQuestion
from services.sessions import Device
from settings import Settings
from tests.factories import actor_of, make_user
from tests.live_events import ORGANISER, make_event, make_organiser, make_poll, make_session
from tests.realtime.conftest import Start
from tests.realtime.running import Crowd, Person, Process, play, wait_for

VOTERS = 40
AT_MOST_A_SECOND = 4


class Audience(msgspec.Struct, frozen=True):
    """A session of a live event, and people who may come."""

    session: EventSessionView
    people: list[User]
    tokens: list[str]

    @property
    def room(self) -> str:
        return self.session.room


@pytest.fixture
def audience(committed_db: Settings) -> Audience:
    with connection():
        people: list[User] = [make_user() for _ in range(3)]
        tokens = [sessions.open_session(person.id, Device()).access_token for person in people]
        return Audience(make_session(), people, tokens)


async def seated(crowd: Crowd, process: Process, audience: Audience, number: int) -> Person:
    person = await crowd.person(process)
    answer = await person.ask("join_session", sessionId=str(audience.session.id), token=audience.tokens[number])
    assert (answer["type"], answer["room"]) == ("ack", audience.room)
    return person


def test_voting_and_upvoting_on_a_socket_is_what_it_is_over_http(start: Start, audience: Audience) -> None:
    process = start()
    poll = make_poll(audience.session.id)
    question = questions.ask(actor_of(audience.people[0]), NewQuestion(session_id=audience.session.id, text="Why?"))

    async def scene(crowd: Crowd) -> list[Any]:
        ana, ben = await seated(crowd, process, audience, 0), await seated(crowd, process, audience, 1)
        vote = {"pollId": str(poll.id), "optionId": str(poll.options[1].id)}
        voted = await ana.ask("vote_poll", **vote)
        told = await ben.hear_type("poll_updated")
        again = await ana.ask("vote_poll", **vote)
        upvoted = await ana.ask("upvote_question", questionId=str(question.id))
        board = await ben.hear(lambda event: event["type"] == "questions_updated" and event["questions"][0]["upvotes"])
        twice = await ana.ask("upvote_question", questionId=str(question.id))
        return [voted, told, again["code"], upvoted, board, twice["code"]]

    voted, told, again, upvoted, board, twice = play(scene)
    assert voted["poll"]["myVote"] == str(poll.options[1].id)
    assert [option["votes"] for option in told["options"]] == [0, 1, 0]
    assert "myVote" not in told
    assert (told["room"], told["id"]) == (audience.room, str(poll.id))
    assert (again, twice) == ("already_voted", "already_upvoted")
    assert (upvoted["question"]["upvotes"], upvoted["question"]["upvotedByMe"]) == (1, True)
    assert (board["sessionId"], len(board["questions"])) == (str(audience.session.id), 1)
    assert "upvotedByMe" not in board["questions"][0]


def test_a_storm_of_votes_is_told_at_a_bounded_rate_and_right_at_the_end(start: Start, audience: Audience) -> None:
    process = start()
    poll = make_poll(audience.session.id)
    with connection():
        voters = [actor_of(make_user()) for _ in range(VOTERS)]

    def storm() -> None:
        def vote(number: int) -> None:
            with connection():
                polls.vote(voters[number], poll.id, [poll.options[number % 3].id])

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(vote, range(VOTERS)))

    async def scene(crowd: Crowd) -> tuple[list[float], dict[str, Any]]:
        ana = await seated(crowd, process, audience, 0)
        storming, times = asyncio.create_task(asyncio.to_thread(storm)), []
        while True:
            last = await ana.hear_type("poll_updated")
            times.append(monotonic())
            if last["totalVotes"] == VOTERS:
                await storming
                return times, last

    times, last = play(scene)
    assert sum(option["votes"] for option in last["options"]) == VOTERS
    for first, later in zip(times, times[AT_MOST_A_SECOND:], strict=False):
        assert later - first >= 0.95
    assert all(later > first for first, later in pairwise(times))


def test_hidden_results_are_told_to_those_who_voted_alone(start: Start, audience: Audience) -> None:
    process = start()
    poll = make_poll(audience.session.id, hides_results=True)

    async def scene(crowd: Crowd) -> list[Any]:
        ana, ben = await seated(crowd, process, audience, 0), await seated(crowd, process, audience, 1)
        await ana.say("vote_poll", pollId=str(poll.id), optionId=str(poll.options[0].id))
        told = [await person.hear_type("poll_updated") for person in (ana, ben)]
        await asyncio.to_thread(_close, str(poll.id))
        return [*told, await ben.hear(lambda event: event["type"] == "poll_updated" and event["status"] == "CLOSED")]

    knowing, others, closed = play(scene)
    assert [option["votes"] for option in knowing["options"]] == [1, 0, 0]
    assert ([option["votes"] for option in others["options"]], others["totalVotes"]) == ([None] * 3, 1)
    assert [option["votes"] for option in closed["options"]] == [1, 0, 0]


def _close(poll_id: str) -> None:
    with connection():
        polls.activate(actor_of(make_organiser()), poll_id, False)


def test_going_live_and_ending_is_told_to_all_who_asked(start: Start, audience: Audience) -> None:
    process = start()
    with connection():
        event = make_event(Stage.DRAFT)

    def move(stage: Stage) -> None:
        with connection():
            event_changes.edit_event(ORGANISER, str(event.id), EventPatch(status=stage))

    async def scene(crowd: Crowd) -> list[Any]:
        ana = await crowd.person(process)
        await ana.ask("authenticate", token=audience.tokens[0])
        await ana.ask("subscribe_notifications")
        told = []
        for stage in (Stage.LIVE, Stage.ENDED):
            await asyncio.to_thread(move, stage)
            told.append(await ana.hear_type("event_status"))
        return told

    assert [(told["status"], told["slug"]) for told in play(scene)] == [("LIVE", event.slug), ("ENDED", event.slug)]


def test_a_draft_s_room_is_entered_by_organisers_alone(start: Start, audience: Audience) -> None:
    process = start()
    with connection():
        room = make_session(make_event(Stage.DRAFT)).room
        token = sessions.open_session(make_organiser().id, Device()).access_token

    async def scene(crowd: Crowd) -> list[str]:
        people = [await crowd.person(process) for _ in range(3)]
        answers = [
            await people[0].ask("join", room=room),
            await people[1].ask("join", room=room, token=audience.tokens[0]),
            await people[2].ask("join", room=room, token=token),
        ]
        return [answer["type"] for answer in answers]

    assert play(scene) == ["error", "error", "ack"]


def attendees(audience: Audience) -> dict[str, Attendee]:
    with connection():
        found = attendance.attendees(ORGANISER, str(audience.session.event_id), 100, None).items
    return {attendee.user.username: attendee for attendee in found}


def test_being_in_the_room_is_attending_until_the_socket_is_gone(start: Start, audience: Audience) -> None:
    process = start()
    ana, ben = audience.people[0].username, audience.people[1].username

    async def scene(crowd: Crowd) -> None:
        gone, stays = await seated(crowd, process, audience, 0), await seated(crowd, process, audience, 1)
        await asyncio.to_thread(wait_for, lambda: len(attendees(audience)) == 2, "two attendees")
        gone.socket.transport.abort()
        with pytest.raises(ConnectionClosed):
            await gone.hear(lambda _: False)
        await asyncio.to_thread(
            wait_for, lambda: not attendees(audience)[ana].is_present, "the one who vanished to be missed"
        )
        found = attendees(audience)
        assert found[ben].is_present
        assert found[ana].left_at is not None
        await stays.ask("leave_session", sessionId=str(audience.session.id))
        await asyncio.to_thread(wait_for, lambda: not attendees(audience)[ben].is_present, "the one who left")

    play(scene)


def test_a_process_that_is_told_to_stop_ends_the_visits_of_its_people(start: Start, audience: Audience) -> None:
    process = start()

    async def scene(crowd: Crowd) -> None:
        ana = await seated(crowd, process, audience, 0)
        await asyncio.to_thread(wait_for, lambda: len(attendees(audience)) == 1, "an attendee")
        process.terminate()
        with pytest.raises(ConnectionClosed):
            await ana.hear(lambda _: False)

    play(scene)
    assert process.wait() == 0
    [found] = attendees(audience).values()
    assert (found.is_present, found.left_at is None) == (False, False)
