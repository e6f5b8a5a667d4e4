"""What streams go by, over HTTP: categories and tags."""

import falcon

from api.replies import cacheable, created, ok
from api.requests import Request, parse
from services import categories
from services.categories import CategoryDraft, CategoryPatch
from services.ids import known_id


class Categories:
    """All categories with live counts."""

    def on_get(self, _req: Request, resp: falcon.Response) -> None:
        cacheable(resp, 5)
        ok(resp, categories.categories())

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        category = categories.create_category(parse(req, CategoryDraft))
        created(resp, category, "/api/categories")


class Category:
    """One category."""

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, categories.edit_category(known_id(id, "category"), parse(req, CategoryPatch)))


class Tags:
    """All tags."""

    def on_get(self, _req: Request, resp: falcon.Response) -> None:
        cacheable(resp, 60)
        ok(resp, categories.tags())
