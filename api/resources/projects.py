"""Projects over HTTP."""

import falcon

from api.replies import created, ok, page
from api.requests import Request, actor, parse, parse_query
from api.schemas.lists import ListQuery
from api.schemas.live_events import Deleted
from services import event_changes, projects
from services.ids import known_id
from services.projects import ProjectDraft, ProjectPatch


class Projects:
    """All projects, and new ones."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, projects.projects(actor(req), wanted.limit, wanted.cursor))

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        project = projects.create_project(actor(req), parse(req, ProjectDraft))
        created(resp, project, f"/api/projects/{project.id}")


class Project:
    """One project."""

    def on_get(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, projects.project(actor(req), known_id(id, "project")))

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, projects.edit_project(actor(req), known_id(id, "project"), parse(req, ProjectPatch)))

    def on_delete(self, req: Request, resp: falcon.Response, id: str) -> None:
        event_changes.delete_project(actor(req), known_id(id, "project"))
        ok(resp, Deleted(id))
