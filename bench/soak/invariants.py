"""What must hold after a soak, asked of the database, the folders and the processes themselves."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2

import settings as configuration
from embedded import attached
from tests.e2e.stack import ROOT, Stack, until

#: Counters beside what they count: each query gives the rows in which the two differ.
COUNTS = {
    "followers": """SELECT id FROM users u
        WHERE follower_count <> (SELECT count(*) FROM follows WHERE following_id = u.id)""",
    "following": """SELECT id FROM users u
        WHERE following_count <> (SELECT count(*) FROM follows WHERE follower_id = u.id)""",
    "likes of posts": """SELECT id FROM posts p
        WHERE like_count <> (SELECT count(*) FROM post_likes WHERE post_id = p.id)""",
    "comments": "SELECT id FROM posts p WHERE comment_count <> (SELECT count(*) FROM comments WHERE post_id = p.id)",
    "upvotes": """SELECT id FROM questions q
        WHERE upvotes <> (SELECT count(*) FROM question_upvotes WHERE question_id = q.id)""",
    "votes, one each": """SELECT v.poll_id FROM poll_votes v JOIN polls p ON p.id = v.poll_id
        WHERE NOT p.is_multiple GROUP BY v.poll_id, v.user_id HAVING count(*) > 1""",
    "active polls, one a session": """SELECT session_id FROM polls WHERE status = 'ACTIVE'
        GROUP BY session_id HAVING count(*) > 1""",
    "numbers of messages": """SELECT r.id FROM rooms r JOIN messages m ON m.room_id = r.id
        GROUP BY r.id, r.last_seq HAVING r.last_seq <> max(m.seq) OR count(*) <> count(DISTINCT m.seq)
                                         OR count(*) <> r.last_seq""",
    "webhooks given up": "SELECT id FROM webhook_events WHERE state = 'FAILED'",
    "jobs given up": "SELECT id FROM dead_letters",
    "left in the outbox": "SELECT id FROM outbox WHERE created_at < now() - interval '90 seconds' AND sent_at IS NULL",
    "jobs never done": "SELECT id FROM outbox WHERE sent_at < now() - interval '180 seconds'",
    "streams without an end": "SELECT id FROM streams WHERE status = 'LIVE'",
    "pictures never made": """SELECT id FROM post_media WHERE status <> 'READY'
        AND created_at < now() - interval '60 seconds'""",
}
PENDING = "SELECT count(*) FROM webhook_events WHERE state = 'RECEIVED'"


def broken(stack: Stack, acknowledged: set[str]) -> Iterator[str]:
    """Everything that does not hold, in words."""
    environ = {name: value for name, value in os.environ.items() if name not in configuration.NAMES}
    with attached(stack.data_dir, environ | {"DATA_DIR": str(stack.data_dir)}) as environment:
        database = psycopg2.connect(environment["DATABASE_OWNER_URL"])
        try:
            until(lambda: _one(database, PENDING) == 0, 120)
            yield from _counts(database)
            yield from _messages(database, acknowledged)
            yield from _files(database, stack.data_dir / "media")
        finally:
            database.close()
    yield from _books(stack, environ)


def _counts(database: "psycopg2.extensions.connection") -> Iterator[str]:
    for name, sql in COUNTS.items():
        rows = _rows(database, sql)
        if rows:
            yield f"{name}: {len(rows)} wrong, such as {rows[0][0]}"


def _messages(database: "psycopg2.extensions.connection", acknowledged: set[str]) -> Iterator[str]:
    kept = {str(row[0]) for row in _rows(database, "SELECT id FROM messages")}
    if lost := acknowledged - kept:
        yield f"messages: {len(lost)} of {len(acknowledged)} acknowledged ones are lost"


def _files(database: "psycopg2.extensions.connection", media: Path) -> Iterator[str]:
    named = _rows(database, "SELECT unnest(ARRAY[url, thumbnail]) FROM post_media WHERE status = 'READY'")
    paths = {str(row[0]).partition("/media/")[2] for row in named if row[0]}
    if missing := [path for path in paths if not (media / path).is_file()]:
        yield f"files: {len(missing)} of {len(paths)} are named and not there, such as {missing[0]}"
    until(lambda: not _half_written(media), 120, lambda: f"half-written files stay: {_half_written(media)}")


def _half_written(media: Path) -> list[Path]:
    """Files that are being written, such as a recording that is still put together, or that nobody finished."""
    return [path for path in media.rglob("*.part") if path.is_file()]


def _books(stack: Stack, environ: dict[str, str]) -> Iterator[str]:
    command = [sys.executable, "manage.py", "reconcile"]
    said = subprocess.run(
        command,
        cwd=ROOT,
        env=environ | {"DATA_DIR": str(stack.data_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    if said.returncode != 0:
        yield f"the books: {said.stdout.strip()[-300:]} {said.stderr.strip()[-300:]}"


def _rows(database: "psycopg2.extensions.connection", sql: str) -> list[tuple[object, ...]]:
    with database, database.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def _one(database: "psycopg2.extensions.connection", sql: str) -> object:
    return _rows(database, sql)[0][0]
