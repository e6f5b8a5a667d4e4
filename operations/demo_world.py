"""The people, categories, streams, posts and chat that a first look at AstroTV finds."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from db.connection import query
from db.transactions import atomic
from operations.demo_words import CATEGORIES, CHAT, COMMENTS, NAMES, POSTS, TITLES
from services import categories, chat, clock, creators
from services.actors import Actor, Role
from services.categories import CategoryDraft
from services.chat import Draft
from services.ids import new_id
from services.rooms import room_of_streamer

SEED = 7
CREATORS = 15
STREAMS_A_CREATOR = 3
FOLLOWS_A_PERSON = 8
POSTS_A_CREATOR = 6


def make(password_hash: str, streamer_id: UUID) -> None:
    """Make the demo world around the demo streamer; everybody in it shares one password.

    Rows are written set by set, so that the first start is not kept waiting.
    """
    chance = random.Random(SEED)  # noqa: S311 - demo data, no secrets
    with atomic():
        category_ids = [_category(*category) for category in CATEGORIES.items()]
        people = _people(password_hash)
        for person in people[:CREATORS]:
            creators.make_streamer(person)
        stars = [streamer_id, *people[:CREATORS]]
        _follow(chance, people, stars)
        _broadcast(chance, stars, category_ids)
        post_ids = _post(chance, stars)
        _answer(chance, people, post_ids)
        _count()
    _talk(chance, people)


def _category(name: str, tags: Sequence[str]) -> UUID:
    return categories.create_category(CategoryDraft(name=name, tags=list(tags))).id


def _people(password_hash: str) -> list[UUID]:
    ids = [new_id() for _ in NAMES]
    usernames = [name.lower().replace(" ", "_") for name in NAMES]
    bios = [f"{name.split()[0]} likes {TITLES[n % len(TITLES)][0].lower()}." for n, name in enumerate(NAMES)]
    query(_NEW_PEOPLE, (password_hash, ids, usernames, list(NAMES), bios))
    return ids


def _follow(chance: random.Random, people: Sequence[UUID], stars: Sequence[UUID]) -> None:
    pairs = [(one, star) for one in people for star in chance.sample(stars, FOLLOWS_A_PERSON) if star != one]
    ago = [_ago(chance, days=60) for _ in pairs]
    query(_NEW_FOLLOWS, ([one for one, _ in pairs], [star for _, star in pairs], ago))


def _broadcast(chance: random.Random, stars: Sequence[UUID], category_ids: Sequence[UUID]) -> None:
    """Ended broadcasts, and (but for the demo streamer) one to come; nobody is on air without an encoder."""
    for star in stars:
        for number in range(STREAMS_A_CREATOR):
            title, category = chance.choice(TITLES)
            began_at = _ago(chance, days=20)
            is_over = number > 0 or star == stars[0]
            query(
                _NEW_STREAM,
                {
                    "id": new_id(),
                    "streamer": star,
                    "title": title,
                    "status": "ENDED" if is_over else "SCHEDULED",
                    "category": category_ids[list(CATEGORIES).index(category)],
                    "tags": [tag.lower() for tag in CATEGORIES[category][:2]],
                    "peak": chance.randrange(5, 900) if is_over else 0,
                    "started_at": began_at if is_over else None,
                    "ended_at": began_at + timedelta(hours=2) if is_over else None,
                    "scheduled_for": None if is_over else clock.now() + timedelta(days=chance.randrange(1, 14)),
                },
            )


def _post(chance: random.Random, stars: Sequence[UUID]) -> list[UUID]:
    ids = [new_id() for _ in range(len(stars) * POSTS_A_CREATOR)]
    authors = [stars[number % len(stars)] for number in range(len(ids))]
    texts = [chance.choice(POSTS) for _ in ids]
    visible = chance.choices(("PUBLIC", "FOLLOWERS", "SUBSCRIBERS"), (8, 2, 1), k=len(ids))
    query(_NEW_POSTS, (ids, authors, texts, visible, sorted(_ago(chance, days=20) for _ in ids)))
    return ids


def _answer(chance: random.Random, people: Sequence[UUID], post_ids: Sequence[UUID]) -> None:
    for post_id in post_ids:
        voices = chance.sample(people, chance.randrange(5))
        said = [chance.choice(COMMENTS) for _ in voices]
        query(_NEW_COMMENTS, (post_id, [new_id() for _ in voices], voices, said))
        query(_NEW_LIKES, (post_id, chance.sample(people, chance.randrange(20))))


def _count() -> None:
    """Bring what is counted beside the rows in step with them."""
    query(_COUNT_FOLLOWS)
    query(_COUNT_POSTS)


def _talk(chance: random.Random, people: Sequence[UUID]) -> None:
    """Some chat in the demo streamer's room, each line from somebody else."""
    room = room_of_streamer("nova")
    voices = chance.sample(people, len(CHAT))
    drafts = [
        Draft(room=room, actor=Actor(one, Role.VIEWER), text=text) for one, text in zip(voices, CHAT, strict=True)
    ]
    chat.send_messages(drafts)


def _ago(chance: random.Random, *, days: int) -> datetime:
    return clock.now() - timedelta(minutes=chance.randrange(10, days * 24 * 60))


_NEW_PEOPLE = """
INSERT INTO users (password_hash, id, email, username, name, bio)
SELECT %s, id, username || '@example.com', username, name, bio
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[]) AS t (id, username, name, bio)"""

_NEW_FOLLOWS = """
INSERT INTO follows (follower_id, following_id, created_at)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::timestamptz[])"""

_NEW_STREAM = """
INSERT INTO streams (id, channel_id, title, status, category_id, tags, peak_viewers,
                     started_at, ended_at, scheduled_for)
SELECT %(id)s, c.id, %(title)s, %(status)s, %(category)s, %(tags)s, %(peak)s, %(started_at)s, %(ended_at)s,
       %(scheduled_for)s
FROM channels c WHERE c.user_id = %(streamer)s"""

_NEW_POSTS = """
INSERT INTO posts (id, author_id, text, visibility, created_at)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::timestamptz[])"""

_NEW_COMMENTS = """
INSERT INTO comments (id, post_id, author_id, text)
SELECT t.id, %s, t.author, t.text
FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS t (id, author, text)"""

_NEW_LIKES = "INSERT INTO post_likes (post_id, user_id) SELECT %s, unnest(%s::uuid[])"

_COUNT_FOLLOWS = """
UPDATE users u SET follower_count = (SELECT count(*) FROM follows f WHERE f.following_id = u.id),
                   following_count = (SELECT count(*) FROM follows f WHERE f.follower_id = u.id)"""
_COUNT_POSTS = """
UPDATE posts p SET like_count = (SELECT count(*) FROM post_likes l WHERE l.post_id = p.id),
                   comment_count = (SELECT count(*) FROM comments c WHERE c.post_id = p.id)"""
