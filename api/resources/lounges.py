"""Lounges over HTTP: rooms that stand by themselves, their people, and what was said."""

import falcon

from api.replies import created, ok, page
from api.requests import Request, actor, parse, parse_query
from api.schemas.lists import ListQuery
from api.schemas.moderation import LoungeModeratorDraft, LoungeQuery
from services import lounge_members, lounges, room_moderators, rooms
from services.ids import known_id
from services.lounge_members import Invitation
from services.lounges import LoungeDraft, LoungePatch
from services.rooms import ChatSettingsPatch


class Lounges:
    """Open lounges that the caller may enter, and new ones."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, LoungeQuery)
        page(resp, lounges.lounges(actor(req), wanted.mine, wanted.limit, wanted.cursor))

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        lounge = lounges.create_lounge(actor(req), parse(req, LoungeDraft))
        created(resp, lounge, f"/api/lounges/{lounge.id}")


class Lounge:
    """One lounge."""

    def on_get(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, lounges.lounge(actor(req), id))

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, lounges.change_lounge(actor(req), id, parse(req, LoungePatch)))

    def on_delete(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, lounges.archive_lounge(actor(req), id))


class LoungeMessages:
    """What was said in a lounge."""

    def on_get(self, req: Request, resp: falcon.Response, id: str) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, lounges.lounge_messages(actor(req), id, wanted.limit, wanted.cursor))


class LoungeSettings:
    """What a lounge asks of those who write in it."""

    def on_put(self, req: Request, resp: falcon.Response, id: str) -> None:
        room = rooms.find_room(f"lounge:{id}", actor(req))
        ok(resp, rooms.change_settings(actor(req), room.id, parse(req, ChatSettingsPatch)))


class LoungeInvitations:
    """Who was asked into a lounge."""

    def on_get(self, req: Request, resp: falcon.Response, id: str) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, lounge_members.members(actor(req), id, wanted.limit, wanted.cursor))

    def on_post(self, req: Request, resp: falcon.Response, id: str) -> None:
        member = lounge_members.invite(actor(req), id, parse(req, Invitation))
        created(resp, member, f"/api/lounges/{id}/invitations/{member.user.id}")


class LoungeInvitation:
    """One invitation."""

    def on_delete(self, req: Request, resp: falcon.Response, id: str, userId: str) -> None:  # noqa: N803 - the route's own name
        ok(resp, lounge_members.remove(actor(req), id, known_id(userId, "user")))


class LoungeModerators:
    """Whom the owner trusts to keep order in a lounge."""

    def on_post(self, req: Request, resp: falcon.Response, id: str) -> None:
        named = room_moderators.appoint(actor(req), f"lounge:{id}", parse(req, LoungeModeratorDraft).user_id)
        created(resp, named, f"/api/lounges/{id}/moderators/{named.user.id}")


class LoungeModerator:
    """One of them."""

    def on_delete(self, req: Request, resp: falcon.Response, id: str, userId: str) -> None:  # noqa: N803 - the route's own name
        ok(resp, room_moderators.dismiss(actor(req), f"lounge:{id}", known_id(userId, "user")))
