"""What administrators do to people over HTTP: roles, suspension, applications to be a creator."""

import falcon

from api.replies import ok, page
from api.requests import Request, actor, parse, parse_query
from api.schemas.lists import ApplicationQuery, UserQuery
from services import creator_reviews, user_administration
from services.creator_reviews import Ruling
from services.errors import NotFound
from services.ids import known_id
from services.user_administration import UserFilter, UserPatch


class Users:
    """Everybody."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, UserQuery)
        shown = UserFilter(q=wanted.q, role=wanted.role, status=wanted.status)
        page(resp, user_administration.users(shown, wanted.limit, wanted.cursor))


class User:
    """One person."""

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, user_administration.change_user(actor(req), known_id(id, "user"), parse(req, UserPatch)))


class CreatorApplications:
    """Applications to review."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ApplicationQuery)
        page(resp, creator_reviews.applications(wanted.status, wanted.limit, wanted.cursor))


class CreatorApplication:
    """One application."""

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, creator_reviews.decide(actor(req), known_id(id, "application"), parse(req, Ruling)))


class IdentityDocument:
    """One paper of an applicant: handed over as a file, never shown by a browser."""

    def on_get(self, req: Request, resp: falcon.Response, id: str, number: str) -> None:
        if not number.isascii() or not number.isdigit() or len(number) > 2:
            raise NotFound("No such document.")
        found = creator_reviews.document(actor(req), known_id(id, "application"), int(number))
        resp.content_type = found.content_type
        resp.set_header("Content-Disposition", f'attachment; filename="document-{number}"')
        resp.set_header("Cache-Control", "no-store")
        resp.data = found.content
