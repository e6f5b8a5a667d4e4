"""Sessions: opened at sign-in, prolonged by rotating refresh tokens, ended at sign-out."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from db.connection import ANONYMOUS_ROLE, acting_as, acting_as_system, query
from db.models.auth_sessions import AuthSession, SpentRefreshToken
from db.transactions import atomic
from services import batches, clock, tokens
from services.actors import Actor, Role
from services.bus import bus
from services.errors import Forbidden, NotFound, Unauthorized
from services.events import SessionRevoked, publish
from services.ids import new_id
from services.tokens import AccessClaims
from services.topics import CONTROL

#: The session that a token names, unless it was ended, and its person `u`, found among `people`; takes both ids.
LIVE_SESSION = """FROM auth_sessions a JOIN {people} u ON u.id = a.user_id
                  WHERE a.id = %s AND a.user_id = %s AND a.revoked_at IS NULL"""


class Device(msgspec.Struct, frozen=True):
    """From where somebody signs in."""

    user_agent: str = ""
    ip: str = ""


class Session(msgspec.Struct, frozen=True):
    """The tokens of a session, spelled as OAuth 2 spells them (RFC 6749, section 5.1)."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme


class SessionView(msgspec.Struct, frozen=True, rename="camel"):
    """A session as its owner sees it."""

    id: UUID
    user_agent: str
    ip: str
    is_current: bool
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


@acting_as_system("a session begins")
def open_session(user_id: UUID, device: Device) -> Session:
    """Sign a person in on a device."""
    refresh_token, at = tokens.new_secret(), clock.now()
    row = AuthSession.create(
        id=new_id(),
        user=user_id,
        refresh_token_hash=tokens.fingerprint(refresh_token),
        user_agent=device.user_agent[:300],
        ip=device.ip,
        expires_at=at + timedelta(seconds=bus.settings.jwt_refresh_expires_in_s),
        last_used_at=at,
    )
    return _session(user_id, row.id, refresh_token, at)


@acting_as_system("a refresh token is its own proof")
def refresh(refresh_token: str) -> Session:
    """Exchange a refresh token for new ones; raises Unauthorized.

    A token that was exchanged before is in two hands: its whole session ends.
    """
    presented, at = tokens.fingerprint(refresh_token), clock.now()
    with atomic():
        row = AuthSession.select().where(AuthSession.refresh_token_hash == presented).for_update().first()
        if row is not None and row.revoked_at is None and row.expires_at > at:
            return _rotate(row, at)
    with atomic():
        _revoke_family_of(presented)
    raise Unauthorized("The refresh token is not valid.", "refresh_token_invalid")


def verify_access_token(token: str) -> Actor:
    """Who presents this token; raises Unauthorized, or Forbidden for a suspended account.

    The role is read afresh, and a session that was ended is refused at once.
    """
    claims = tokens.read_access_token(token)
    with acting_as(str(claims.user_id), ANONYMOUS_ROLE):  # whoever it is sees their own sessions, and no role yet
        rows = query(
            f"SELECT u.role, u.suspended_at IS NOT NULL {LIVE_SESSION.format(people='users')}",
            (claims.session_id, claims.user_id),
            prepared=True,
        )
    return admitted(claims, rows)


def admitted(claims: AccessClaims, rows: Sequence[Sequence[Any]]) -> Actor:
    """Whose token it is, from what was found of LIVE_SESSION: the role, whether suspended, and whatever else.

    Raises Unauthorized, or Forbidden for a suspended account.
    """
    if not rows:
        raise Unauthorized("The session has ended.", "session_ended")
    role, suspended, *_ = rows[0]
    if suspended:
        raise Forbidden("The account is suspended.", "account_suspended")
    return Actor(claims.user_id, Role(role), claims.session_id)


def is_session_live(session_id: UUID) -> bool:
    """Whether nobody has ended the session."""
    return bool(query("SELECT 1 FROM auth_sessions WHERE id = %s AND revoked_at IS NULL", (session_id,)))


@acting_as_system("many people's sessions are looked at together")
def live_sessions(session_ids: Collection[UUID]) -> set[UUID]:
    """Those among the sessions that nobody has ended."""
    sql = "SELECT id FROM auth_sessions WHERE id = ANY (%s::uuid[]) AND revoked_at IS NULL"
    return {row[0] for row in query(sql, (list(session_ids),))}


def sessions_of(actor: Actor) -> list[SessionView]:
    """The actor's sessions that are still good, newest first."""
    rows = (
        AuthSession.select()
        .where(
            AuthSession.user == actor.user_id, AuthSession.revoked_at.is_null(), AuthSession.expires_at > clock.now()
        )
        .order_by(AuthSession.created_at.desc())
        .limit(100)
    )
    return [_view(row, actor) for row in rows]


def current_session(actor: Actor) -> SessionView:
    """The session by which the actor is signed in."""
    return _view(AuthSession.get_by_id(actor.session_id), actor)


def revoke(actor: Actor, session_id: UUID) -> None:
    """End one of the actor's own sessions; raises NotFound for another's."""
    with atomic():
        if not _revoke(AuthSession.id == session_id, AuthSession.user == actor.user_id):
            raise NotFound("No such session.")


def revoke_others(user_id: UUID, keep: UUID | None = None) -> int:
    """End every session of a person but one; returns how many."""
    with atomic():
        return _revoke(AuthSession.user == user_id, AuthSession.id != keep if keep else AuthSession.id.is_null(False))


def tidy() -> int:
    """Delete sessions that expired a while ago, and spent tokens that would have expired; returns how many sessions."""
    at = clock.now()
    batches.run(_FORGET_SPENT, {"before": at - timedelta(seconds=bus.settings.jwt_refresh_expires_in_s)})
    return batches.run(_FORGET_SESSIONS, {"before": at - timedelta(days=30)})


def _rotate(row: AuthSession, at: datetime) -> Session:
    SpentRefreshToken.create(token_hash=bytes(row.refresh_token_hash), session=row.id, spent_at=at)
    refresh_token = tokens.new_secret()
    AuthSession.update(
        refresh_token_hash=tokens.fingerprint(refresh_token),
        last_used_at=at,
        expires_at=at + timedelta(seconds=bus.settings.jwt_refresh_expires_in_s),
    ).where(AuthSession.id == row.id).execute()
    return _session(row.user_id, row.id, refresh_token, at)


def _revoke_family_of(presented: bytes) -> None:
    spent = SpentRefreshToken.select(SpentRefreshToken.session).where(SpentRefreshToken.token_hash == presented)
    _revoke(AuthSession.id.in_(spent))


def _revoke(*conditions: object) -> int:
    ended = list(
        AuthSession.update(revoked_at=clock.now())
        .where(AuthSession.revoked_at.is_null(), *conditions)
        .returning(AuthSession.id)
    )
    for row in ended:
        publish(SessionRevoked(session_id=row.id), CONTROL)
    return len(ended)


def _session(user_id: UUID, session_id: UUID, refresh_token: str, at: datetime) -> Session:
    return Session(
        access_token=tokens.sign_access_token(user_id, session_id, at),
        refresh_token=refresh_token,
        expires_in=bus.settings.jwt_expires_in_s,
    )


def _view(row: AuthSession, actor: Actor) -> SessionView:
    return SessionView(
        row.id, row.user_agent, row.ip, row.id == actor.session_id, row.created_at, row.last_used_at, row.expires_at
    )


_FORGET_SESSIONS = batches.deleting("auth_sessions", "id", "expires_at < %(before)s")
_FORGET_SPENT = batches.deleting("spent_refresh_tokens", "token_hash", "spent_at < %(before)s")
