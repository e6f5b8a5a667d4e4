"""People as administrators see and change them: roles, and suspension."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
import structlog
from msgspec import UNSET, UnsetType

from db.connection import query
from db.models.channels import Channel
from db.models.users import Account
from db.transactions import atomic
from services import channels, clock, sessions
from services.actors import Actor, Role
from services.errors import Conflict, NotFound
from services.events import PublishCut, UserChanged, publish
from services.moderation_log import Action, record
from services.pages import Page, cut, decode_cursor
from services.topics import CONTROL, INGEST
from services.users import PUBLIC, PUBLIC_COLUMNS, UserView, public_view

log = structlog.get_logger(__name__)


class Condition(StrEnum):
    """Whether people may act."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class UserFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to show; `q` is an id, or how a username, a name or an e-mail address begins."""

    q: str | None = None
    role: Role | None = None
    status: Condition | None = None


class UserPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change: another role, or suspension with its reason; what is left out stays."""

    role: Role | UnsetType = UNSET
    suspended: bool | UnsetType = UNSET
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


class AdminUserView(UserView, frozen=True, kw_only=True, rename="camel"):
    """A person as administrators see them."""

    email: str
    email_verified: bool
    suspended_at: datetime | None
    suspension_reason: str
    last_login_at: datetime | None


def users(wanted: UserFilter, limit: int, cursor: str | None) -> Page[AdminUserView]:
    """People, the newest first."""
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=2**128 - 1),)
    conditions = ["u.id < %(before)s", *_conditions(wanted)]
    parameters = {
        "before": before,
        "limit": limit + 1,
        "role": wanted.role,
        "id": _id(wanted.q),
        "prefix": _prefix(wanted.q or ""),
    }
    rows = query(f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY u.id DESC LIMIT %(limit)s", parameters)
    return cut(rows, limit, _view, lambda row: (row[0],))


def change_user(actor: Actor, user_id: UUID, patch: UserPatch) -> AdminUserView:
    """Give a person another role, suspend them or let them back in.

    A suspended person's sessions end, and what they publish is cut. Raises NotFound, or Conflict
    for a change of oneself: the last administrator could not be brought back.
    """
    with atomic():
        row = Account.select().where(Account.id == user_id).for_update().first()
        if row is None:
            raise NotFound("No such user.")
        if user_id == actor.user_id:
            raise Conflict("Administrators cannot change themselves; ask another.", "not_oneself")
        if isinstance(patch.role, Role):
            _change_role(row, patch.role)
        if isinstance(patch.suspended, bool):
            _suspend(row, patch.reason) if patch.suspended else _reinstate(row)
        _record(actor, row.id, patch)
        publish(UserChanged(user_id=user_id), CONTROL)
        view = _view(query(f"{_SELECT} WHERE u.id = %s", (user_id,))[0])
    log.info("user_changed", user_id=str(user_id), by=str(actor.user_id), change=msgspec.to_builtins(patch))
    return view


def roles_of(user_ids: Collection[UUID]) -> dict[UUID, Role]:
    """The office that each of these people holds at this moment; those who are gone are left out."""
    rows = query("SELECT id, role FROM users WHERE id = ANY (%s::uuid[])", (list(user_ids),))
    return {user_id: Role(role) for user_id, role in rows}


def _change_role(row: Account, role: Role) -> None:
    if role is Role.STREAMER:
        channels.create_channel(row.id)
    Account.update(role=role.value).where(Account.id == row.id).execute()
    if role is Role.VIEWER and _channel_id(row.id):
        channels.rotate_stream_key(Actor(row.id, role), "role_changed")


def _suspend(row: Account, reason: str) -> None:
    at = row.suspended_at or clock.now()
    Account.update(suspended_at=at, suspension_reason=reason).where(Account.id == row.id).execute()
    sessions.revoke_others(row.id)
    channel_id = _channel_id(row.id)
    if channel_id is not None:
        publish(PublishCut(channel_id=channel_id, reason="suspended"), INGEST)


def _reinstate(row: Account) -> None:
    Account.update(suspended_at=None, suspension_reason="").where(Account.id == row.id).execute()


def _record(actor: Actor, user_id: UUID, patch: UserPatch) -> None:
    """Write the change into the moderation log."""
    if isinstance(patch.role, Role):
        record(actor, Action.CHANGE_ROLE, user_id=user_id, reason=patch.reason, details={"role": patch.role.value})
    if isinstance(patch.suspended, bool):
        action = Action.SUSPEND if patch.suspended else Action.REINSTATE
        record(actor, action, user_id=user_id, reason=patch.reason)


def _channel_id(user_id: UUID) -> UUID | None:
    row = Channel.select(Channel.id).where(Channel.user == user_id).first()
    return row.id if row else None


def _conditions(wanted: UserFilter) -> list[str]:
    found = []
    if wanted.role is not None:
        found.append("u.role = %(role)s")
    if wanted.status is not None:
        found.append(f"u.suspended_at IS {'NOT ' if wanted.status is Condition.SUSPENDED else ''}NULL")
    if wanted.q:
        found.append(_FOUND)
    return found


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _prefix(text: str) -> str:
    """The text as the beginning of what LIKE looks for, its own wildcards taken literally."""
    literal = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{literal}%"


def _view(row: tuple[Any, ...]) -> AdminUserView:
    email, is_verified, suspended_at, reason, last_login_at = row[PUBLIC_COLUMNS:]
    return AdminUserView(
        **msgspec.structs.asdict(public_view(row)),
        email=email,
        email_verified=is_verified,
        suspended_at=suspended_at,
        suspension_reason=reason,
        last_login_at=last_login_at,
    )


_SELECT = f"""
SELECT {PUBLIC}, u.email, u.email_verified_at IS NOT NULL, u.suspended_at, u.suspension_reason, u.last_login_at
FROM accounts u"""  # noqa: S608 - built from constants

_FOUND = """(u.id = %(id)s OR lower(u.username) LIKE %(prefix)s OR lower(u.email) LIKE %(prefix)s
             OR lower(u.name) LIKE %(prefix)s)"""
