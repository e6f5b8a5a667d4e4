"""Clips over HTTP."""

import falcon

from api.replies import accepted, ok, page
from api.requests import Request, actor, parse, parse_query
from api.schemas.lists import ListQuery
from services import clips
from services.clips import ClipDraft
from services.ids import known_id


class StreamClips:
    """Clips of a stream."""

    def on_get(self, req: Request, resp: falcon.Response, id: str) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, clips.clips_of_stream(req.context.actor, known_id(id, "stream"), wanted.limit, wanted.cursor))

    def on_post(self, req: Request, resp: falcon.Response, id: str) -> None:
        made = clips.create_clip(actor(req), known_id(id, "stream"), parse(req, ClipDraft))
        resp.set_header("Location", made.follow)
        accepted(resp, made, "The clip is being made; it can be followed at its address.")


class StreamClip:
    """One clip."""

    def on_get(self, req: Request, resp: falcon.Response, id: str, clip_id: str) -> None:
        ok(resp, clips.clip(req.context.actor, known_id(id, "stream"), known_id(clip_id, "clip")))
