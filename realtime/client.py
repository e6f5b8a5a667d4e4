"""Who is behind a socket: the signed-in person or a guest, the rooms joined, the commands in line.

There are as many of these as sockets, and most of them only listen: what they do not use is not made.
"""

import secrets
from collections import deque
from collections.abc import Set as AbstractSet
from datetime import datetime
from uuid import UUID

import msgspec

from realtime.answers import encode
from realtime.connection import Connection
from realtime.hiding import Hidden
from realtime.pace import Pace
from realtime.protocol import Said
from services.actors import Actor

STRIKES = 20


class Identity(msgspec.Struct, frozen=True):
    """A person proved by a token; `checked_at` is loop time, when the session was last seen alive.

    `hidden` are the people whom the person blocks.
    """

    actor: Actor
    expires_at: datetime
    checked_at: float
    hidden: Hidden = frozenset()


class Client:
    """One connection's state; changed on the event loop alone."""

    __slots__ = (
        "connection",
        "has_joined",
        "identity",
        "inbox",
        "is_busy",
        "joined",
        "key",
        "pace",
        "reacted_at",
        "strikes",
        "topics",
        "typed_at",
    )

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.key = secrets.token_bytes(16)
        self.identity: Identity | None = None
        self.joined: dict[UUID, str] = {}
        self.topics: AbstractSet[str] = frozenset()
        self.inbox: deque[Said] | None = None
        self.pace = Pace()
        self.is_busy = False
        self.has_joined = False
        self.strikes = 0
        self.typed_at = 0.0
        self.reacted_at = 0.0

    @property
    def sid(self) -> str:
        """What Socket.IO calls the session."""
        return self.key.hex()

    @property
    def viewer(self) -> bytes:
        """By what distinct viewers are told apart: the person, or a guest's connection."""
        return self.identity.actor.user_id.bytes if self.identity else self.key

    @property
    def actor(self) -> Actor | None:
        """Who the client was when last proved; None for a guest."""
        return self.identity.actor if self.identity else None

    def tell(self, event: msgspec.Struct) -> None:
        """Send one event to this socket."""
        self.connection.send(encode(event))
