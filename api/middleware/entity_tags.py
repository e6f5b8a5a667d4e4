"""`ETag` and `If-None-Match`: who has a public answer already is not sent it again (RFC 9110, section 13.1.2)."""

from typing import Any

import falcon

from api.replies import etag, knows
from api.requests import Request


class EntityTags:
    """Tags every public answer to a GET, and answers 304 where the caller's copy is the same."""

    def process_response(self, req: Request, resp: falcon.Response, _resource: Any, succeeded: bool) -> None:
        if not (succeeded and req.method == "GET" and resp.status_code == 200 and resp.data):
            return
        if not (resp.get_header("Cache-Control") or "").startswith("public"):
            return
        tag = resp.get_header("ETag") or etag(resp.data)
        resp.set_header("ETag", tag)
        if knows(req.get_header("If-None-Match"), tag):
            resp.status, resp.data = 304, None
            resp.delete_header("Content-Type")
