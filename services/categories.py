"""Categories (games) and tags that streams go by."""

from typing import Any
from uuid import UUID

import msgspec

from db.connection import query


class CategoryRef(msgspec.Struct, frozen=True):
    """A category as a stream names it."""

    id: UUID
    name: str
    slug: str
    photo: str | None


class CategoryView(msgspec.Struct, frozen=True, rename="camel"):
    """A category with its tags, and how many streams are live in it."""

    id: UUID
    name: str
    slug: str
    photo: str | None
    tags: list[str]
    live_count: int


class TagView(msgspec.Struct, frozen=True):
    """A word that streams are found by."""

    id: UUID
    name: str


_LIST = """
SELECT g.id, g.name, g.slug, g.photo,
       coalesce((SELECT array_agg(t.name ORDER BY t.name) FROM category_tags k JOIN tags t ON t.id = k.tag_id
                 WHERE k.category_id = g.id), '{}'),
       coalesce(live.streams, 0)
FROM categories g
LEFT JOIN (SELECT category_id, count(*) AS streams FROM streams
           WHERE status = 'LIVE' AND visibility <> 'UNLISTED' GROUP BY category_id) live ON live.category_id = g.id
ORDER BY coalesce(live.streams, 0) DESC, lower(g.name)"""


def categories() -> list[CategoryView]:
    """All categories, the liveliest first."""
    return [CategoryView(*row) for row in query(_LIST)]


def tags() -> list[TagView]:
    """All tags by name."""
    return [TagView(*row) for row in query("SELECT id, name FROM tags ORDER BY lower(name)")]


def find_category(id_or_slug: str) -> CategoryRef | None:
    """A category by id or slug."""
    rows: list[tuple[Any, ...]] = query(
        "SELECT id, name, slug, photo FROM categories WHERE slug = %s OR id::text = %s",
        (id_or_slug, id_or_slug.lower()),
    )
    return CategoryRef(*rows[0]) if rows else None
