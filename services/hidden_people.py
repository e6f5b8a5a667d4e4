"""Whom a reader has blocked: what these people say in rooms that both are in keeps its place, without its words."""

from collections.abc import Collection, Mapping
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from services.actors import Actor
from services.messages import Message
from services.pages import Page

#: Of more people than these the newest blocks count: every socket of the person remembers them.
MOST = 5000

_BLOCKED = """
SELECT asked.id, newest.blocked_id FROM unnest(%s::uuid[]) AS asked (id)
CROSS JOIN LATERAL (
    SELECT blocked_id FROM blocks WHERE blocker_id = asked.id ORDER BY created_at DESC LIMIT %s
) AS newest"""


@acting_as_system("whom several people block")
def hidden_from(user_ids: Collection[UUID]) -> Mapping[UUID, frozenset[UUID]]:
    """Whom each of these people blocks; those who block nobody are left out."""
    found: dict[UUID, set[UUID]] = {}
    for blocker_id, blocked_id in query(_BLOCKED, (list(user_ids), MOST), prepared=True):
        found.setdefault(blocker_id, set()).add(blocked_id)
    return {blocker_id: frozenset(blocked) for blocker_id, blocked in found.items()}


def as_read_by(viewer: Actor | None, page: Page[Message]) -> Page[Message]:
    """The messages as this person is to read them: without the words of those whom they block."""
    hidden = hidden_from([viewer.user_id]).get(viewer.user_id) if viewer and page.items else None
    if not hidden:
        return page
    shown = [_without_words(message) if _author(message) in hidden else message for message in page.items]
    return msgspec.structs.replace(page, items=shown)


def _author(message: Message) -> UUID | None:
    return message.author.id if message.author else None


def _without_words(message: Message) -> Message:
    return msgspec.structs.replace(message, text="", is_hidden=True)
