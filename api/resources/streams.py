"""Streams over HTTP: lists, one stream, and what its streamer sets."""

import falcon

from api.kept_answers import KeptAnswers
from api.replies import cacheable, created, etag, ok, page, page_body, ready
from api.requests import Request, actor, parse, parse_query
from api.schemas.lists import ListQuery, LiveQuery
from api.uploads import FileField, is_form, received
from services import rooms, stream_metadata, stream_pictures, stream_status, streams
from services.bus import bus
from services.channels import own_channel
from services.ids import known_id
from services.pages import Page
from services.stream_metadata import StreamDraft, StreamPatch

PICTURE = FileField(
    names=(stream_pictures.FIELD,), most_bytes=stream_pictures.MOST_BYTES, required=False, may_be_text=True
)


class LiveStreams:
    """Streams on air, and new ones."""

    def __init__(self) -> None:
        self._kept = KeptAnswers()

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, LiveQuery)
        cacheable(resp, 1)
        if wanted.cursor is not None or wanted.q is not None or not bus.settings.list_kept_ms:
            page(resp, _live(wanted))  # hardly asked twice in a moment
            return
        answer = self._kept.of(wanted, bus.settings.list_kept_ms / 1000, lambda: _live_body(wanted))
        ready(resp, answer.body, answer.tag)

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        """Take JSON, or a form with a picture."""
        if is_form(req):
            with received(req, PICTURE, StreamDraft) as form:
                stream = stream_metadata.create_stream(actor(req), form.body, next(iter(form.files), None))
        else:
            stream = stream_metadata.create_stream(actor(req), parse(req, StreamDraft))
        created(resp, stream, f"/api/streams/{stream.id}")


def _live(wanted: LiveQuery) -> Page[streams.StreamView]:
    shown = streams.Filter(
        category=wanted.category, tag=wanted.tag, language=wanted.language, q=wanted.q, sort=wanted.sort
    )
    return streams.live_streams(shown, wanted.limit, wanted.cursor)


def _live_body(wanted: LiveQuery) -> tuple[bytes, str]:
    body = page_body(_live(wanted))
    return body, etag(body)


class Stream:
    """One stream."""

    def on_get(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, streams.stream(known_id(id, "stream"), req.context.actor))

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, stream_metadata.edit_stream(actor(req), known_id(id, "stream"), parse(req, StreamPatch)))

    def on_delete(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, stream_metadata.end_stream(actor(req), known_id(id, "stream")))


class MyStream:
    """My current stream's metadata."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, stream_metadata.current_stream(actor(req)))

    def on_put(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, stream_metadata.replace_current(actor(req), parse(req, StreamDraft)))


class PastStreams:
    """My ended streams."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, streams.past_streams(actor(req), wanted.limit, wanted.cursor))


class StreamOfStreamer:
    """A streamer's current or last stream."""

    def on_get(self, req: Request, resp: falcon.Response, username: str) -> None:
        ok(resp, streams.stream_of_streamer(username, req.context.actor))


class StreamDetails:
    """The same by nickname, for anybody."""

    def on_get(self, _req: Request, resp: falcon.Response, nickname: str) -> None:
        ok(resp, streams.stream_of_streamer(nickname))


class StreamStatus:
    """How my broadcast is doing."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        ok(resp, stream_status.stream_status(actor(req)))


class ChatSettings:
    """The settings of my channel's chat."""

    def on_put(self, req: Request, resp: falcon.Response) -> None:
        caller = actor(req)
        patch = parse(req, rooms.ChatSettingsPatch)
        ok(resp, rooms.change_settings(caller, own_channel(caller).room_id, patch))
