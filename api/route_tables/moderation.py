"""Routes of moderation: bans, removals, moderators, reports, and the log of it all."""

from api.resources import moderation
from api.route_tables.access import MODERATOR, STREAMER, USER
from api.routing import Area, Route
from api.schemas.moderation import LogQuery, NewBan, NewModerator, NewRemoval, ReportQuery, RoomListQuery, RoomQuery
from services.message_removal import Removal
from services.moderation import BanView
from services.moderation_history import LogEntry
from services.report_queue import ReportView, Resolution
from services.reports import NewReport
from services.room_moderators import ModeratorView

area = Area("moderation")

MODERATION: tuple[Route, ...] = (
    area.get(
        "/api/moderation/bans",
        moderation.Bans,
        MODERATOR,
        "Bans in force in a room, or everywhere",
        query=RoomListQuery,
        reply=BanView,
        paged=True,
    ),
    area.post(
        "/api/moderation/bans",
        moderation.Bans,
        MODERATOR,
        "Ban or time out a user in a room or everywhere",
        body=NewBan,
        reply=BanView,
        status=201,
    ),
    area.delete("/api/moderation/bans/{id}", moderation.Ban, MODERATOR, "Lift a ban", reply=BanView),
    area.post(
        "/api/moderation/removals",
        moderation.Removals,
        MODERATOR,
        "Delete all messages of a user in a room or everywhere",
        body=NewRemoval,
        reply=Removal,
    ),
    area.get(
        "/api/moderation/log",
        moderation.Log,
        MODERATOR,
        "Moderation log, newest first",
        query=LogQuery,
        reply=LogEntry,
        paged=True,
    ),
    area.get(
        "/api/moderation/moderators",
        moderation.Moderators,
        STREAMER,
        "Moderators of my chat",
        query=RoomListQuery,
        reply=ModeratorView,
        paged=True,
    ),
    area.post(
        "/api/moderation/moderators",
        moderation.Moderators,
        STREAMER,
        "Make a user a moderator of my chat",
        body=NewModerator,
        reply=ModeratorView,
        status=201,
    ),
    area.delete(
        "/api/moderation/moderators/{userId}",
        moderation.Moderator,
        STREAMER,
        "Take that back",
        query=RoomQuery,
        reply=ModeratorView,
    ),
    area.get(
        "/api/moderation/reports",
        moderation.Reports,
        MODERATOR,
        "Open reports, oldest first",
        query=ReportQuery,
        reply=ReportView,
        paged=True,
    ),
    area.post(
        "/api/moderation/reports",
        moderation.Reports,
        USER,
        "Report a message, user, stream or post",
        body=NewReport,
        reply=ReportView,
        status=201,
    ),
    area.patch(
        "/api/moderation/reports/{id}",
        moderation.Report,
        MODERATOR,
        "Resolve a report",
        body=Resolution,
        reply=ReportView,
    ),
)
