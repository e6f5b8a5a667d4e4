"""Whom a cache may show an answer to: not one origin what another was answered."""

from typing import Any

import falcon

from api.requests import Request


class Varying:
    """Says `Vary: Origin` wherever an answer is not the same for every origin (RFC 9110, section 12.5.5)."""

    def process_response(self, _req: Request, resp: falcon.Response, _resource: Any, _succeeded: bool) -> None:
        if resp.get_header("Access-Control-Allow-Origin") != "*":
            resp.append_header("Vary", "Origin")
