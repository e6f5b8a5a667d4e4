"""Organised live events: making them, and finding the one that is meant."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from db.connection import query
from db.models.live_events import LiveEvent
from db.models.projects import Project
from db.transactions import atomic
from services import clock, slugs
from services.actors import Actor
from services.errors import Conflict, Invalid, NotFound
from services.ids import new_id
from services.organisers import must_organise
from services.pages import Page, cut, decode_cursor
from services.projects import Description, Stage
from services.schedules import LATEST, Moment, check_times

Title = Annotated[str, msgspec.Meta(min_length=1, max_length=140)]
Slug = Annotated[str, msgspec.Meta(pattern=f"^{slugs.FORM.pattern}$", min_length=1, max_length=slugs.LONGEST)]


class EventDraft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An event to be; without a slug one is made from the title."""

    project_id: UUID
    title: Title
    description: Description = ""
    slug: Slug | None = None
    status: Stage = Stage.DRAFT
    start_time: Moment
    end_time: Moment


class EventPatch(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A change: what is left out stays."""

    project_id: UUID | UnsetType = UNSET
    title: Title | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    slug: Slug | UnsetType = UNSET
    status: Stage | UnsetType = UNSET
    start_time: Moment | UnsetType = UNSET
    end_time: Moment | UnsetType = UNSET


class EventView(msgspec.Struct, frozen=True, rename="camel"):
    """An event as somebody sees it; `isOnDemand` says that it can be watched after it ended."""

    id: UUID
    project_id: UUID
    title: str
    description: str
    slug: str
    status: Stage
    start_time: datetime
    end_time: datetime
    is_on_demand: bool
    youtube_video_id: str | None
    attendee_count: int
    is_joined: bool
    created_at: datetime
    updated_at: datetime


_SELECT = """
SELECT e.id, e.project_id, e.title, e.description, e.slug, e.status, e.start_time, e.end_time,
       p.is_on_demand, p.youtube_video_id,
       count_attendees(e.id),
       EXISTS (SELECT FROM event_users a WHERE a.event_id = e.id AND a.user_id = %(user)s AND a.left_at IS NULL),
       e.created_at, e.updated_at
FROM events e JOIN projects p ON p.id = e.project_id """
_VISIBLE = "(e.status <> 'DRAFT' OR %(sees_drafts)s)"
_NEWEST = """ AND (e.start_time, e.id) < (%(before)s, %(before_id)s)
ORDER BY e.start_time DESC, e.id DESC LIMIT %(limit)s"""


def events(actor: Actor, status: Stage | None, limit: int, cursor: str | None) -> Page[EventView]:
    """Events, latest start first; drafts for organisers only."""
    before, before_id = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else (LATEST, UUID(int=2**128 - 1))
    condition = "e.status = %(status)s AND " if status else ""
    rows = query(
        f"{_SELECT} WHERE {condition}{_VISIBLE}{_NEWEST}",
        {**_eyes(actor), "status": status, "before": before, "before_id": before_id, "limit": limit + 1},
    )
    return cut(rows, limit, _view, lambda row: (row[6], row[0]))


def live_event(actor: Actor) -> EventView | None:
    """The event that went live last, if one is live."""
    rows = query(f"{_SELECT} WHERE e.status = 'LIVE' ORDER BY e.live_at DESC LIMIT 1", _eyes(actor))
    return _view(rows[0]) if rows else None


def event(actor: Actor, key: str) -> EventView:
    """One event by id or slug; raises NotFound, also for a draft that is not the actor's to see."""
    column, value = _key(key)
    rows = query(f"{_SELECT} WHERE e.{column} = %(key)s AND {_VISIBLE}", {**_eyes(actor), "key": value})
    if not rows:
        raise NotFound("No such event.")
    return _view(rows[0])


def visible_event(actor: Actor, key: str | UUID) -> LiveEvent:
    """The row of an event that the actor may know of, by id or slug; raises NotFound."""
    column, value = _key(str(key))
    row = LiveEvent.get_or_none(getattr(LiveEvent, column) == value)
    if row is None or (row.status == Stage.DRAFT.value and not actor.is_admin):
        raise NotFound("No such event.")
    return row


def create_event(actor: Actor, draft: EventDraft) -> EventView:
    """Make an event; raises Forbidden, Invalid, Conflict where the wanted slug is taken."""
    must_organise(actor)
    check_times(draft.start_time, draft.end_time)
    check_project(draft.project_id)
    event_id = new_id()
    columns = msgspec.structs.asdict(draft) | stage_columns(draft.status)
    with atomic():
        _insert(event_id, columns, wanted_slug(draft.slug) if draft.slug else None)
    return event(actor, str(event_id))


def stage_columns(stage: Stage) -> dict[str, Any]:
    """What the database notes when an event comes to a stage."""
    at = clock.now()
    if stage is Stage.LIVE:
        return {"status": stage.value, "live_at": at, "ended_at": None}
    return {"status": stage.value, "ended_at": at if stage is Stage.ENDED else None}


def wanted_slug(slug: str) -> str:
    """A slug that somebody chose; raises Invalid for one that an address could not be told from."""
    if not slugs.is_free_form(slug):
        raise Invalid.field("slug", "cannot be used", "bad_slug")
    return slug


def check_project(project_id: UUID) -> None:
    """See that there is such a project; raises Invalid."""
    if not Project.select(Project.id).where(Project.id == project_id).exists():
        raise Invalid.field("projectId", "names no project", "project_not_found")


def slug_taken() -> Conflict:
    return Conflict("Another event has this slug.", "slug_taken")


_INSERT = """
INSERT INTO events (id, project_id, title, description, slug, status, start_time, end_time, live_at, ended_at)
VALUES (%(id)s, %(project_id)s, %(title)s, %(description)s, %(slug)s, %(status)s, %(start_time)s, %(end_time)s,
        %(live_at)s, %(ended_at)s)
ON CONFLICT ON CONSTRAINT events_slug_key DO NOTHING RETURNING id"""


def _insert(event_id: UUID, columns: dict[str, Any], chosen: str | None) -> None:
    """Store the event under the chosen slug, or under the first one free that its title gives."""
    row = {"live_at": None, **columns, "id": event_id, "status": str(columns["status"])}
    for slug in [chosen] if chosen else slugs.alternatives(*_title_slug(columns["title"])):
        if query(_INSERT, {**row, "slug": slug}):
            return
    raise slug_taken()


def _title_slug(title: str) -> tuple[str, set[str]]:
    slug = slugs.slug_of(title, "event")
    taken = query("SELECT slug FROM events WHERE slug = %s OR slug ~ %s", (slug, f"^{slug}-[0-9]+$"))
    return slug, {row[0] for row in taken}


def _key(key: str) -> tuple[str, str | UUID]:
    try:
        return "id", UUID(key)
    except ValueError as error:
        if not slugs.FORM.fullmatch(key):
            raise NotFound("No such event.") from error
        return "slug", key


def _eyes(actor: Actor) -> dict[str, Any]:
    return {"user": actor.user_id, "sees_drafts": actor.is_admin}


def _view(row: tuple[Any, ...]) -> EventView:
    id_, project_id, title, description, slug, stage, *rest = row
    return EventView(id_, project_id, title, description, slug, Stage(stage), *rest)
