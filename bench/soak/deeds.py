"""What people do in a soak, over HTTP and on sockets."""

import asyncio
import io
import json
import threading
from collections import Counter
from typing import Any

import requests
import websockets
from PIL import Image

from bench.soak.crowd import TIMEOUT_S, Deed, Person
from tests.e2e.stack import Stack

READS = (
    "/api/streams",
    "/api/data/games",
    "/api/search?q=so",
    "/api/content/feed",
    "/api/auth/me",
    "/api/notifications",
)


def reads(person: Person, number: int) -> None:
    person.call("GET", READS[number % len(READS)])


def posts(person: Person, number: int) -> None:
    """Posts, every tenth with a picture; likes and comments what others posted."""
    files = [("files", ("a.png", _picture(number), "image/png"))] if number % 10 == 0 else None
    if files:
        person.call("POST", "/api/content/posts", data={"text": f"picture {number}"}, files=files)
    else:
        person.call("POST", "/api/content/posts", json={"text": f"post {number}"})
    for post in person.call("GET", "/api/content/feed/public?limit=3") or ():
        person.call("POST", f"/api/content/posts/{post['id']}/like", fine=(404,))
        comment = {"postId": post["id"], "text": f"comment {number}"}
        person.call("POST", "/api/content/comments", json=comment, fine=(404,))
        if number % 5 == 0:
            person.call("DELETE", f"/api/content/posts/{post['id']}", fine=(403, 404))


def follows(streamer: str) -> Deed:
    def deed(person: Person, _number: int) -> None:
        person.call("POST", f"/api/user/follow/{streamer}")

    return deed


def buys(streamer: str, pack: str, gift: str) -> Deed:
    """Buys coins from a provider that repeats itself and mixes the order up, and gives some away."""

    def deed(person: Person, number: int) -> None:
        if number % 8 == 0:
            body = {"coinPackId": pack}
            checkout = person.call("POST", "/api/payment/create-checkout-session", json=body)
            if checkout:
                unkind = {"duplicates": "3", "shuffle": "1"}
                requests.post(f"{checkout['checkoutUrl']}/pay", data=unkind, timeout=TIMEOUT_S)
        given = {"giftId": gift, "streamerId": streamer}
        person.call("POST", "/api/payment/gift", json=given, fine=(409,))

    return deed


def takes_part(organiser: Person, session: str) -> Deed:
    """Asks, upvotes and votes; the organiser opens polls. A second vote must be refused."""

    def deed(person: Person, number: int) -> None:
        if person is organiser:
            new = {"sessionId": session, "question": f"poll {number}", "options": ["a", "b"], "isActive": True}
            person.call("POST", "/api/polls", json=new)
            return
        person.call("POST", "/api/questions", json={"sessionId": session, "text": f"question {number}"}, fine=(403,))
        for question in (person.call("GET", f"/api/questions/session/{session}?limit=3") or ())[:3]:
            person.call("PATCH", f"/api/questions/{question['id']}/upvote", fine=(409,))
        for poll in (person.call("GET", f"/api/polls/session/{session}?limit=2") or ())[:2]:
            vote = {"pollId": poll["id"], "optionId": poll["options"][number % 2]["id"]}
            for _ in range(2):
                person.call("POST", "/api/polls/vote", json=vote, fine=(409,))

    return deed


class Talk:
    """People on sockets in one room, who talk; knows every message that was acknowledged."""

    def __init__(self, stack: Stack, tokens: list[str], room: str) -> None:
        self._stack, self._tokens, self._room = stack, tokens, room
        self._done = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), name="talk")
        self.acknowledged: set[str] = set()
        self.answers: Counter[str] = Counter()

    def __enter__(self) -> "Talk":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    async def _all(self) -> None:
        await asyncio.gather(*(self._one(token) for token in self._tokens))

    async def _one(self, token: str) -> None:
        while not self._done.is_set():
            try:
                async with websockets.connect(f"{self._stack.realtime_url}/ws?token={token}") as socket:
                    await socket.send(json.dumps({"type": "join", "room": self._room}))
                    await self._talk_on(socket)
            except (OSError, websockets.WebSocketException) as error:
                self.answers[f"broken {type(error).__name__}"] += 1
                await asyncio.sleep(1)

    async def _talk_on(self, socket: websockets.ClientConnection) -> None:
        listener = asyncio.create_task(self._listen(socket))
        number = 0
        while not self._done.is_set() and not listener.done():
            await socket.send(json.dumps({"type": "chat", "text": f"word {number}", "id": str(number)}))
            number += 1
            await asyncio.sleep(1)
        listener.cancel()

    async def _listen(self, socket: websockets.ClientConnection) -> None:
        async for frame in socket:
            self._note(json.loads(frame))

    def _note(self, event: dict[str, Any]) -> None:
        message = event.get("message")
        if event["type"] == "ack" and isinstance(message, dict):
            self.acknowledged.add(message["id"])
        self.answers[event.get("code", event["type"]) if event["type"] == "error" else event["type"]] += 1


def _picture(number: int) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (320, 240), (number % 256, 90, 120)).save(written, "PNG")
    return written.getvalue()
