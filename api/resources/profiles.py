"""Profiles over HTTP: one's own, with avatar and password, and everybody's."""

import falcon

from api.replies import accepted, ok
from api.requests import Request, actor, parse
from api.schemas.codes import ChangedPassword, PasswordSet
from api.uploads import FileField, NoTexts, received
from services import avatars, password_changes, profiles, uploads, users
from services.ids import known_id
from services.profiles import ProfilePatch

PICTURE = FileField(("file",), avatars.MOST_BYTES)


class OwnProfile:
    """My profile."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, users.me(actor(req).user_id))

    def on_patch(self, req: Request, resp: falcon.Response) -> None:
        caller = actor(req)
        ok(resp, profiles.edit_profile(caller, caller.user_id, parse(req, ProfilePatch)))


class Profile:
    """Somebody's profile."""

    def on_get(self, _req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, users.user(id))

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, profiles.edit_profile(actor(req), known_id(id, "user"), parse(req, ProfilePatch)))


class Avatar:
    """My picture."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        with received(req, PICTURE, NoTexts) as form:
            upload = avatars.upload_avatar(actor(req), form.files[0])
        resp.set_header("Location", upload.follow)
        accepted(resp, upload, "The picture is being made; follow the upload until it is READY.")


class Upload:
    """How far one of my uploads is."""

    def on_get(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, uploads.upload(actor(req), known_id(id, "upload")))


class Password:
    """My password."""

    def on_patch(self, req: Request, resp: falcon.Response) -> None:
        body = parse(req, ChangedPassword)
        password_changes.change_password(actor(req), body.current_password, body.new_password)
        ok(resp, PasswordSet(changed=True), "Other devices were signed out.")
