"""Who calls, and whether somebody like that may: the route's row decides."""

import hmac
from typing import Any

import falcon

from api.requests import Request
from api.routing import Access, Mounted, Route
from db.connection import ANONYMOUS_ROLE, SYSTEM_ROLE, acting_for
from services import presented, sessions
from services.actors import Actor, Role
from services.bus import bus
from services.errors import Forbidden, Unauthorized

SIGNED_IN = frozenset({Access.USER, Access.STREAMER, Access.MODERATOR, Access.ADMIN, Access.OWNER, Access.SELF})


class Auth:
    """Turns a bearer token into an actor, and holds back who may not call the route.

    The database hears of each caller what we know: nobody, the person, or (with the ingest secret) ourselves.
    """

    def process_request(self, _req: Request, _resp: falcon.Response) -> None:
        acting_for("", ANONYMOUS_ROLE)

    def process_resource(self, req: Request, _resp: falcon.Response, resource: Any, _params: Any) -> None:
        route = resource.routes.get(req.method) if isinstance(resource, Mounted) else None
        req.context.route = route
        if route is None:
            return
        if route.access is Access.SECRET:
            _require_ingest_secret(req)
            acting_for("", SYSTEM_ROLE)
        elif route.access in SIGNED_IN or (route.access is Access.OPTIONAL and req.auth):
            req.context.actor = _actor(req, of_myself=route.of_myself)
            acting_for(str(req.context.actor.user_id), req.context.actor.role.value)
            _require_role(req.context.actor, route)


def bearer_token(req: Request) -> str | None:
    """The token of an Authorization header (RFC 6750), if there is one."""
    scheme, _, token = (req.auth or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _actor(req: Request, *, of_myself: bool) -> Actor:
    token = bearer_token(req)
    if token is None:
        raise Unauthorized("Sign in first: a bearer token is missing.", "token_missing")
    if not of_myself:
        return sessions.verify_access_token(token)
    actor, req.context.me = presented.myself(token)
    return actor


def _require_role(actor: Actor, route: Route) -> None:
    if route.access is Access.STREAMER and not (actor.role is Role.STREAMER or actor.is_moderator):
        raise Forbidden("Only creators may do this.", "streamer_required")
    if route.access is Access.ADMIN and not actor.is_admin:
        raise Forbidden("Only administrators may do this.", "admin_required")


def _require_ingest_secret(req: Request) -> None:
    given = req.get_param("secret") or bearer_token(req) or ""
    if not hmac.compare_digest(given.encode(), bus.settings.ingest_secret.encode()):
        raise Unauthorized("The ingest secret is wrong.", "secret_invalid")
