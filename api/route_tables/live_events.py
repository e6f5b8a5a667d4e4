"""Routes of organised events: projects, events, sessions, rooms, and what an event is watched on."""

from api.resources import attendance, breakout_rooms, event_sessions, live_events, projects
from api.route_tables.access import ADMIN, USER
from api.routing import CSV, ENVELOPE, Area, Route
from api.schemas.lists import ListQuery
from api.schemas.live_events import Deleted, EventQuery
from services.attendance import Attendance, Attendee
from services.breakout_rooms import RoomDraft, RoomPatch, RoomView
from services.channels import StreamKey
from services.event_copies import EventCopyDraft
from services.event_sessions import EventSessionDraft, EventSessionPatch, EventSessionView
from services.event_streams import EventStreamDraft, EventStreamPatch, EventStreamView
from services.live_events import EventDraft, EventPatch, EventView
from services.projects import ProjectDraft, ProjectPatch, ProjectView

project, event = Area("projects"), Area("events")
session, room, stream = Area("sessions"), Area("rooms"), Area("streams")

PROJECTS: tuple[Route, ...] = (
    project.get(
        "/api/projects", projects.Projects, ADMIN, "All projects", query=ListQuery, reply=ProjectView, paged=True
    ),
    project.post(
        "/api/projects", projects.Projects, ADMIN, "Create a project", body=ProjectDraft, reply=ProjectView, status=201
    ),
    project.get("/api/projects/{id}", projects.Project, USER, "One project", reply=ProjectView),
    project.patch(
        "/api/projects/{id}",
        projects.Project,
        ADMIN,
        "Edit a project (status, on-demand, video id, thumbnail)",
        body=ProjectPatch,
        reply=ProjectView,
    ),
    project.delete("/api/projects/{id}", projects.Project, ADMIN, "Delete a project and its events", reply=Deleted),
)

EVENTS: tuple[Route, ...] = (
    event.get(
        "/api/events",
        live_events.Events,
        USER,
        "Events; filter by status",
        query=EventQuery,
        reply=EventView,
        paged=True,
    ),
    event.post(
        "/api/events",
        live_events.Events,
        ADMIN,
        "Create an event in a project",
        body=EventDraft,
        reply=EventView,
        status=201,
    ),
    event.get(
        "/api/events/live",
        live_events.LiveNow,
        USER,
        "The event that is live now; null where none is",
        reply=EventView | None,
    ),
    event.get("/api/events/{id}", live_events.Event, USER, "One event by id or slug", reply=EventView),
    event.patch(
        "/api/events/{id}",
        live_events.Event,
        ADMIN,
        "Edit an event; a status change is broadcast",
        body=EventPatch,
        reply=EventView,
    ),
    event.delete("/api/events/{id}", live_events.Event, ADMIN, "Delete an event", reply=Deleted),
    event.post("/api/events/{id}/join", attendance.Joining, USER, "Attend an event", reply=Attendance),
    event.post("/api/events/{id}/leave", attendance.Leaving, USER, "Leave an event", reply=Attendance),
    event.get(
        "/api/events/{id}/attendance",
        attendance.EventAttendance,
        ADMIN,
        "Attendance with watch time and engagement score; CSV with Accept: text/csv",
        query=ListQuery,
        sends=(ENVELOPE, CSV),
        reply=Attendee,
        paged=True,
    ),
    event.post(
        "/api/events/{id}/copy",
        live_events.EventCopies,
        ADMIN,
        "Make a draft with the sessions, rooms, polls and surveys of an event",
        body=EventCopyDraft,
        reply=EventView,
        status=201,
    ),
    event.get(
        "/api/events/{id}/streams",
        live_events.EventStreams,
        USER,
        "An event's streams, newest first; with recordings where it is on demand",
        query=ListQuery,
        reply=EventStreamView,
        paged=True,
    ),
    event.post(
        "/api/events/{id}/streams",
        live_events.EventStreams,
        ADMIN,
        "Add a stream to an event (YOUTUBE, RTMP or HLS source; RTMP without a source is our own ingest)",
        body=EventStreamDraft,
        reply=EventStreamView,
        status=201,
    ),
    event.patch(
        "/api/events/{id}/streams/{streamId}",
        live_events.EventStream,
        ADMIN,
        "Put a stream of an event on air, end it, or edit it",
        body=EventStreamPatch,
        reply=EventStreamView,
    ),
    event.post(
        "/api/events/{id}/stream-key",
        live_events.EventStreamKey,
        ADMIN,
        "Rotate an event's stream key",
        reply=StreamKey,
    ),
    stream.get(
        "/api/streams/event/{eventId}/active",
        live_events.ActiveStream,
        USER,
        "The active stream of an event; null where there is none",
        reply=EventStreamView | None,
    ),
    session.get(
        "/api/sessions/event/{eventId}",
        event_sessions.SessionsOfEvent,
        USER,
        "Sessions of an event",
        query=ListQuery,
        reply=EventSessionView,
        paged=True,
    ),
    session.post(
        "/api/sessions",
        event_sessions.EventSessions,
        ADMIN,
        "Create a session",
        body=EventSessionDraft,
        reply=EventSessionView,
        status=201,
    ),
    session.patch(
        "/api/sessions/{id}",
        event_sessions.EventSession,
        ADMIN,
        "Edit a session",
        body=EventSessionPatch,
        reply=EventSessionView,
    ),
    session.delete("/api/sessions/{id}", event_sessions.EventSession, ADMIN, "Delete a session", reply=Deleted),
    room.get(
        "/api/rooms/event/{eventId}",
        breakout_rooms.RoomsOfEvent,
        USER,
        "Breakout rooms of an event with people inside",
        query=ListQuery,
        reply=RoomView,
        paged=True,
    ),
    room.post(
        "/api/rooms", breakout_rooms.BreakoutRooms, ADMIN, "Create a room", body=RoomDraft, reply=RoomView, status=201
    ),
    room.patch("/api/rooms/{id}", breakout_rooms.BreakoutRoom, ADMIN, "Edit a room", body=RoomPatch, reply=RoomView),
    room.delete("/api/rooms/{id}", breakout_rooms.BreakoutRoom, ADMIN, "Delete a room", reply=Deleted),
)
