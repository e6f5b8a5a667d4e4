"""Keeping order over HTTP: bans, the removal of messages, moderators, reports, and the log."""

import falcon

from api.replies import created, ok, page
from api.requests import Request, actor, parse, parse_query
from api.schemas.moderation import (
    LogQuery,
    NewBan,
    NewModerator,
    NewRemoval,
    ReportQuery,
    RoomListQuery,
    RoomQuery,
)
from services import message_removal, moderation, moderation_history, report_queue, reports, room_moderators
from services.ids import known_id
from services.moderation_scope import scope_of
from services.report_queue import Resolution
from services.reports import NewReport


class Bans:
    """Bans in force, and new ones."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, RoomListQuery)
        page(resp, moderation.bans_in_force(actor(req), wanted.room_name, wanted.limit, wanted.cursor))

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        body = parse(req, NewBan)
        ban = moderation.ban(actor(req), scope_of(actor(req), body.room_name), body.draft)
        created(resp, ban, f"/api/moderation/bans/{ban.id}")


class Ban:
    """One ban."""

    def on_delete(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, moderation.lift(actor(req), id))


class Removals:
    """Taking away all that a person said."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        body = parse(req, NewRemoval)
        scope = scope_of(actor(req), body.room_name)
        ok(resp, message_removal.remove_messages(actor(req), scope, body.user_id, body.reason))


class Log:
    """Who did what to whom."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, LogQuery)
        page(resp, moderation_history.log_entries(actor(req), wanted.filter, wanted.limit, wanted.cursor))


class Moderators:
    """Whom the caller trusts to keep order."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, RoomListQuery)
        page(resp, room_moderators.moderators_of(actor(req), wanted.room_name, wanted.limit, wanted.cursor))

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        body = parse(req, NewModerator)
        named = room_moderators.appoint(actor(req), body.room_name, body.user_id)
        created(resp, named, f"/api/moderation/moderators/{named.user.id}")


class Moderator:
    """One of them."""

    def on_delete(self, req: Request, resp: falcon.Response, userId: str) -> None:  # noqa: N803 - the route's own name
        wanted = parse_query(req, RoomQuery)
        ok(resp, room_moderators.dismiss(actor(req), wanted.room_name, known_id(userId, "user")))


class Reports:
    """What people found wrong."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ReportQuery)
        page(resp, report_queue.reports(actor(req), wanted.room_name, wanted.status, wanted.limit, wanted.cursor))

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        report = reports.report(actor(req), parse(req, NewReport))
        created(resp, report, f"/api/moderation/reports/{report.id}")


class Report:
    """One report."""

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, report_queue.resolve(actor(req), id, parse(req, Resolution)))
