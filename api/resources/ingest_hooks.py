"""The hooks of other media servers over HTTP, each in the form that its server sends and wants answered."""

from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import parse_qsl

import falcon
import msgspec

from api.replies import JSON, ok
from api.requests import Request, printable, raw_body, shaped
from api.schemas.hooks import MediaMtxCall, SrsCall
from services import media_hooks
from services.bus import bus
from services.errors import Forbidden, Invalid, NotFound
from services.media_hooks import Publishing

MOST_BYTES = 64 << 10
MOST_FIELDS = 100
S = TypeVar("S", bound=msgspec.Struct)

#: SRS looks for this, whatever the status says.
_SRS_YES = b'{"code":0}'


class NginxRtmp:
    """nginx-rtmp: a form; 2xx lets in, 3xx renames, anything else refuses."""

    def on_post(self, req: Request, resp: falcon.Response, event: str) -> None:
        form = _form(req)
        publishing = _nginx_publishing(form)
        match event.removeprefix("on_"):
            case "publish":
                self._publish(resp, publishing, form)
            case "update" | "update_publish":
                media_hooks.update(publishing)
            case "publish_done" | "done" | "unpublish":
                media_hooks.end(publishing)
            case "play" | "play_done" | "connect" | "disconnect" | "update_play" | "record_done":
                pass
            case _:
                raise NotFound("No such hook.")
        if resp.data is None:
            ok(resp, {"allowed": True})

    def _publish(self, resp: falcon.Response, publishing: Publishing, form: Mapping[str, str]) -> None:
        stream = media_hooks.admit_and_begin(publishing, form.get("key") or publishing.name)
        ok(resp, {"allowed": True, "streamId": stream.id})
        if bus.settings.hook_hls_url:
            media_hooks.rename(publishing, str(stream.id))
            resp.status = falcon.HTTP_302
            resp.set_header("Location", str(stream.id))


class MediaMtx:
    """MediaMTX: JSON; 20x lets in. Its commands tell when a path becomes available and no longer is."""

    def on_post(self, req: Request, resp: falcon.Response, event: str) -> None:
        call = _json(req, MediaMtxCall)
        publishing = _mediamtx_publishing(call)
        match event.replace("_", "-"):
            case "auth":
                self._authenticate(call, publishing)
            case "available" | "ready":
                media_hooks.begin(publishing)
            case "update":
                media_hooks.update(publishing)
            case "unavailable" | "not-ready":
                media_hooks.end(publishing)
            case _:
                raise NotFound("No such hook.")
        ok(resp, {"allowed": True})

    def _authenticate(self, call: MediaMtxCall, publishing: Publishing) -> None:
        arguments = dict(parse_qsl(call.query or "", max_num_fields=MOST_FIELDS))
        token = call.token or arguments.get("token") or call.password or ""
        if call.action == "publish":
            media_hooks.admit(publishing, arguments.get("key") or token or _last_part(call.path))
        elif call.action not in ("read", "playback") or not media_hooks.may_read(publishing, token):
            raise Forbidden("That is not allowed here.", "not_allowed")


class Srs:
    """SRS: JSON; 200 with code 0 lets in."""

    def on_post(self, req: Request, resp: falcon.Response, event: str) -> None:
        call = _json(req, SrsCall)
        publishing = _srs_publishing(call)
        match event.removeprefix("on_"):
            case "publish":
                arguments = dict(parse_qsl(call.param.lstrip("?"), max_num_fields=MOST_FIELDS))
                media_hooks.admit_and_begin(publishing, arguments.get("key") or call.stream)
            case "hls" | "update" | "heartbeat":
                media_hooks.update(publishing)
            case "unpublish":
                media_hooks.end(publishing)
            case "connect" | "close" | "play" | "stop" | "dvr":
                pass
            case _:
                raise NotFound("No such hook.")
        resp.content_type, resp.data = JSON, _SRS_YES


def _nginx_publishing(form: Mapping[str, str]) -> Publishing:
    name, client = form.get("name", ""), form.get("clientid", "")
    for field, value in (("name", name), ("clientid", client)):
        if not 0 < len(value) <= 500:
            raise Invalid.field(field, "is required, and at most 500 characters long")
    address = printable(form.get("addr", ""))[:64]
    # One process counts its clients from 1: where several servers call, `?server=` tells them apart.
    handle = f"{form.get('server', '')[:100]}:{client}"
    return Publishing(server="nginx-rtmp", handle=handle, client=handle, name=name[:200], remote_address=address)


def _mediamtx_publishing(call: MediaMtxCall) -> Publishing:
    return Publishing(
        server="mediamtx",
        handle=call.path,
        client=call.id or call.path,
        name=call.path[:200],
        remote_address=printable(call.ip or "")[:64],
    )


def _srs_publishing(call: SrsCall) -> Publishing:
    handle = f"{call.server_id}:{call.client_id}"[:300]
    return Publishing(
        server="srs", handle=handle, client=handle, name=call.stream[:200], remote_address=printable(call.ip)[:64]
    )


def _last_part(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _form(req: Request) -> dict[str, str]:
    """The fields of a form; of one given twice the first, which the server wrote before the encoder's own."""
    try:
        fields = parse_qsl(raw_body(req, MOST_BYTES).decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except (UnicodeDecodeError, ValueError) as error:
        raise Invalid("The body is not a form.", "malformed_form") from error
    found: dict[str, str] = {}
    for name, value in [*fields, ("server", req.get_param("server") or "")]:
        found.setdefault(name, value)
    return found


def _json(req: Request, shape: type[S]) -> S:
    """The JSON body, whatever its media type: not every server says one."""
    decode: Callable[[bytes], object] = msgspec.json.decode
    try:
        content = decode(raw_body(req, MOST_BYTES))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("The body is not JSON.", "malformed_json") from error
    return shaped(content, shape)
