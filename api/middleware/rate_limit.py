"""How often one caller may call: by account where signed in, else by address."""

from typing import Any

import falcon

from api.middleware.auth import bearer_token
from api.requests import Request, address
from services import throttle, tokens
from services.errors import RateLimited, Unauthorized

AUTH_PREFIXES = ("/api/auth/", "/auth/")


class RateLimit:
    """Counts in Redis, so that the bound holds over all processes."""

    def __init__(self, *, auth: str, default: str, unlimited: frozenset[str], prefixes: tuple[str, ...]) -> None:
        self._auth, self._default = auth, default
        self._unlimited, self._prefixes = unlimited, prefixes

    def process_request(self, req: Request, _resp: falcon.Response) -> None:
        if req.method == "OPTIONS" or req.path in self._unlimited or req.path.startswith(self._prefixes):
            return
        group, limit = ("auth", self._auth) if req.path.startswith(AUTH_PREFIXES) else ("api", self._default)
        verdict = req.context.limit = throttle.hit(limit, group, _caller(req))
        if not verdict.allowed:
            raise RateLimited("Too many requests; slow down.", retry_after_s=max(1, verdict.reset_s))

    def process_response(self, req: Request, resp: falcon.Response, _resource: Any, _succeeded: bool) -> None:
        verdict = req.context.limit
        if verdict is not None:
            resp.set_header("RateLimit-Limit", str(verdict.limit))
            resp.set_header("RateLimit-Remaining", str(verdict.remaining))
            resp.set_header("RateLimit-Reset", str(verdict.reset_s))


def _caller(req: Request) -> str:
    """The account in a token that we signed (whether its session still lives comes later), or the address."""
    token = bearer_token(req)
    if token:
        try:
            return f"user:{tokens.read_access_token(token).user_id}"
        except Unauthorized:
            pass
    return f"address:{address(req)}"
