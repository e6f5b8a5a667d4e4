"""What streams go by, over HTTP: categories and tags."""

import falcon

from api.replies import cacheable, ok
from api.requests import Request
from services import categories


class Categories:
    """All categories with live counts."""

    def on_get(self, _req: Request, resp: falcon.Response) -> None:
        cacheable(resp, 5)
        ok(resp, categories.categories())


class Tags:
    """All tags."""

    def on_get(self, _req: Request, resp: falcon.Response) -> None:
        cacheable(resp, 60)
        ok(resp, categories.tags())
