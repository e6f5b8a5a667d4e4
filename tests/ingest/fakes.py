"""A platform for ingest to talk to, without a database: it remembers what it is told."""

import threading
from contextlib import nullcontext
from uuid import UUID, uuid5

import msgspec

from services.broadcasts import Grant
from services.errors import Conflict, Forbidden, Unavailable
from services.media_facts import MediaFacts

NAMESPACE = UUID("6f5d1c9e-2f44-4b0c-9f0e-0f6c9b1f7a11")


class FakeStream(msgspec.Struct, frozen=True):
    """A live stream."""

    id: UUID


class FakeBroadcasts:
    """Knows some keys; keeps claims and streams in memory."""

    def __init__(self, *keys: str) -> None:
        self.keys = set(keys)
        self.told: list[tuple[str, object]] = []
        self.facts: list[MediaFacts] = []
        self.claims: dict[UUID, str] = {}
        self.is_public = True
        self.broken = False
        self.may_go_on: bool | None = True
        self.authorizing = threading.Event()
        self.authorizing.set()
        self._live: dict[UUID, UUID] = {}
        self._lock = threading.Lock()

    def told_of(self, what: str) -> list[object]:
        """The arguments of every call of one kind."""
        return [argument for kind, argument in self.told if kind == what]

    def authorize(self, key: str, *, server: str, remote_address: str) -> Grant:
        self.authorizing.wait(10)
        self.told.append(("authorize", key))
        if key not in self.keys:
            raise Forbidden("The stream key is wrong.", "bad_stream_key")
        return Grant(uuid5(NAMESPACE, key), uuid5(NAMESPACE, "user"), "alice", 1)

    def claim(self, grant: Grant, *, server: str, publisher: str, silent_s: float) -> None:
        if self.claims.setdefault(grant.channel_id, server) != server:
            raise Conflict("Somebody publishes to this channel already.", "already_publishing")

    def renew(self, channel_id: UUID, *, server: str, publisher: str, silent_s: float) -> bool:
        return self.claims.get(channel_id) == server

    def release(self, channel_id: UUID, *, server: str, publisher: str) -> None:
        if self.claims.get(channel_id) == server:
            del self.claims[channel_id]

    def go_live(
        self, grant: Grant, facts: MediaFacts, *, server: str, remote_address: str, relay_url: str
    ) -> FakeStream:
        if self.broken:
            raise RuntimeError("a mistake in the services")
        with self._lock:
            number = len(self.told_of("end"))
            stream_id = self._live.setdefault(grant.channel_id, uuid5(grant.channel_id, str(number)))
        self.facts.append(facts)
        self.told.append(("go_live", stream_id))
        return FakeStream(stream_id)

    def update(self, stream_id: UUID, facts: MediaFacts) -> None:
        self.facts.append(facts)

    def reason_to_end(self, grant: Grant, stream_id: UUID | None) -> str | None:
        if self.may_go_on is None:
            raise Unavailable("the database is away")
        return None if self.may_go_on else "key_revoked"

    def interrupt(self, stream_id: UUID) -> None:
        self.told.append(("interrupt", stream_id))

    def end(self, stream_id: UUID, reason: str) -> None:
        self._live = {channel: live for channel, live in self._live.items() if live != stream_id}
        self.told.append(("end", reason))


no_connection = nullcontext
