"""Categories (games) and tags that streams go by."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from db.connection import query
from db.models.categories import Category, CategoryTag
from db.transactions import atomic
from services import outside_urls
from services.errors import Conflict, Invalid, NotFound
from services.ids import new_id
from services.refusals import translating

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
Slug = Annotated[str, msgspec.Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
Photo = Annotated[str, msgspec.Meta(pattern=r"^(https?://|/)\S+$", max_length=2000)]
TagNames = Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=40)]], msgspec.Meta(max_length=20)]


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


class CategoryDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A category to be; the slug is made from the name where it is left out."""

    name: Name
    slug: Slug | None = None
    photo: Photo | None = None
    tags: TagNames = []


class CategoryPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change: what is left out stays; `tags` replaces all of them."""

    name: Name | UnsetType = UNSET
    slug: Slug | UnsetType = UNSET
    photo: Photo | UnsetType | None = UNSET
    tags: TagNames | UnsetType = UNSET


class TagView(msgspec.Struct, frozen=True):
    """A word that streams are found by."""

    id: UUID
    name: str


_SELECT = """
SELECT g.id, g.name, g.slug, g.photo,
       coalesce((SELECT array_agg(t.name ORDER BY t.name) FROM category_tags k JOIN tags t ON t.id = k.tag_id
                 WHERE k.category_id = g.id), '{}'),
       coalesce(live.streams, 0)
FROM categories g
LEFT JOIN (SELECT category_id, count(*) AS streams FROM streams
           WHERE status = 'LIVE' AND visibility <> 'UNLISTED' GROUP BY category_id) live ON live.category_id = g.id"""
_LIST = f"{_SELECT} ORDER BY coalesce(live.streams, 0) DESC, lower(g.name)"
_SOME = f"{_SELECT} WHERE g.id = ANY(%s::uuid[])"

_REFUSALS = {
    "categories_name_key": lambda: Conflict("There is a category of this name.", "category_exists"),
    "categories_slug_key": lambda: Conflict("There is a category with this slug.", "slug_taken"),
}


def categories() -> list[CategoryView]:
    """All categories, the liveliest first."""
    return [CategoryView(*row) for row in query(_LIST)]


def categories_by_id(ids: Sequence[UUID]) -> list[CategoryView]:
    """The categories with these ids, in this order; those that are gone are left out."""
    if not ids:
        return []
    found = {row[0]: CategoryView(*row) for row in query(_SOME, (list(ids),))}
    return [found[category_id] for category_id in ids if category_id in found]


def create_category(draft: CategoryDraft) -> CategoryView:
    """Add a category; raises Conflict for a name or slug that is taken, Invalid for a name that makes no slug."""
    category_id = new_id()
    outside_urls.check_picture({"photo": draft.photo}, "photo")
    with translating(_REFUSALS), atomic():
        Category.insert(
            id=category_id, name=draft.name, slug=draft.slug or _slug(draft.name), photo=draft.photo
        ).execute()
        _set_tags(category_id, draft.tags)
    return categories_by_id([category_id])[0]


def edit_category(category_id: UUID, patch: CategoryPatch) -> CategoryView:
    """Change a category; raises NotFound, Conflict, Invalid."""
    columns: dict[str, Any] = msgspec.to_builtins(patch)
    outside_urls.check_picture(columns, "photo")
    tag_names = columns.pop("tags", None)
    with translating(_REFUSALS), atomic():
        if not Category.select(Category.id).where(Category.id == category_id).for_update().first():
            raise NotFound("No such category.")
        if columns:
            Category.update(**columns).where(Category.id == category_id).execute()
        if tag_names is not None:
            _set_tags(category_id, tag_names)
    return categories_by_id([category_id])[0]


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


def _set_tags(category_id: UUID, names: Sequence[str]) -> None:
    """Make these the tags of a category, whatever their case; tags that are new come to be."""
    wanted = sorted({name.lower(): name for name in names}.values(), key=str.lower)
    CategoryTag.delete().where(CategoryTag.category == category_id).execute()
    query(_NEW_TAGS, ([new_id() for _ in wanted], wanted))
    query(_TAG_CATEGORY, (category_id, [name.lower() for name in wanted]))


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if not slug:
        raise Invalid.field("slug", "cannot be made from this name; give one")
    return slug


_NEW_TAGS = """
INSERT INTO tags (id, name) SELECT * FROM unnest(%s::uuid[], %s::text[])
ON CONFLICT (lower(name)) DO NOTHING"""
_TAG_CATEGORY = """
INSERT INTO category_tags (category_id, tag_id)
SELECT %s, id FROM tags WHERE lower(name) = ANY(%s::text[])"""
