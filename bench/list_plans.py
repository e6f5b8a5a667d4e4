"""How each list is answered in a large world: `python -m bench.list_plans`, after `manage.py seed --size large`.

For every list it prints the statements, the median time of the service call, and every table that a
plan reads from end to end; the folder is the one that DATA_DIR names. Exits with 1 where a large table
is read so.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import psycopg2

import bootstrap
import settings as configuration
from db import prepared
from db.connection import connection, query
from db.introduction import parted
from embedded import attached
from operations.project import data_dir, environment
from services import (
    comments,
    creator_pages,
    feeds,
    follows,
    likes,
    messages,
    notifications,
    posts,
    rooms,
    search,
    stream_lists,
    streams,
)
from services.actors import Actor, Role
from services.comments import CommentDraft
from services.notification_kinds import Kind
from services.pages import encode_cursor
from services.search import Scope
from services.streams import Filter, Sort

ROUNDS = 7
LARGE_TABLE = 5_000  # rows
#: What `db/connection.py` tells the planner.
AS_THE_APPLICATION = "-c random_page_cost=1.1 -c max_parallel_workers_per_gather=0 -c jit=off"

Call = Callable[[], object]
Statement = tuple[str, Any]


class Heard(logging.Handler):
    """The statements that peewee logs; of prepared ones what is prepared."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.statements: list[Statement] = []

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.msg, tuple):
            sql, parameters = record.msg
            self.statements.append((sql.plain if isinstance(sql, prepared.Call) else sql, parameters))


@contextmanager
def hearing() -> Iterator[Heard]:
    """Hear the statements of the block."""
    heard, logger = Heard(), logging.getLogger("peewee")
    logger.addHandler(heard)
    logger.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        logger.removeHandler(heard)
        logger.setLevel(logging.NOTSET)


def lists() -> dict[str, Call]:
    """Every list worth looking at, as it is called for somebody who follows 2,000 creators."""
    reader, star = _person("reader_0"), _person("creator_0")
    room = rooms.room_of_streamer("creator_0")
    post_id = feeds.posts_of("creator_0", None, 1, None).items[0].id
    _prepare(reader, star)
    further_back = encode_cursor(40_000)
    deep = feeds.personal_feed(reader, 100, None).next_cursor
    return {
        "live streams by viewers": lambda: streams.live_streams(Filter(), 20, None),
        "live streams by recency": lambda: streams.live_streams(Filter(sort=Sort.RECENT), 20, None),
        "live streams of a category": lambda: streams.live_streams(Filter(category="bench-3"), 20, None),
        "live streams by a tag": lambda: streams.live_streams(Filter(tag="comet"), 20, None),
        "all streams": lambda: stream_lists.all_streams(Filter(), 20, None),
        "a user's streams": lambda: stream_lists.streams_of_user("creator_0", 20, None),
        "streams of 2,000 followed": lambda: stream_lists.followed_streams(reader, 20, None),
        "recommended, 2,000 followed": lambda: stream_lists.recommended_streams(reader, 20, None),
        "recommended, nobody": lambda: stream_lists.recommended_streams(None, 20, None),
        "followers of 100,000": lambda: follows.followers(star.user_id, 20, None),
        "2,000 followed": lambda: follows.following(reader.user_id, 20, None),
        "creators": lambda: creator_pages.creators(20, None),
        "a creator's page": lambda: creator_pages.creator_page("creator_0", reader),
        "public feed": lambda: feeds.public_feed(20, None),
        "personal feed, 2,000 followed": lambda: feeds.personal_feed(reader, 20, None),
        "personal feed, a page further down": lambda: feeds.personal_feed(reader, 20, deep),
        "a user's posts": lambda: feeds.posts_of("creator_0", reader, 20, None),
        "comments": lambda: comments.comments_of(post_id, reader, 20, None),
        "notifications": lambda: notifications.notifications_of(star, 20, None),
        "chat of 100,000 messages": lambda: messages.history(room, 50, None),
        "chat, further back": lambda: messages.history(room, 50, further_back),
        "search: one word": lambda: search.search("creator_77", Scope.ALL, 20, reader),
        "search: a common word": lambda: search.search("galaxy", Scope.ALL, 20, reader),
        "search: a slip": lambda: search.search("galxay nova", Scope.ALL, 20, reader),
        "search: nothing": lambda: search.search("xylophonist", Scope.ALL, 20, reader),
        "search: one letter": lambda: search.search("g", Scope.ALL, 20, reader),
        "search for streams": lambda: search.search_streams("comet", 20, None),
    }


def main() -> int:
    """Print one line a list; returns how the process exits."""
    environ = environment()
    with attached(data_dir(environ), environ) as found:
        settings = configuration.load(found)
        os.environ.update(found)
        bootstrap.open_stores(settings)
        owner = psycopg2.connect(settings.database_owner_url, options=AS_THE_APPLICATION)
        try:
            with connection():
                readings = [_report(name, call, owner) for name, call in lists().items()]
        finally:
            owner.close()
            bootstrap.stop()
    return 1 if any(readings) else 0


def _report(name: str, call: Call, owner: Any) -> list[str]:
    with hearing() as heard:
        call()
    times = []
    for _ in range(ROUNDS):
        began_at = time.perf_counter()
        call()
        times.append((time.perf_counter() - began_at) * 1000)
    whole = [table for statement in heard.statements for table in _read_whole(statement, owner)]
    remark = f"  reads all of {', '.join(sorted(set(whole)))}" if whole else ""
    print(f"{name:<36} {len(heard.statements)} statements  {median(times):8.2f} ms{remark}", flush=True)
    return whole


def _read_whole(statement: Statement, owner: Any) -> list[str]:
    """The large tables that the plan of a statement reads from end to end."""
    sql, parameters = statement
    wanted = parted(sql)[1]
    if not wanted.lstrip().upper().startswith(("SELECT", "WITH")):
        return []
    with owner, owner.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {wanted}", parameters or None)
        plan = cursor.fetchone()[0][0]["Plan"]
    return [node["Relation Name"] for node in _nodes(plan) if _is_whole(node)]


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)


def _is_whole(node: dict[str, Any]) -> bool:
    read = (node.get("Actual Rows", 0) + node.get("Rows Removed by Filter", 0)) * node.get("Actual Loops", 1)
    return node["Node Type"] == "Seq Scan" and read >= LARGE_TABLE


def _person(username: str) -> Actor:
    [(user_id,)] = query("SELECT id FROM users WHERE username = %s", (username,))
    return Actor(user_id, Role.VIEWER)


def _prepare(reader: Actor, star: Actor) -> None:
    """Something to list where the large world holds nothing: notifications, comments, likes."""
    if notifications.notifications_of(star, 1, None).items:
        return
    for number in range(200):
        notifications.notify(star.user_id, Kind.MODERATION, f"Note {number}")
    post_id = feeds.posts_of("creator_0", None, 1, None).items[0].id
    for number in range(50):
        comments.add_comment(reader, CommentDraft(post_id=post_id, text=f"Comment {number}"))
    likes.toggle_post_like(reader, posts.post(post_id, reader).id)


if __name__ == "__main__":
    sys.exit(main())
