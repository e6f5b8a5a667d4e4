"""Processes and people for the tests of the realtime server."""

from collections.abc import Iterator
from contextlib import ExitStack
from uuid import UUID

import msgspec
import pytest

from db.connection import connection
from services import sessions
from services.actors import Role
from services.sessions import Device
from settings import Settings
from tests.factories import make_channel, make_stream, make_user
from tests.realtime.running import Process


class Start:
    """Starts realtime processes, which end with the test."""

    def __init__(self, settings: Settings, running: ExitStack) -> None:
        self.settings = settings
        self._running = running

    def __call__(self, *arguments: str, **environment: str) -> Process:
        process = Process(self.settings, *arguments, **environment)
        self._running.callback(process.stop)
        process.wait_until_ready()
        return process


class Show(msgspec.Struct, frozen=True):
    """A live stream with a streamer and two viewers, and their tokens."""

    room: str
    room_id: UUID
    streamer_name: str
    streamer: str
    ana: str
    ben: str
    ana_session: UUID


@pytest.fixture
def start(committed_db: Settings) -> Iterator[Start]:
    """Starts processes on the test's own database."""
    with ExitStack() as running:
        yield Start(committed_db, running)


def make_show() -> Show:
    """A room of its own, with people who have said nothing yet."""
    with connection():
        streamer, ana, ben = make_user(role=Role.STREAMER), make_user(), make_user()
        channel = make_channel(streamer)
        stream = make_stream(channel)
        tokens = [sessions.open_session(user.id, Device()).access_token for user in (streamer, ana, ben)]
        session = sessions.verify_access_token(tokens[1]).session_id
        assert session is not None
        return Show(f"stream:{stream.id}", channel.room_id, streamer.username, tokens[0], tokens[1], tokens[2], session)


@pytest.fixture
def show(committed_db: Settings) -> Show:
    """What the tests chat about."""
    return make_show()
