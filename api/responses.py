"""What answers begin with: headers that tell browsers to be careful (OWASP Secure Headers)."""

from typing import Any

import falcon

CAREFUL = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cross-origin-opener-policy": "same-origin",
    # A resource may loosen these, by setting its own.
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
OVER_HTTPS = {"strict-transport-security": "max-age=31536000; includeSubDomains"}


class Response(falcon.Response):
    """A response that is careful from its beginning."""

    careful = CAREFUL

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self._headers.update(self.careful)  # one copy instead of a call for each, at every answer


class SecureResponse(Response):
    """The same, of an API that is only reached over HTTPS."""

    careful = {**CAREFUL, **OVER_HTTPS}
