"""Breakout rooms over HTTP."""

import falcon

from api.replies import created, ok, page
from api.requests import Request, actor, parse, parse_query
from api.schemas.lists import ListQuery
from api.schemas.live_events import Deleted
from services import breakout_rooms
from services.breakout_rooms import RoomDraft, RoomPatch
from services.ids import known_id


class RoomsOfEvent:
    """The rooms of an event with the people inside."""

    def on_get(self, req: Request, resp: falcon.Response, eventId: str) -> None:  # noqa: N803 - the route's own name
        wanted = parse_query(req, ListQuery)
        page(resp, breakout_rooms.rooms_of(actor(req), eventId, wanted.limit, wanted.cursor))


class BreakoutRooms:
    """New rooms."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        room = breakout_rooms.create_breakout_room(actor(req), parse(req, RoomDraft))
        created(resp, room, f"/api/rooms/{room.id}")


class BreakoutRoom:
    """One room."""

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, breakout_rooms.edit_breakout_room(actor(req), known_id(id, "room"), parse(req, RoomPatch)))

    def on_delete(self, req: Request, resp: falcon.Response, id: str) -> None:
        breakout_rooms.delete_breakout_room(actor(req), known_id(id, "room"))
        ok(resp, Deleted(id))
