"""Notifications over HTTP: mine, and what I want to be told of."""

import falcon

from api.replies import ok, page
from api.requests import Request, actor, parse, parse_query
from api.schemas.lists import ListQuery
from api.schemas.social import Marked, MarkRead
from services import notification_preferences, notifications
from services.notification_preferences import PreferencesPatch


class Notifications:
    """What I have been told, unread first."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, notifications.notifications_of(actor(req), wanted.limit, wanted.cursor))


class ReadNotifications:
    """What I have read of it."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, Marked(notifications.mark_read(actor(req), parse(req, MarkRead).read)))


class NotificationPreferences:
    """What I want to be told of, and how."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, notification_preferences.preferences_of(actor(req)))

    def on_put(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, notification_preferences.change_preferences(actor(req), parse(req, PreferencesPatch)))
