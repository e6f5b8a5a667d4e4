"""How often one caller may call: by account where signed in, else by address."""

from time import monotonic
from typing import Any

import falcon

from api.middleware.auth import bearer_token
from api.requests import Request, address
from services import throttle, tokens
from services.errors import RateLimited, Unauthorized
from services.throttle import Counting

AUTH_PREFIXES = ("/api/auth/", "/auth/")
#: So long whoever was refused is refused again without a question to anybody.
REFUSED_FOR_S = 1.0
MOST_REMEMBERED = 10_000


class RateLimit:
    """Counts in Redis, so that the bound holds over all processes.

    Of whoever brings a token of ours Redis counts while the database looks at the token's session: `Decision`
    hears the verdict after that, before anything else is done. All others wait for it here.
    """

    def __init__(self, *, auth: str, default: str, unlimited: frozenset[str], prefixes: tuple[str, ...]) -> None:
        self._auth, self._default = auth, default
        self._unlimited, self._prefixes = unlimited, prefixes
        self._refused: dict[tuple[str, str], tuple[float, Counting]] = {}

    def process_request(self, req: Request, _resp: falcon.Response) -> None:
        if req.method == "OPTIONS" or req.path in self._unlimited or req.path.startswith(self._prefixes):
            return
        group, limit = ("auth", self._auth) if req.path.startswith(AUTH_PREFIXES) else ("api", self._default)
        account = _account(req)
        caller = group, account or f"address:{address(req)}"
        counting = self._refused_lately(caller) or throttle.begin_hit(limit, *caller)
        req.context.counting, req.context.caller = counting, caller
        if account is None or counting.is_decided:
            self.decide(req)

    def process_response(self, req: Request, resp: falcon.Response, _resource: Any, _succeeded: bool) -> None:
        counting = req.context.counting
        if counting is None:
            return
        verdict = counting.verdict()
        resp.set_header("RateLimit-Limit", str(verdict.limit))
        resp.set_header("RateLimit-Remaining", str(verdict.remaining))
        resp.set_header("RateLimit-Reset", str(verdict.reset_s))
        if not verdict.allowed and resp.status_code != 429:  # it ended before a decision, as where there is no route
            self.decide(req)

    def decide(self, req: Request) -> None:
        """Wait for the verdict, where there is to be one; raises RateLimited."""
        counting = req.context.counting
        if counting is None or counting.verdict().allowed:
            return
        self._remember(req.context.caller, counting)
        raise RateLimited("Too many requests; slow down.", retry_after_s=max(1, counting.verdict().reset_s))

    def _refused_lately(self, caller: tuple[str, str]) -> Counting | None:
        until, counting = self._refused.get(caller, (0.0, None))
        return counting if monotonic() < until else None

    def _remember(self, caller: tuple[str, str], counting: Counting) -> None:
        if self._refused_lately(caller) is None:
            if len(self._refused) >= MOST_REMEMBERED:
                self._refused.clear()
            self._refused[caller] = monotonic() + REFUSED_FOR_S, counting


class Decision:
    """Stands behind Auth: nothing is done for whom there is no room, but for finding out that they are who they say."""

    def __init__(self, rate_limit: RateLimit) -> None:
        self._rate_limit = rate_limit

    def process_resource(self, req: Request, _resp: falcon.Response, _resource: Any, _params: Any) -> None:
        self._rate_limit.decide(req)


def _account(req: Request) -> str | None:
    """The account in a token that we signed; whether its session still lives is found out later."""
    token = bearer_token(req)
    if token:
        try:
            return f"user:{tokens.read_access_token(token).user_id}"
        except Unauthorized:
            pass
    return None
