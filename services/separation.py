"""Who blocked whom, as the condition that every list and every act puts on it."""

from uuid import UUID

from db.connection import query


def neither_blocks(person: str, viewer: str = "%(viewer)s") -> str:
    """SQL that is true where neither of `person` (a column) and `viewer` blocks the other.

    The people around one viewer are few: PostgreSQL reads them once a query and looks each row up.
    A viewer who is NULL is nobody, and blocked by nobody.
    """
    return f"""({person} NOT IN (
        SELECT blocked_id FROM blocks WHERE blocker_id = {viewer}::uuid
        UNION ALL SELECT blocker_id FROM blocks WHERE blocked_id = {viewer}::uuid))"""  # noqa: S608 - of constants


def is_blocked(one: UUID, other: UUID) -> bool:
    """Whether one of two people blocks the other."""
    rows = query(
        """SELECT 1 FROM blocks WHERE (blocker_id = %(one)s AND blocked_id = %(other)s)
           OR (blocker_id = %(other)s AND blocked_id = %(one)s)""",
        {"one": one, "other": other},
    )
    return bool(rows)
