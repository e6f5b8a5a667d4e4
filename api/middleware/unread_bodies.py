"""The rest of a body that was refused halfway: read and dropped, so that the connection stays usable."""

from typing import Any

import falcon

from api.requests import Request

PIECE_BYTES = 1 << 16
#: What is left past this is not worth waiting for: the server then closes the connection.
MOST_BYTES = 16 << 20


class UnreadBodies:
    """A server that finds a long unread body closes the connection, under the feet of the next request."""

    def process_response(self, req: Request, _resp: falcon.Response, _resource: Any, _succeeded: bool) -> None:
        chunked = "chunked" in (req.get_header("Transfer-Encoding") or "").lower()
        if not chunked and not 0 < (req.content_length or 0) <= MOST_BYTES:
            return
        stream, dropped = req.stream if chunked else req.bounded_stream, 0
        while dropped < MOST_BYTES and (piece := stream.read(PIECE_BYTES)):
            dropped += len(piece)
