"""One-time codes over HTTP: sent, checked, and spent for a sign-in, a proof or a new password."""

import falcon

from api.replies import ok
from api.requests import Request, device, parse
from api.resources.accounts import TOKEN_HEADER
from api.schemas.codes import (
    CheckCode,
    Code,
    ForgottenPassword,
    NewPassword,
    PasswordSet,
    SendCode,
    Sent,
    Validity,
    Verified,
)
from services import accounts, one_time_codes, password_changes
from services.errors import Invalid
from services.one_time_codes import LIFETIME, Purpose

SENT = "If there is an account with this address, a code is on its way to it."


class Codes:
    """Codes by mail."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        body = parse(req, SendCode)
        one_time_codes.send(body.email, body.type)
        _sent(resp)


class CodeCheck:
    """Whether a code is good."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        body = parse(req, CheckCode)
        ok(resp, Validity(one_time_codes.is_valid(body.email, body.type, body.otp)))


class VerifiedEmail:
    """An address proved by a code."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        body = parse(req, Code)
        accounts.verify_email(body.email, body.otp)
        ok(resp, Verified(email_verified=True))


class CodeSignIn:
    """Signing in by a code."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        body = parse(req, Code)
        signed_in = accounts.sign_in_with_code(body.email, body.otp, device(req))
        resp.set_header(TOKEN_HEADER, signed_in.token)
        ok(resp, signed_in)


class PasswordForgotten:
    """A code for a new password."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        one_time_codes.send(parse(req, ForgottenPassword).email, Purpose.FORGET_PASSWORD)
        _sent(resp)


class PasswordReset:
    """A new password by a code."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        body = parse(req, NewPassword)
        new = body.password or body.new_password
        if new is None or None not in (body.password, body.new_password):
            raise Invalid.field("password", "is required, once")
        password_changes.reset_password(body.email, body.otp, new)
        ok(resp, PasswordSet(changed=True), "Sign in with the new password; every session has ended.")


def _sent(resp: falcon.Response) -> None:
    ok(resp, Sent(sent=True, expires_in=int(LIFETIME.total_seconds())), SENT)
