"""Addresses with control characters in them: there is nothing at any of them, whichever route they would take."""

import falcon

from api.requests import Request, is_printable
from services.errors import NotFound


class PlainPaths:
    """Answers 404 before a route looks for a name that nothing can have; PostgreSQL would not even read it."""

    def process_request(self, req: Request, _resp: falcon.Response) -> None:
        if not is_printable(req.path):
            raise NotFound("There is nothing at this address.")
