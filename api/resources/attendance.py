"""Attending events over HTTP."""

import falcon

from api.replies import ok, page
from api.requests import Request, actor, parse_query
from api.schemas.lists import ListQuery
from api.spreadsheets import send_csv, wants_csv
from services import attendance
from services.attendance import Attendee

HEADS = [
    *("username", "name", "joinedAt", "leftAt", "watchTimeSeconds", "engagementScore"),
    *("messages", "questions", "upvotes", "pollVotes", "surveyAnswers", "minutesWatched"),
]


class Joining:
    """The caller comes to an event."""

    def on_post(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, attendance.join(actor(req), id))


class Leaving:
    """The caller leaves an event."""

    def on_post(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, attendance.leave(actor(req), id))


class EventAttendance:
    """Everybody who came to an event; as CSV all of them at once."""

    def on_get(self, req: Request, resp: falcon.Response, id: str) -> None:
        if wants_csv(req):
            send_csv(resp, "attendance", HEADS, map(_row, attendance.all_attendees(actor(req), id)))
            return
        wanted = parse_query(req, ListQuery)
        page(resp, attendance.attendees(actor(req), id, wanted.limit, wanted.cursor))


def _row(attendee: Attendee) -> list[object]:
    done = attendee.engagement
    return [
        attendee.user.username,
        attendee.user.name,
        attendee.joined_at,
        attendee.left_at,
        attendee.watch_time_seconds,
        attendee.engagement_score,
        *(done.messages, done.questions, done.upvotes, done.poll_votes, done.survey_answers, done.minutes_watched),
    ]
