"""Accounts over HTTP: sign-up, sign-in, and the signed-in person."""

import falcon

from api.replies import created, ok
from api.requests import Request, actor, device, parse
from api.schemas.accounts import Login, Refresh, Register, SessionAndUser
from services import accounts, sessions, users
from services.accounts import SignedIn
from services.ids import known_id

TOKEN_HEADER = "set-auth-token"  # noqa: S105 - the name of a header


class Accounts:
    """Everybody's accounts."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        body = parse(req, Register)
        draft = accounts.Registration(body.email, body.password, body.name, body.username, body.company)
        signed_in = accounts.register(draft, device(req))
        _hand_over(resp, signed_in)
        created(resp, signed_in, f"/api/users/{signed_in.user.id}")


class SignIn:
    """Signing in with a password."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        body = parse(req, Login)
        signed_in = accounts.login(body.password, device(req), email=body.email, username=body.username)
        _hand_over(resp, signed_in)
        ok(resp, signed_in)


class Tokens:
    """Exchanging a refresh token."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        session = sessions.refresh(parse(req, Refresh).refresh_token)
        resp.set_header(TOKEN_HEADER, session.access_token)
        ok(resp, session)


class SignOut:
    """Ending the current session."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        caller = actor(req)
        assert caller.session_id is not None
        sessions.revoke(caller, caller.session_id)
        ok(resp, {"signedOut": True})


class CurrentUser:
    """The signed-in person."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        assert req.context.me is not None  # the route's row says so
        ok(resp, req.context.me)


class CurrentSession:
    """The signed-in person and the current session."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        caller = actor(req)
        ok(resp, SessionAndUser(users.me(caller.user_id), sessions.current_session(caller)))


class Sessions:
    """My sessions."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, sessions.sessions_of(actor(req)))


class OneSession:
    """One of my sessions."""

    def on_delete(self, req: Request, resp: falcon.Response, id: str) -> None:
        sessions.revoke(actor(req), known_id(id, "session"))
        ok(resp, {"revoked": True})


def _hand_over(resp: falcon.Response, signed_in: SignedIn) -> None:
    resp.set_header(TOKEN_HEADER, signed_in.token)
