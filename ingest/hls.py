"""Low-latency HLS straight from the packager's memory; closed segments that left it come from the disk.

Source: draft-pantos-hls-rfc8216bis, 6.2.5.2 (blocking playlist reload).
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from ingest.http import Reply, Request
from ingest.lifecycle import Lifecycle
from ingest.neighbours import Neighbours
from ingest.packager import Packager
from ingest.playlists import LOW_LATENCY_FILE, MEDIA_TYPE, init_file_name
from ingest.renditions import Rendition

LONGEST_WAIT_S: Final = 10.0
SEGMENT_TYPE: Final = "video/mp4"
#: A player may wait for a segment at most this far ahead (rfc8216bis: refuse what is far in the future).
MAX_SEGMENTS_AHEAD: Final = 2

_RENDITION = re.compile(r"(?P<rendition>[a-z0-9]+)/(?P<name>[a-z0-9.-]+)")
_PART = re.compile(r"(\d{1,9})\.(\d{1,9})\.m4s")
_SEGMENT = re.compile(r"(\d{1,9})\.m4s")
_ANYWHERE = {"Access-Control-Allow-Origin": "*"}
_LASTING = {**_ANYWHERE, "Cache-Control": "public, max-age=31536000, immutable"}
_FLEETING = {**_ANYWHERE, "Cache-Control": "no-store"}

#: Whether a stream's files may be had with a token, or without one; it must not wait for a database.
MayFetch = Callable[[UUID, str | None], bool]

NOT_FOUND: Final = Reply(404, b"There is no such file.\n", headers=_FLEETING)


class HlsPages:
    """Playlists, parts and segments of the streams that are on air, here or at a neighbour."""

    def __init__(self, lifecycle: Lifecycle, may_fetch: MayFetch, neighbours: Neighbours) -> None:
        self._lifecycle = lifecycle
        self._may_fetch = may_fetch
        self._neighbours = neighbours

    async def answer(self, stream_id: UUID, file: str, request: Request, token: str | None = None) -> Reply:
        """Answer a request for a file below a stream's folder; `token` came before it in the path.

        What another relay passed on is answered from here alone.
        """
        broadcast = self._lifecycle.find_packaged(stream_id)
        is_here = broadcast is not None and broadcast.packager is not None
        if not is_here and request.is_passed_on:
            return NOT_FOUND
        if not self._may_fetch(stream_id, token):
            return Reply(403, b"The token does not open this stream.\n", headers=_FLEETING)
        if broadcast is None or broadcast.packager is None:
            return await self._neighbours.ask(stream_id, request.target) or NOT_FOUND
        if file == LOW_LATENCY_FILE:
            master = await broadcast.packager.low_latency_master_playlist()
            return _playlist(master) if master is not None else NOT_FOUND
        found = _RENDITION.fullmatch(file)
        rendition = broadcast.packager.rendition(found["rendition"]) if found else None
        if found is None or rendition is None:
            return NOT_FOUND
        return await _RenditionPages(broadcast.packager, rendition).answer(found["name"], request.query)


class _RenditionPages:
    """The files of one rendition."""

    def __init__(self, packager: Packager, rendition: Rendition) -> None:
        self._packager = packager
        self._rendition = rendition

    async def answer(self, name: str, query: Mapping[str, str]) -> Reply:
        if name == LOW_LATENCY_FILE:
            return await self._low_latency_playlist(query)
        if found := _PART.fullmatch(name):
            return await self._part(int(found[1]), int(found[2]) - self._rendition.first_part)
        if found := _SEGMENT.fullmatch(name):
            return await self._segment(int(found[1]))
        if name == init_file_name(self._rendition.init_number):
            return Reply(200, self._rendition.init_data, SEGMENT_TYPE, _LASTING)
        return await self._from_disk(name) if name.startswith("init-") else NOT_FOUND

    async def _low_latency_playlist(self, query: Mapping[str, str]) -> Reply:
        if self._packager.is_withdrawn(self._rendition.name):
            return NOT_FOUND
        number, part = _position(query)
        if number is not None:
            if number > self._rendition.next_number + MAX_SEGMENTS_AHEAD:
                return Reply(400, b"That segment is too far in the future.\n", headers=_FLEETING)
            if not await self._packager.reached(self._rendition.name, number, part, LONGEST_WAIT_S):
                return Reply(503, b"The encoder sends nothing now.\n", headers=_FLEETING)
        if not self._rendition.closed and not self._rendition.parts:
            return NOT_FOUND
        return _playlist(self._packager.low_latency_playlist(self._rendition.name))

    async def _part(self, number: int, index: int) -> Reply:
        """Answer with a part; wait for the one that the playlist hints at."""
        rendition = self._rendition
        if (number, index) == (rendition.next_number, len(rendition.parts)):
            await self._packager.reached(rendition.name, number, index, LONGEST_WAIT_S)
        if number == rendition.next_number:
            parts = tuple(rendition.parts)
        else:
            parts = next((segment.parts for segment in rendition.closed if segment.number == number), ())
        if not 0 <= index < len(parts):
            return NOT_FOUND
        return Reply(200, parts[index].data, SEGMENT_TYPE, _LASTING)

    async def _segment(self, number: int) -> Reply:
        parts = next((segment.parts for segment in self._rendition.closed if segment.number == number), ())
        if parts:
            return Reply(200, b"".join(part.data for part in parts), SEGMENT_TYPE, _LASTING)
        return await self._from_disk(f"{number}.m4s")

    async def _from_disk(self, name: str) -> Reply:
        path = self._packager.folder / self._rendition.name / name
        try:
            data = await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            return NOT_FOUND
        return Reply(200, data, SEGMENT_TYPE, _LASTING)


def _playlist(text: str) -> Reply:
    return Reply(200, text.encode(), MEDIA_TYPE, _FLEETING)


def _position(query: Mapping[str, str]) -> tuple[int | None, int | None]:
    """Return the segment and part that a player wants to wait for."""
    number, part = query.get("_HLS_msn", ""), query.get("_HLS_part", "")
    if not re.fullmatch(r"\d{1,9}", number):
        return None, None
    return int(number), int(part) if re.fullmatch(r"\d{1,4}", part) else None
