"""Organised events over HTTP: lists, one event, what it shows, and copies of it."""

import falcon

from api.replies import created, ok, page
from api.requests import Request, actor, parse, parse_if_any, parse_query
from api.schemas.lists import ListQuery
from api.schemas.live_events import Deleted, EventQuery
from services import event_changes, event_copies, event_streams, live_events
from services.event_copies import EventCopyDraft
from services.event_streams import EventStreamDraft, EventStreamPatch
from services.ids import known_id
from services.live_events import EventDraft, EventPatch


class Events:
    """All events that the caller may know of, and new ones."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, EventQuery)
        page(resp, live_events.events(actor(req), wanted.status, wanted.limit, wanted.cursor))

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        event = live_events.create_event(actor(req), parse(req, EventDraft))
        created(resp, event, f"/api/events/{event.id}")


class LiveNow:
    """The event that is live now; null where none is."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, live_events.live_event(actor(req)))


class Event:
    """One event, by id or slug."""

    def on_get(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, live_events.event(actor(req), id))

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, event_changes.edit_event(actor(req), id, parse(req, EventPatch)))

    def on_delete(self, req: Request, resp: falcon.Response, id: str) -> None:
        event_changes.delete_event(actor(req), id)
        ok(resp, Deleted(id))


class EventCopies:
    """Drafts made from an event."""

    def on_post(self, req: Request, resp: falcon.Response, id: str) -> None:
        event = event_copies.copy_event(actor(req), id, parse_if_any(req, EventCopyDraft))
        created(resp, event, f"/api/events/{event.id}")


class EventStreams:
    """What an event is watched on."""

    def on_get(self, req: Request, resp: falcon.Response, id: str) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, event_streams.streams_of_event(actor(req), id, wanted.limit, wanted.cursor))

    def on_post(self, req: Request, resp: falcon.Response, id: str) -> None:
        stream = event_streams.add_stream(actor(req), id, parse(req, EventStreamDraft))
        created(resp, stream, f"/api/streams/{stream.id}")


class EventStream:
    """One stream of an event."""

    def on_patch(self, req: Request, resp: falcon.Response, id: str, streamId: str) -> None:  # noqa: N803 - wire name
        patch = parse(req, EventStreamPatch)
        ok(resp, event_streams.edit_stream(actor(req), id, known_id(streamId, "stream"), patch))


class EventStreamKey:
    """The key with which an encoder publishes to an event."""

    def on_post(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, event_streams.rotate_key(actor(req), id), "The old key no longer works.")


class ActiveStream:
    """What an event shows at this moment; null where it shows nothing."""

    def on_get(self, req: Request, resp: falcon.Response, eventId: str) -> None:  # noqa: N803 - the route's own name
        ok(resp, event_streams.active_stream(actor(req), eventId))
