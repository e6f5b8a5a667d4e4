"""Creators over HTTP: applying, proving who one is, being paid, and the page."""

import falcon

from api.replies import ok
from api.requests import Request, actor, parse
from api.uploads import FileField, NoTexts, received
from services import creator_profiles, creators, financial, identity
from services.creator_profiles import CreatorProfileDraft

DOCUMENTS = FileField(("documents", "document", "files", "file"), identity.MOST_BYTES, identity.MOST_DOCUMENTS)


class CreatorApplication:
    """My application."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, creators.become_creator(actor(req), parse(req, creators.Application)))

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, creators.own_application(actor(req)))


class Identity:
    """My papers."""

    def on_put(self, req: Request, resp: falcon.Response) -> None:
        with received(req, DOCUMENTS, NoTexts) as form:
            ok(resp, identity.submit(actor(req), form.files))


class Financial:
    """My bank details."""

    def on_put(self, req: Request, resp: falcon.Response) -> None:
        _private(resp)
        ok(resp, financial.keep_details(actor(req), parse(req, financial.BankDetails)))

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        _private(resp)
        ok(resp, financial.own_details(actor(req)))


class CreatorProfile:
    """What I say about myself on my page."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, creator_profiles.creator_profile(actor(req).user_id))

    def on_put(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, creator_profiles.replace_own(actor(req), parse(req, CreatorProfileDraft)))


def _private(resp: falcon.Response) -> None:
    resp.set_header("Cache-Control", "no-store")
