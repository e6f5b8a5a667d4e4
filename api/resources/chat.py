"""Chat over HTTP: what was said in the room of a stream."""

import falcon

from api.replies import page
from api.requests import Request, parse_query
from api.schemas.lists import ListQuery
from services import messages, rooms
from services.hidden_people import as_read_by


class StreamChat:
    """What was said in the chat of a stream's channel."""

    def on_get(self, req: Request, resp: falcon.Response, streamId: str) -> None:  # noqa: N803 - the route's own name
        wanted = parse_query(req, ListQuery)
        room = rooms.find_room(f"stream:{streamId}", req.context.actor)
        said = messages.history(room, wanted.limit, wanted.cursor)
        page(resp, as_read_by(req.context.actor, said))
