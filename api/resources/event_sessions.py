"""Sessions of events over HTTP."""

import falcon

from api.replies import created, ok, page
from api.requests import Request, actor, parse, parse_query
from api.schemas.lists import ListQuery
from api.schemas.live_events import Deleted
from services import event_sessions
from services.event_sessions import EventSessionDraft, EventSessionPatch
from services.ids import known_id


class SessionsOfEvent:
    """The sessions of an event."""

    def on_get(self, req: Request, resp: falcon.Response, eventId: str) -> None:  # noqa: N803 - the route's own name
        wanted = parse_query(req, ListQuery)
        page(resp, event_sessions.sessions_of(actor(req), eventId, wanted.limit, wanted.cursor))


class EventSessions:
    """New sessions."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        session = event_sessions.create_session(actor(req), parse(req, EventSessionDraft))
        created(resp, session, f"/api/sessions/{session.id}")


class EventSession:
    """One session."""

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, event_sessions.edit_session(actor(req), known_id(id, "session"), parse(req, EventSessionPatch)))

    def on_delete(self, req: Request, resp: falcon.Response, id: str) -> None:
        event_sessions.delete_session(actor(req), known_id(id, "session"))
        ok(resp, Deleted(id))
