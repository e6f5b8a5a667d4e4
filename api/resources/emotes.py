"""Emotes over HTTP."""

import falcon

from api.replies import cacheable, created, ok
from api.requests import Request, actor
from api.schemas.social import Deleted
from api.uploads import FileField, received
from services import emotes
from services.emotes import EmoteDraft
from services.ids import known_id

PICTURE = FileField(names=("image", "file"), most_bytes=emotes.MOST_BYTES)


class StreamerEmotes:
    """The emotes of a streamer."""

    def on_get(self, _req: Request, resp: falcon.Response, **path: str) -> None:
        cacheable(resp, 10)
        ok(resp, emotes.emotes_of(known_id(path["streamerId"], "streamer")))


class Emotes:
    """A new emote of mine."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        with received(req, PICTURE, EmoteDraft) as form:
            emote = emotes.add_emote(actor(req), form.body, form.files[0])
        created(resp, emote, f"/api/emotes/{emote.streamer_id}")


class Emote:
    """One emote of mine."""

    def on_delete(self, req: Request, resp: falcon.Response, **path: str) -> None:
        emotes.remove_emote(actor(req), known_id(path["id"], "emote"))
        ok(resp, Deleted())
