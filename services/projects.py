"""Projects: the roof under which events are organised."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from db.connection import query
from db.models.projects import Project
from services import outside_urls
from services.actors import Actor
from services.errors import NotFound
from services.ids import new_id
from services.organisers import must_organise
from services.pages import Page, cut, decode_cursor

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=140)]
Description = Annotated[str, msgspec.Meta(max_length=5000)]
VideoId = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{6,20}$", max_length=20)]
Picture = Annotated[str, msgspec.Meta(pattern=r"^https?://\S+$", max_length=2000)]


class Stage(StrEnum):
    """Where a project or an event stands; what is a draft, only organisers know of."""

    DRAFT = "DRAFT"
    LIVE = "LIVE"
    ENDED = "ENDED"


class ProjectDraft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A project to be."""

    name: Name
    description: Description = ""
    status: Stage = Stage.DRAFT
    is_on_demand: bool = False
    youtube_video_id: VideoId | None = None
    thumbnail: Picture | None = None


class ProjectPatch(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A change: what is left out stays."""

    name: Name | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    status: Stage | UnsetType = UNSET
    is_on_demand: bool | UnsetType = UNSET
    youtube_video_id: VideoId | UnsetType | None = UNSET
    thumbnail: Picture | UnsetType | None = UNSET


class ProjectView(msgspec.Struct, frozen=True, rename="camel"):
    """A project; `isOnDemand` says that its events can be watched after they ended."""

    id: UUID
    name: str
    description: str
    status: Stage
    is_on_demand: bool
    youtube_video_id: str | None
    thumbnail: str | None
    event_count: int
    created_at: datetime
    updated_at: datetime


_SELECT = """
SELECT p.id, p.name, p.description, p.status, p.is_on_demand, p.youtube_video_id, p.thumbnail,
       (SELECT count(*) FROM events e WHERE e.project_id = p.id AND (e.status <> 'DRAFT' OR %s)),
       p.created_at, p.updated_at
FROM projects p """


def projects(actor: Actor, limit: int, cursor: str | None) -> Page[ProjectView]:
    """All projects, newest first; raises Forbidden."""
    must_organise(actor)
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else UUID(int=2**128 - 1)
    rows = query(_SELECT + "WHERE p.id < %s ORDER BY p.id DESC LIMIT %s", (True, before, limit + 1))
    return cut(rows, limit, _view, lambda row: (row[0],))


def project(actor: Actor, project_id: UUID) -> ProjectView:
    """One project; raises NotFound, also for a draft that is not the actor's to see."""
    sees_drafts = actor.is_admin
    rows = query(_SELECT + "WHERE p.id = %s AND (p.status <> 'DRAFT' OR %s)", (sees_drafts, project_id, sees_drafts))
    if not rows:
        raise NotFound("No such project.")
    return _view(rows[0])


def create_project(actor: Actor, draft: ProjectDraft) -> ProjectView:
    """Make a project; raises Forbidden, Invalid."""
    must_organise(actor)
    project_id = new_id()
    Project.create(id=project_id, **_columns(draft))
    return project(actor, project_id)


def edit_project(actor: Actor, project_id: UUID, patch: ProjectPatch) -> ProjectView:
    """Change a project; raises Forbidden, Invalid, NotFound."""
    must_organise(actor)
    columns = _columns(patch)
    if columns:
        Project.update(**columns).where(Project.id == project_id).execute()
    return project(actor, project_id)


def _columns(given: ProjectDraft | ProjectPatch) -> dict[str, Any]:
    columns = {name: value for name, value in msgspec.structs.asdict(given).items() if value is not UNSET}
    outside_urls.check_picture(columns, "thumbnail")
    return columns


def _view(row: tuple[Any, ...]) -> ProjectView:
    id_, name, description, stage, *rest = row
    return ProjectView(id_, name, description, Stage(stage), *rest)
