"""Media over HTTP where no nginx does it: files streamed from disk, whole or in ranges."""

import re
from typing import IO, Any

import falcon

from api.replies import knows
from api.requests import App, Request
from services import media_files
from services.media_files import Elsewhere, MediaFile
from settings import Settings

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def add_routes(app: App, _settings: Settings) -> None:
    """Add the folders of live and of kept media."""
    app.add_route("/hls/{path:path}", LiveFile())
    app.add_route("/media/{path:path}", StoredFile())


class LiveFile:
    """Playlists and segments of live streams."""

    def on_get(self, req: Request, resp: falcon.Response, path: Any) -> None:
        _open_to_players(resp)
        _send(req, resp, media_files.live_file(str(path)))

    on_head = on_get


class StoredFile:
    """Recordings, clips, thumbnails and other files that are kept."""

    def on_get(self, req: Request, resp: falcon.Response, path: Any) -> None:
        _open_to_players(resp)
        found = media_files.stored_file(str(path))
        if isinstance(found, Elsewhere):
            resp.set_header("Cache-Control", f"private, max-age={found.lasts_s // 2}")
            raise falcon.HTTPFound(found.url, headers=dict(resp.headers))
        _send(req, resp, found)

    on_head = on_get


class Portion:
    """The next `length` bytes of a file; keeps the descriptor in view, so that a server may use sendfile."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file, self._left = file, length

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        self._left -= len(data)
        return data

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()


def _send(req: Request, resp: falcon.Response, found: MediaFile) -> None:
    _describe(resp, found)
    if knows(req.get_header("If-None-Match"), found.etag):
        resp.status = falcon.HTTP_304
        found.file.close()
        return
    resp.content_type = found.content_type
    portion = _asked_for(req, found)
    if portion is None:
        resp.status = falcon.HTTP_416
        resp.set_header("Content-Range", f"bytes */{found.size}")
        found.file.close()
        return
    if portion != range(found.size):
        resp.status = falcon.HTTP_206
        resp.set_header("Content-Range", f"bytes {portion.start}-{portion.stop - 1}/{found.size}")
    _body(req, resp, found, portion)


def _describe(resp: falcon.Response, found: MediaFile) -> None:
    forever = ", immutable" if found.is_immutable else ""
    who = "private" if found.is_private else "public"
    resp.set_header("Cache-Control", f"{who}, max-age={found.max_age_s}{forever}")
    resp.set_header("ETag", found.etag)
    resp.set_header("Accept-Ranges", "bytes")
    resp.set_header("Cross-Origin-Resource-Policy", "cross-origin")


def _open_to_players(resp: falcon.Response) -> None:
    """Let a page of any origin play, and read why it may not."""
    resp.set_header("Access-Control-Allow-Origin", "*")
    resp.set_header("Access-Control-Expose-Headers", "Content-Length, Content-Range, ETag")


def _body(req: Request, resp: falcon.Response, found: MediaFile, portion: range) -> None:
    if req.method == "HEAD":
        found.file.close()
        resp.content_length = len(portion)
        return
    found.file.seek(portion.start)
    resp.set_stream(Portion(found.file, len(portion)), len(portion))


def _asked_for(req: Request, found: MediaFile) -> range | None:
    """Which bytes to send (RFC 9110, section 14): all for a Range that is not understood, None past the end."""
    asked = _RANGE.fullmatch((req.get_header("Range") or "").strip())
    if asked is None or asked[0] == "bytes=-" or req.get_header("If-Range") not in (None, found.etag):
        return range(found.size)
    if not asked[1]:
        portion = range(max(0, found.size - int(asked[2])), found.size)
    else:
        last = min(int(asked[2]), found.size - 1) if asked[2] else found.size - 1
        portion = range(int(asked[1]), last + 1)
    return portion if len(portion) else None
