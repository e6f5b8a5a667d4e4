"""Whoever presents a token and all that they see of themselves, in one statement: what apps ask most often."""

from db.connection import ANONYMOUS_ROLE, acting_as, query
from services import sessions, tokens
from services.actors import Actor
from services.users import OWN, OWN_COLUMNS, Me, me_view

_MYSELF = f"SELECT {OWN}, u.role, u.suspended_at IS NOT NULL {sessions.LIVE_SESSION.format(people='accounts')}"


def myself(token: str) -> tuple[Actor, Me]:
    """Who presents this token, and their account; raises as `sessions.verify_access_token` does."""
    claims = tokens.read_access_token(token)
    with acting_as(str(claims.user_id), ANONYMOUS_ROLE):  # a person's own rows, which need no role
        rows = query(_MYSELF, (claims.session_id, claims.user_id), prepared=True)
    actor = sessions.admitted(claims, [row[OWN_COLUMNS:] for row in rows])
    return actor, me_view(rows[0])
