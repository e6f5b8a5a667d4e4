"""Following: counted truly, whoever follows, leaves and blocks at the same moment."""

import random
from concurrent.futures import ThreadPoolExecutor

from db.connection import connection, query
from db.transactions import atomic
from services import blocks, follows
from services.errors import Forbidden
from settings import Settings
from tests.factories import actor_of, make_user

PEOPLE, THREADS, ACTS = 6, 12, 12


def test_counters_are_true_after_a_storm_of_follows_and_blocks(committed_db: Settings) -> None:
    with connection():
        people = [actor_of(make_user()) for _ in range(PEOPLE)]

    def storm(number: int) -> None:
        chance = random.Random(number)
        with connection():
            for _ in range(ACTS):
                one, other = chance.sample(people, 2)
                act = chance.choice((follows.toggle_follow, follows.toggle_follow, blocks.block, blocks.unblock))
                try:
                    act(one, other.user_id)
                except Forbidden:
                    continue

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(storm, range(THREADS)))
    with connection():
        wrong = query(
            """SELECT username FROM users u
               WHERE follower_count <> (SELECT count(*) FROM follows WHERE following_id = u.id)
                  OR following_count <> (SELECT count(*) FROM follows WHERE follower_id = u.id)"""
        )
        together = query(
            """SELECT 1 FROM follows f JOIN blocks b
               ON (b.blocker_id, b.blocked_id) IN ((f.follower_id, f.following_id), (f.following_id, f.follower_id))"""
        )
    assert (wrong, together) == ([], [])


def test_a_follow_does_not_wait_for_those_who_only_refer_to_the_people(committed_db: Settings) -> None:
    """A gift between two people refers to both, in the other order: the two met in a deadlock."""
    with connection():
        fan, streamer = (actor_of(make_user()) for _ in range(2))

    def follow() -> None:
        with connection():
            follows.follow(fan, streamer.user_id)

    with ThreadPoolExecutor(1) as threads, atomic():
        query("SELECT 1 FROM users WHERE id = ANY(%s) FOR KEY SHARE", ([streamer.user_id, fan.user_id],))
        threads.submit(follow).result(10)
