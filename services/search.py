"""Search over people, streams and categories: words first, then what was probably meant.

Words are looked up by their beginnings in full-text indexes. Where that leaves room on the page,
trigrams find what differs by a letter or two. `docs/search.md` explains the ranking and its cost.
"""

import re
import unicodedata
from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from db.connection import query
from services.actors import Actor
from services.categories import CategoryView, categories_by_id
from services.errors import Invalid
from services.pages import Count, Page, cut, decode_cursor
from services.separation import neither_blocks
from services.streams import StreamView, streams_by_id
from services.users import PUBLIC, UserView, public_view

#: How many rows each way of finding may bring before they are ranked: what bounds the cost.
CANDIDATES = 400
MOST_WORDS = 8
#: Which share of the asked trigrams must be there for a row to count as meant.
LEAST_SIMILARITY = 0.4
#: What two letters in each other's places cost, where the words themselves are worth 600 to 1000, and
#: likeness up to 500.
SWAPPED_RANK = 450


class Scope(StrEnum):
    """What is searched."""

    ALL = "all"
    USERS = "users"
    STREAMS = "streams"
    CATEGORIES = "categories"
    USER = "user"
    STREAM = "stream"
    CATEGORY = "category"


class Found(msgspec.Struct, frozen=True):
    """What was found, each list with the best first; what was not asked for stays empty."""

    users: list[UserView]
    streams: list[StreamView]
    categories: list[CategoryView]


def search(text: str, scope: Scope, limit: int, viewer: Actor | None) -> Found:
    """Find people, streams and categories; raises Invalid for a text without a letter or digit."""
    asked = {**_asked(text), "viewer": viewer.user_id if viewer else None, "limit": limit, **_FROM_THE_TOP}
    people = query(_USERS, asked) if scope in (Scope.ALL, Scope.USER, Scope.USERS) else ()
    streams = query(_STREAMS, asked) if scope in (Scope.ALL, Scope.STREAM, Scope.STREAMS) else ()
    categories = query(_CATEGORIES, asked) if scope in (Scope.ALL, Scope.CATEGORY, Scope.CATEGORIES) else ()
    return Found(
        users=[public_view(row) for row in people],
        streams=streams_by_id([row[0] for row in streams], viewer),
        categories=categories_by_id([row[0] for row in categories]),
    )


def search_streams(text: str, limit: int, cursor: str | None) -> Page[StreamView]:
    """Find streams by title or streamer, those on air first; raises Invalid."""
    after = decode_cursor(cursor, tuple[Count, UUID]) if cursor else None
    position = dict(zip(_FROM_THE_TOP, after, strict=True)) if after else _FROM_THE_TOP
    rows = query(_STREAMS, {**_asked(text), "viewer": None, "limit": limit + 1, **position})
    return page_of_streams(rows, limit, None)


def page_of_streams(rows: Sequence[tuple[Any, ...]], limit: int, viewer: Actor | None) -> Page[StreamView]:
    """A page of streams from rows of id and score, the best first."""
    keys = cut(rows, limit, lambda row: row[0], lambda row: (row[1], row[0]))
    return Page(streams_by_id(keys.items, viewer), keys.next_cursor)


_FROM_THE_TOP: dict[str, Any] = {"score": 2**31 - 1, "after": UUID(int=2**128 - 1)}


def _asked(text: str) -> dict[str, Any]:
    """The parameters of a search; the words are spelled as `search_plain` spells them."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    words = re.findall(r"[^\W_]+", re.sub(r"[\u0300-\u036f]", "", folded))[:MOST_WORDS]
    if not words:
        raise Invalid.field("q", "holds no letter or digit", "nothing_to_search")
    plain = " ".join(words)
    trigrams = sum(len(word) + 1 for word in words)
    return {
        "plain": plain,
        "prefixes": " & ".join(f"{word}:*" for word in words),
        "swapped": " & ".join(f"({' | '.join(_swaps(word))})" for word in words),
        "parts": max(1, min(4, (trigrams + 1) // 2)),
        "candidates": CANDIDATES,
        "least": LEAST_SIMILARITY,
    }


def _swaps(word: str) -> list[str]:
    """The word, and what it was before any two letters beside each other changed places, as beginnings.

    Such a slip spoils more trigrams of a short word than it leaves.
    """
    swapped = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)]
    return [f"{spelling}:*" for spelling in dict.fromkeys((word, *swapped))]


def _likeness(text: str) -> str:
    """SQL of the share of the asked trigrams that a text holds, 0 to 1."""
    return f"""(SELECT count(*)::real FROM (SELECT unnest(search_trigrams(%(plain)s))
                INTERSECT SELECT unnest(search_trigrams({text}))) AS both_hold)
               / (SELECT count(DISTINCT asked) FROM unnest(search_trigrams(%(plain)s)) AS asked)"""  # noqa: S608 - of constants


def _found(table: str, text: str, condition: str = "true") -> str:
    """SQL of the candidates of one table with their rank, 0 to 1000: by words,
    else by trigrams and swapped letters.

    The other two are only run where the first has not filled the page.
    """
    part = f"search_trigrams({text}) @> search_trigram_part(%(plain)s, {{n}}, %(parts)s)"
    parts = " OR ".join(f"(%(parts)s > {n} AND {part.format(n=n)})" for n in range(4))
    return f"""
    by_word_{table} AS MATERIALIZED (
        SELECT t.id, (600 + 400 * length(%(plain)s)::real / greatest(length(search_plain({text})), 1))::integer AS rank
        FROM {table} t
        WHERE search_document({text}) @@ to_tsquery('simple', %(prefixes)s) AND {condition}
        LIMIT %(candidates)s),
    by_look_{table} AS MATERIALIZED (
        SELECT t.id, (500 * {_likeness(text)})::integer AS rank
        FROM {table} t
        WHERE (SELECT count(*) FROM by_word_{table}) < %(limit)s AND ({parts}) AND {condition}
        LIMIT %(candidates)s),
    by_swap_{table} AS MATERIALIZED (
        SELECT t.id, {SWAPPED_RANK} AS rank
        FROM {table} t
        WHERE (SELECT count(*) FROM by_word_{table}) < %(limit)s
          AND search_document({text}) @@ to_tsquery('simple', %(swapped)s) AND {condition}
        LIMIT %(candidates)s),
    {table}_found AS (
        SELECT id, max(rank) AS rank FROM (
            SELECT id, rank FROM by_word_{table}
            UNION ALL SELECT id, rank FROM by_swap_{table}
            UNION ALL SELECT id, rank FROM by_look_{table} WHERE rank >= 500 * %(least)s) AS either
        GROUP BY id)"""  # noqa: S608 - built from constants


_NAME = "(t.username || ' ' || t.name)"
_PEOPLE = _found("users", _NAME, "t.suspended_at IS NULL")

# Popularity moves a person by at most 100: a better match is never beaten by fame alone.
_USERS = f"""
WITH {_PEOPLE}
SELECT {PUBLIC} FROM users_found f JOIN users u USING (id)
WHERE {neither_blocks("u.id")}
ORDER BY f.rank + least(100, 10 * ln(1 + u.follower_count)) DESC, u.id DESC LIMIT %(limit)s"""  # noqa: S608

# A stream is found by its title or by its streamer. What holds the words stands above what only looks
# like them; among the former, what is on air stands above all that is not.
_STREAMS = f"""
WITH {_PEOPLE}, {_found("streams", "t.title", "t.visibility <> 'UNLISTED' AND t.status <> 'SCHEDULED'")},
found AS (
    SELECT id, rank FROM streams_found
    UNION ALL
    SELECT shown.id, f.rank FROM users_found f JOIN channels h ON h.user_id = f.id
    CROSS JOIN LATERAL (
        SELECT s.id FROM streams s
        WHERE s.channel_id = h.id AND s.visibility <> 'UNLISTED' AND s.status <> 'SCHEDULED'
        ORDER BY s.id DESC LIMIT 3) shown),
ranked AS (
    SELECT s.id, max(f.rank + CASE WHEN f.rank >= 600 THEN 4000 ELSE 0 END
                     + CASE WHEN s.status <> 'LIVE' THEN 0
                            WHEN f.rank >= 600 THEN 2000 + least(100, 10 * ln(1 + s.viewer_count))
                            ELSE 20 END)::integer AS score
    FROM found f JOIN streams s USING (id) GROUP BY s.id)
SELECT s.id, ranked.score FROM ranked JOIN streams s USING (id)
JOIN channels h ON h.id = s.channel_id JOIN users u ON u.id = h.user_id
WHERE (ranked.score, s.id) < (%(score)s, %(after)s) AND u.suspended_at IS NULL AND {neither_blocks("u.id")}
ORDER BY ranked.score DESC, s.id DESC LIMIT %(limit)s"""  # noqa: S608 - built from constants

_CATEGORIES = f"""
WITH {_found("categories", "t.name")}
SELECT f.id FROM categories_found f ORDER BY f.rank DESC, f.id LIMIT %(limit)s"""  # noqa: S608 - built from constants
