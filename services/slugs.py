"""Slugs: a title as it stands in an address."""

import re
import unicodedata
from collections.abc import Collection, Iterator
from itertools import count
from uuid import UUID

LONGEST = 80
FORM = re.compile("[a-z0-9]+(-[a-z0-9]+)*")
#: Words that mean something else in the place of a slug.
RESERVED = frozenset({"live"})


def slug_of(title: str, fallback: str) -> str:
    """The title in lower-case ASCII words joined by hyphens; `fallback` where nothing is left of it."""
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    slug = "-".join(re.findall(r"[a-z0-9]+", plain))[:LONGEST].strip("-")
    return slug if slug and is_free_form(slug) else f"{fallback}-{slug}".strip("-")


def is_free_form(slug: str) -> bool:
    """Whether the slug can be told from an id and from the words of other routes."""
    try:
        UUID(slug)
    except ValueError:
        return slug not in RESERVED
    return False


def alternatives(slug: str, taken: Collection[str]) -> Iterator[str]:
    """The slug itself, then `slug-2`, `slug-3`, … without those that are taken."""
    if slug not in taken:
        yield slug
    yield from (name for number in count(2) if (name := f"{slug}-{number}") not in taken)
