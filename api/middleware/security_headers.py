"""Headers that tell browsers to be careful (OWASP Secure Headers)."""

from typing import Any

import falcon

from api.requests import Request

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
UNLESS_SET = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class SecurityHeaders:
    """Adds them to every answer; a resource may loosen the ones in UNLESS_SET."""

    def __init__(self, *, https: bool) -> None:
        self._https = https

    def process_response(self, _req: Request, resp: falcon.Response, _resource: Any, _succeeded: bool) -> None:
        for name, value in ALWAYS.items():
            resp.set_header(name, value)
        for name, value in UNLESS_SET.items():
            if resp.get_header(name) is None:
                resp.set_header(name, value)
        if resp.get_header("Access-Control-Allow-Origin") != "*":
            resp.append_header("Vary", "Origin")  # a cache must not show one origin what another was answered
        if self._https:
            resp.set_header("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
