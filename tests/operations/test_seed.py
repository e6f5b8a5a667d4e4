"""Seeding: a demo world to look at, a large world for benchmarks, and the progress of the latter."""

import io

import pytest

from db.connection import connection, query
from operations import demo_world, large_world
from operations.large_world import Size
from operations.progress import Bar
from services import feeds, search, stream_lists
from services.actors import Role
from services.search import Scope
from services.streams import Filter
from settings import Settings
from tests.factories import make_user


def test_a_first_look_finds_people_categories_streams_posts_and_chat(committed_db: Settings) -> None:
    with connection():
        nova = make_user(username="nova", role=Role.STREAMER)
        demo_world.make("-", nova.id)
        counts = query(
            """SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM categories), (SELECT count(*) FROM streams),
                      (SELECT count(*) FROM posts), (SELECT count(*) FROM messages)"""
        )[0]
        assert counts >= (45, 12, 40, 80, 10)
        assert query("SELECT 1 FROM streams WHERE status = 'LIVE'") == []
        assert len(feeds.public_feed(20, None).items) == 20
        assert stream_lists.all_streams(Filter(), 20, None).next_cursor
        assert search.search("chess", Scope.ALL, 5, None).categories
        wrong = query(
            """SELECT 1 FROM users u WHERE follower_count <> (SELECT count(*) FROM follows WHERE following_id = u.id)
               UNION ALL
               SELECT 1 FROM posts p WHERE like_count <> (SELECT count(*) FROM post_likes WHERE post_id = p.id)"""
        )
        assert wrong == []


def test_a_large_world_is_as_large_as_asked_for(committed_db: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    large_world.load(committed_db, Size(users=60, streams=25, messages=500))
    with connection():
        [counts] = query(
            """SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM streams), (SELECT count(*) FROM messages),
                      (SELECT count(*) FROM rooms r
                       WHERE last_seq = (SELECT count(*) FROM messages WHERE room_id = r.id))"""
        )
        assert counts == (60, 25, 500, 25)
        [(followers,)] = query("SELECT follower_count FROM users WHERE username = 'creator_0'")
        assert followers == 59
    assert "messages" in capsys.readouterr().out


def test_progress_is_told_by_the_quarter_where_nobody_watches() -> None:
    out = io.StringIO()
    assert sum(1 for _ in Bar("things", 5000, out).over(range(5000))) == 5000
    lines = out.getvalue().splitlines()
    assert 2 <= len(lines) <= 5
    assert "100%" in lines[-1] and "5,000 of 5,000" in lines[-1]
