"""Two copies of the server that know nothing of each other, and people on both."""

import asyncio
from typing import Any

from tests.realtime.conftest import Show, Start
from tests.realtime.running import Crowd, Process, play


def test_a_message_sent_to_one_process_is_heard_from_the_other_and_found_in_the_history(
    start: Start, show: Show
) -> None:
    one, other = start(), start()

    async def scene(crowd: Crowd) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        ana, ben = await crowd.person(one), await crowd.person(other)
        await ana.ask("join", room=show.room, token=show.ana)
        await ben.ask("join", streamerNickname=show.streamer_name)
        sent = await ana.ask("chat", text="hello there")
        heard = await ben.hear_text("hello there")
        late = await crowd.person(other)
        return sent, heard, await late.ask("join_stream", streamId=show.room.partition(":")[2])

    sent, heard, joined = play(scene)
    assert sent["message"]["room"] == heard["room"] == joined["room"] == show.room
    assert [message["id"] for message in joined["messages"]] == [sent["message"]["id"]] == [heard["id"]]
    assert heard["seq"] == 1
    assert heard["author"]["badges"] == []


def test_a_storm_from_both_sides_is_heard_whole_and_in_one_order_by_whoever_joins_in_the_middle(
    start: Start, show: Show
) -> None:
    one, other = start(), start()

    async def scene(crowd: Crowd) -> list[list[int]]:
        listeners: list[asyncio.Task[list[int]]] = []

        async def listen(process: Process) -> list[int]:
            person = await crowd.person(process)
            joined = await person.ask("join", room=show.room)
            heard = [message["seq"] for message in joined["messages"] + person.messages()]
            while not heard or heard[-1] < 36:
                heard.append((await person.hear_type("new_message"))["seq"])
            return heard

        async def storm(process: Process, token: str) -> None:
            person = await crowd.person(process)
            await person.ask("join", room=show.room, token=token)
            for number in range(18):
                listeners.append(asyncio.create_task(listen((one, other)[number % 2])))
                await person.ask("chat", text=f"gust {number}")

        await asyncio.gather(storm(one, show.ana), storm(other, show.ben))
        return await asyncio.gather(*listeners)

    for heard in play(scene):
        assert heard == list(range(1, 37))


def test_whoever_comes_back_with_since_gets_what_was_missed_and_no_more(start: Start, show: Show) -> None:
    one, other = start(), start()

    async def scene(crowd: Crowd) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        ana = await crowd.person(one)
        await ana.ask("join", room=show.room, token=show.ana)
        sent = [await ana.ask("chat", text=f"words {number}") for number in range(5)]
        back = await crowd.person(other)
        by_id = await back.ask("join", room=show.room, since=sent[1]["message"]["id"])
        by_seq = await back.ask("join", room=show.room, since=4)
        lost = await back.ask("join", room=show.room, since="00000000-0000-7000-8000-000000000000")
        return by_id, by_seq, lost

    by_id, by_seq, lost = play(scene)
    assert [message["text"] for message in by_id["messages"]] == ["words 2", "words 3", "words 4"]
    assert by_id["recovered"] and not by_id["truncated"]
    assert [message["seq"] for message in by_seq["messages"]] == [5]
    assert lost["truncated"] and not lost["recovered"]


def test_viewers_are_counted_once_over_all_processes(start: Start, show: Show) -> None:
    one, other = start(), start()

    async def scene(crowd: Crowd) -> tuple[int, int]:
        ana = await crowd.person(one)
        await ana.ask("join", room=show.room, token=show.ana)
        again = await crowd.person(other)
        await again.ask("join", room=show.room, token=show.ana)
        guest = await crowd.person(other)
        joined = await guest.ask("join", room=show.room)
        await ana.hear(lambda event: event["type"] == "viewer_count" and event["count"] == 2)
        await again.socket.close()
        await guest.socket.close()
        left = await ana.hear(lambda event: event["type"] == "viewer_count" and event["count"] == 1)
        assert left["room"] == show.room
        return joined["viewerCount"], left["count"]

    assert play(scene) == (2, 1)
