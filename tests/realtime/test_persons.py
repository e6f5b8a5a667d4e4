"""What is meant for one person: on all of their sockets, on no other's, and for as long as they are that person."""

import asyncio
import contextlib
from datetime import datetime, timedelta
from uuid import UUID

from services import clock, notifications, sessions, tokens
from services.bus import bus
from tests.realtime.conftest import Show, Start
from tests.realtime.running import Crowd, Event, Person, Process, play

FELT_S = 1
GONE_S = 15
ROOM_LEFT_S = 2  # a busy machine's


def is_notification(event: Event) -> bool:
    return event["type"] == "notification"


async def tab(crowd: Crowd, process: Process, show: Show, token: str) -> Person:
    person = await crowd.person(process)
    await person.ask("join", room=show.room, token=token)
    await person.ask("subscribe_notifications")
    return person


async def notify(token: str, title: str) -> None:
    await asyncio.to_thread(notifications.notify, whose(token), "test", title)


def whose(token: str) -> UUID:
    return sessions.verify_access_token(token).user_id


def token_good_for(token: str, seconds: float) -> str:
    """Another token of the same sign-in, which ends then."""
    me = sessions.verify_access_token(token)
    assert me.session_id is not None
    signed_at = clock.now() + timedelta(seconds=seconds - bus.settings.jwt_expires_in_s)
    return tokens.sign_access_token(me.user_id, me.session_id, signed_at)


async def until(at: datetime, person: Person) -> None:
    """Listen until then."""
    with contextlib.suppress(TimeoutError):
        await person.hear(lambda _: False, (at - clock.now()).total_seconds())


async def titles(person: Person) -> list[str]:
    """Of all notifications that came before the answer to a ping."""
    await person.ask("ping")
    return [event["title"] for event in person.heard if is_notification(event)]


def test_every_tab_of_a_person_hears_what_is_meant_for_them_within_a_second_and_nobody_else(
    start: Start, show: Show
) -> None:
    one, other = start(), start()

    async def scene(crowd: Crowd) -> list[list[str]]:
        here, there = await tab(crowd, one, show, show.ana), await tab(crowd, other, show, show.ana)
        silent = await crowd.person(one)
        await silent.ask("join", room=show.room, token=show.ana)
        strangers = [await tab(crowd, other, show, show.ben), await crowd.person(other)]
        await strangers[-1].ask("join", room=show.room)
        await notify(show.ana, "For Ana")
        for person in (here, there):
            await person.hear(is_notification, FELT_S)
        await here.socket.close()
        await notify(show.ana, "Still for Ana")
        await there.hear(is_notification, FELT_S)
        assert (await there.ask("chat", text="from the other tab"))["type"] == "ack"
        return [await titles(person) for person in (there, silent, *strangers)]

    assert play(scene) == [["For Ana", "Still for Ana"], [], [], []]


def test_a_token_refreshed_on_an_open_socket_goes_on_without_a_seam(start: Start, show: Show) -> None:
    process = start()
    short = token_good_for(show.ana, 2)
    ends_at = tokens.read_access_token(short).expires_at

    async def scene(crowd: Crowd) -> tuple[list[Event], list[str], Event]:
        ana = await tab(crowd, process, show, short)
        answers = [await ana.ask("chat", text="with the first")]
        refreshed = await ana.ask("authenticate", token=show.ana)
        await until(ends_at + timedelta(seconds=0.1), ana)
        answers.append(await ana.ask("chat", text="with the second"))
        await notify(show.ana, "Once")
        await ana.hear(is_notification, FELT_S)
        await ana.hear_text("with the second")
        joined = await (await crowd.person(process)).ask("join", room=show.room)
        assert refreshed["userId"] == str(whose(show.ana))
        return answers, await titles(ana), joined

    answers, heard, joined = play(scene)
    assert [answer["type"] for answer in answers] == ["ack", "ack"]
    assert heard == ["Once"]
    assert joined["viewerCount"] == 2


def test_an_expired_token_takes_the_right_to_send_at_once_and_not_the_socket(start: Start, show: Show) -> None:
    process = start()
    short = token_good_for(show.ana, 1)
    ends_at = tokens.read_access_token(short).expires_at

    async def scene(crowd: Crowd) -> tuple[list[str], Event]:
        ana, ben = await tab(crowd, process, show, short), await tab(crowd, process, show, show.ben)
        await until(ends_at + timedelta(seconds=0.1), ana)
        refused = [await ana.ask(name, text="x") for name in ("chat", "typing", "react", "subscribe_notifications")]
        await ben.ask("chat", text="who is there?")
        await ana.hear_text("who is there?")
        await notify(show.ana, "No longer")
        assert await titles(ana) == []
        return [answer["code"] for answer in refused], await ana.ask("join", room=show.room, token=show.ana)

    codes, again = play(scene)
    assert set(codes) == {"unauthorized"}
    assert again["type"] == "ack"


def test_whoever_signs_in_on_anothers_socket_hears_nothing_of_theirs(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> tuple[list[str], Event]:
        shared = await tab(crowd, process, show, show.ana)
        await shared.ask("authenticate", token=show.ben)
        await notify(show.ana, "For Ana")
        await shared.ask("subscribe_notifications")
        await notify(show.ben, "For Ben")
        await shared.hear(is_notification, FELT_S)
        return await titles(shared), await shared.ask("chat", text="it is me, Ben")

    heard, sent = play(scene)
    assert heard == ["For Ben"]
    assert sent["message"]["author"]["id"] == str(whose(show.ben))


def test_the_viewers_of_a_process_that_dies_are_counted_no_more_within_15_s(start: Start, show: Show) -> None:
    stays, dies = start(), start()

    async def scene(crowd: Crowd) -> None:
        ana = await tab(crowd, stays, show, show.ana)
        for _ in range(3):
            await (await crowd.person(dies)).ask("join", room=show.room)
        await ana.hear(lambda event: event["type"] == "viewer_count" and event["count"] == 4)
        dies.kill()
        await ana.hear(lambda event: event["type"] == "viewer_count" and event["count"] == 1, GONE_S + ROOM_LEFT_S)

    play(scene)
