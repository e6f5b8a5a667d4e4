"""What the API is measured on: the large seed, people signed in, people with a password, streams to look at."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

import settings as configuration
from db.connection import connection, query
from operations import large_world
from operations.large_world import Size
from services import passwords, sessions
from services.pages import encode_cursor
from services.sessions import Device

PASSWORD = "correct horse battery"  # of people who are made up
CALLERS, PASSWORD_HOLDERS, STREAMS = 1000, 500, 200


class World(msgspec.Struct, frozen=True):
    """Access tokens, names of those who may sign in with PASSWORD, ids of streams on air, a cursor after 50 of them."""

    tokens: list[str]
    usernames: list[str]
    streams: list[UUID]
    cursor: str


def prepared(environment: Mapping[str, str]) -> World:
    """Load the large seed where it is not there yet, and let some of its people in."""
    with connection():
        if not query("SELECT 1 FROM users WHERE username = 'creator_0'"):
            large_world.load(configuration.load(environment), Size())
        readers = query(
            "SELECT id, username FROM users WHERE username LIKE 'reader\\_%%' ORDER BY id LIMIT %s", (CALLERS,)
        )
        holders = [username for _, username in readers[:PASSWORD_HOLDERS]]
        query(
            "UPDATE users SET password_hash = %s WHERE username = ANY (%s)",
            (passwords.hash_password(PASSWORD), holders),
        )
        live = query(
            """SELECT id, viewer_count FROM streams WHERE status = 'LIVE'
               ORDER BY viewer_count DESC, id DESC LIMIT %s""",
            (STREAMS,),
        )
        tokens = [sessions.open_session(user_id, Device()).access_token for user_id, _ in readers]
    stream_id, viewers = live[49]
    return World(tokens, holders, [row[0] for row in live], encode_cursor(viewers, stream_id))
