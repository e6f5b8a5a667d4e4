"""Routes of notifications: what I was told, and what I want to be told of."""

from api.resources import notifications
from api.route_tables.access import USER
from api.routing import Area, Route
from api.schemas.lists import ListQuery
from api.schemas.social import Marked, MarkRead
from services.notification_preferences import Preferences, PreferencesPatch
from services.notifications import NotificationView

area = Area("notifications")

NOTIFICATIONS: tuple[Route, ...] = (
    area.get(
        "/api/notifications",
        notifications.Notifications,
        USER,
        "My notifications; unread first",
        query=ListQuery,
        reply=NotificationView,
        paged=True,
    ),
    area.post(
        "/api/notifications/read",
        notifications.ReadNotifications,
        USER,
        "Mark as read (ids; or all)",
        body=MarkRead,
        reply=Marked,
    ),
    area.get(
        "/api/notifications/preferences",
        notifications.NotificationPreferences,
        USER,
        "What I am told of and how",
        reply=Preferences,
    ),
    area.put(
        "/api/notifications/preferences",
        notifications.NotificationPreferences,
        USER,
        "Change that",
        body=PreferencesPatch,
        reply=Preferences,
    ),
)
