"""A world as large as a benchmark wants it, copied into the tables in one transaction.

Its people cannot sign in (their password hash matches nothing). What stands out is made on purpose:
`reader_0` follows 2,000 creators, everybody follows `creator_0`, and its room holds a tenth of the chat.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg2

from operations.progress import Bar
from services import tokens
from services.ids import new_id
from settings import Settings

Row = tuple[object, ...]

SEED = 20_000
MANY_FOLLOWED = 2_000
FOLLOWS_A_PERSON = 5
POSTS_A_CREATOR = 10
LIVE_SHARE = 0.2
BUSY_ROOM_SHARE = 0.1
READ_BYTES = 1 << 16
WORDS = (
    *("night", "sky", "comet", "orbit", "galaxy", "nova", "lunar", "solar"),
    *("meteor", "eclipse", "aurora", "cosmos", "ranked", "speedrun", "chill", "cooking"),
)


class Size(msgspec.Struct, frozen=True):
    """How many of what."""

    users: int = 100_000
    streams: int = 10_000
    messages: int = 1_000_000


class World:
    """Ids and choices that tables share; the same size always makes the same world but for ids and times."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.random = random.Random(SEED)  # noqa: S311 - benchmark data, no secrets
        self.creators = max(1, min(size.streams, size.users // 2))
        self.began_at = datetime.now(UTC) - timedelta(days=30)
        self.users = [new_id() for _ in range(size.users)]
        self.rooms = [new_id() for _ in range(self.creators)]
        self.channels = [new_id() for _ in range(self.creators)]
        self.categories = [new_id() for _ in range(20)]
        self.chat = self._chat()

    def title(self) -> str:
        """A title that search can find."""
        return " ".join(self.random.choices(WORDS, k=4)).capitalize()

    def _chat(self) -> list[int]:
        """How many messages each room holds; the first one far more than the others."""
        busy = int(self.size.messages * BUSY_ROOM_SHARE)
        each, rest = divmod(self.size.messages - busy, self.creators)
        return [each + (number < rest) + (busy if number == 0 else 0) for number in range(self.creators)]


def load(settings: Settings, size: Size) -> float:
    """Copy the world in, as the owner of the schema, and have the tables analysed; returns the seconds taken."""
    began_at = time.monotonic()
    world = World(size)
    connection = psycopg2.connect(settings.database_owner_url)
    try:
        with connection, connection.cursor() as cursor:
            for table, columns, total, rows in _tables(world):
                statement = f"COPY {table} ({columns}) FROM STDIN"
                cursor.copy_expert(statement, _Feed(Bar(table, total).over(rows(world))), READ_BYTES)  # type: ignore[arg-type]  # it only reads
            cursor.execute(_COUNT_FOLLOWS)
        connection.autocommit = True
        connection.cursor().execute("VACUUM ANALYZE")
    finally:
        connection.close()
    return time.monotonic() - began_at


def _tables(world: World) -> list[tuple[str, str, int, Callable[[World], Iterable[Row]]]]:
    size, creators = world.size, world.creators
    follows = size.users * FOLLOWS_A_PERSON
    return [
        ("users", "id, email, username, name, password_hash, role", size.users, _users),
        ("categories", "id, name, slug", len(world.categories), _categories),
        ("rooms", "id, kind, owner_id, last_seq", creators, _rooms),
        ("channels", "id, user_id, room_id, stream_key_hash", creators, _channels),
        ("streams", _STREAM_COLUMNS, size.streams, _streams),
        ("follows", "follower_id, following_id, created_at", follows, _follows),
        ("posts", "id, author_id, text, visibility, created_at", creators * POSTS_A_CREATOR, _posts),
        ("messages", "id, room_id, seq, author_id, text, created_at", size.messages, _messages),
    ]


_STREAM_COLUMNS = """id, channel_id, title, source_type, source_url, status, category_id, tags, viewer_count,
started_at, ended_at"""

_COUNT_FOLLOWS = """
UPDATE users u SET follower_count = coalesce(n.followers, 0), following_count = coalesce(n.following, 0)
FROM (SELECT id, (SELECT count(*) FROM follows WHERE following_id = id) AS followers,
             (SELECT count(*) FROM follows WHERE follower_id = id) AS following FROM users) n
WHERE n.id = u.id AND (n.followers > 0 OR n.following > 0)"""


def _users(world: World) -> Iterator[Row]:
    for number, user_id in enumerate(world.users):
        is_creator = number < world.creators
        name = f"creator_{number}" if is_creator else f"reader_{number - world.creators}"
        word = WORDS[number % len(WORDS)].capitalize()
        yield user_id, f"{name}@example.net", name, f"{word} {number}", "-", "streamer" if is_creator else "viewer"


def _categories(world: World) -> Iterator[Row]:
    for number, category_id in enumerate(world.categories):
        yield category_id, f"{WORDS[number % len(WORDS)].capitalize()} {number}", f"bench-{number}"


def _rooms(world: World) -> Iterator[Row]:
    for room_id, owner_id, messages in zip(world.rooms, world.users, world.chat, strict=False):
        yield room_id, "CHANNEL", owner_id, messages


def _channels(world: World) -> Iterator[Row]:
    for channel_id, user_id, room_id in zip(world.channels, world.users, world.rooms, strict=False):
        key_hash = tokens.fingerprint(tokens.stream_key(channel_id, 1))
        yield channel_id, user_id, room_id, f"\\\\x{key_hash.hex()}"


def _streams(world: World) -> Iterator[Row]:
    """One a channel, a fifth of them live from elsewhere; what is more than channels has ended."""
    for number in range(world.size.streams):
        is_live = number < world.creators and world.random.random() < LIVE_SHARE
        started_at = world.began_at + timedelta(minutes=number)
        viewers = int(world.random.paretovariate(1)) % 50_000 if is_live else 0
        yield (
            *(new_id(), world.channels[number % world.creators], world.title(), "HLS", "https://example.net/a.m3u8"),
            *("LIVE" if is_live else "ENDED", world.random.choice(world.categories)),
            *(f"{{{world.random.choice(WORDS)}}}", viewers, started_at),
            None if is_live else started_at + timedelta(hours=2),
        )


def _follows(world: World) -> Iterator[Row]:
    """Everybody follows the first creator and a few others; the first reader follows very many."""
    for number, user_id in enumerate(world.users):
        chosen = {0, *(world.random.randrange(world.creators) for _ in range(FOLLOWS_A_PERSON - 1))}
        if number == world.creators:
            chosen = set(range(min(MANY_FOLLOWED, world.creators)))
        for creator in chosen - {number}:
            yield user_id, world.users[creator], world.began_at + timedelta(seconds=number)


def _posts(world: World) -> Iterator[Row]:
    for _ in range(POSTS_A_CREATOR):
        for number in range(world.creators):
            visibility = world.random.choices(("PUBLIC", "FOLLOWERS", "SUBSCRIBERS"), (6, 3, 1))[0]
            yield new_id(), world.users[number], world.title(), visibility, world.began_at


def _messages(world: World) -> Iterator[Row]:
    for room_id, count in zip(world.rooms, world.chat, strict=True):
        for seq in range(1, count + 1):
            author_id = world.users[world.random.randrange(len(world.users))]
            yield new_id(), room_id, seq, author_id, world.random.choice(WORDS), world.began_at + timedelta(seconds=seq)


class _Feed:
    """Rows as COPY reads them: text, tab-separated, as much at a time as is asked for."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows, self._left = rows, b""

    def read(self, size: int = READ_BYTES) -> bytes:
        parts, length = [self._left], len(self._left)
        while length < size and (row := next(self._rows, None)) is not None:
            line = "\t".join(map(_field, row)).encode() + b"\n"
            parts.append(line)
            length += len(line)
        data = b"".join(parts)
        self._left = data[size:]
        return data[:size]


def _field(value: Any) -> str:
    if value is None:
        return r"\N"
    return str(value) if isinstance(value, UUID | int | str) else value.isoformat()
