"""An event on its way: edited, gone live, ended, deleted, and everyone concerned told."""

from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET

from db.connection import query
from db.models.live_events import LiveEvent
from db.models.projects import Project
from db.transactions import atomic
from services import event_streams, live_events, polls, rooms
from services.actors import Actor
from services.broadcast_audience import event_topics
from services.errors import NotFound
from services.events import EventStatusChanged, publish
from services.live_events import EventPatch, EventView, check_project, slug_taken, stage_columns, wanted_slug
from services.organisers import must_organise
from services.projects import Stage
from services.refusals import translating
from services.schedules import check_times
from services.topics import EVENTS


def edit_event(actor: Actor, key: str, patch: EventPatch) -> EventView:
    """Change an event; a change of its status is told to everyone. Raises Forbidden, NotFound, Invalid, Conflict.

    Ending an event closes its polls and ends what it shows; whoever is in the rooms of one that becomes a draft leaves.
    """
    must_organise(actor)
    with translating({"events_slug_key": slug_taken}), atomic():
        row = _locked(live_events.visible_event(actor, key).id)
        columns = _columns(patch)
        check_times(columns.get("start_time", row.start_time), columns.get("end_time", row.end_time))
        if columns:
            LiveEvent.update(**columns).where(LiveEvent.id == row.id).execute()
        if isinstance(patch.status, Stage) and patch.status.value != row.status:
            _move(row.id, patch.status)
            if Stage.DRAFT in (patch.status, Stage(row.status)):
                rooms.tell_of_access(_room_ids(row.id))
    return live_events.event(actor, str(row.id))


def delete_event(actor: Actor, key: str) -> None:
    """Remove an event and all that belongs to it; raises Forbidden, NotFound."""
    must_organise(actor)
    with atomic():
        _remove(_locked(live_events.visible_event(actor, key).id))


def delete_project(actor: Actor, project_id: UUID) -> None:
    """Remove a project and its events; raises Forbidden, NotFound."""
    must_organise(actor)
    with atomic():
        if Project.select(Project.id).where(Project.id == project_id).for_update().first() is None:
            raise NotFound("No such project.")
        for row in LiveEvent.select().where(LiveEvent.project == project_id).order_by(LiveEvent.id).for_update():
            _remove(row)
        Project.delete().where(Project.id == project_id).execute()


def _columns(patch: EventPatch) -> dict[str, Any]:
    columns = {name: value for name, value in msgspec.structs.asdict(patch).items() if value is not UNSET}
    columns.pop("status", None)
    if "project_id" in columns:
        check_project(columns["project_id"])
        columns["project"] = columns.pop("project_id")
    if "slug" in columns:
        columns["slug"] = wanted_slug(columns["slug"])
    return columns


def _move(event_id: UUID, stage: Stage) -> None:
    """Bring an event to another stage, and tell its rooms and all who asked to be told of things."""
    LiveEvent.update(**stage_columns(stage)).where(LiveEvent.id == event_id).execute()
    if stage is Stage.ENDED:
        polls.close_polls(event_id)
        event_streams.end_streams(event_id)
    row = LiveEvent.get_by_id(event_id)
    event = EventStatusChanged(event_id=event_id, slug=row.slug, title=row.title, status=stage.value)
    # What became a draft is no longer to be known of outside its rooms.
    topics = event_topics(event_id) if stage is Stage.DRAFT else [EVENTS, *event_topics(event_id)]
    publish(event, *topics)


def _remove(row: LiveEvent) -> None:
    if row.status == Stage.LIVE.value:
        _move(row.id, Stage.ENDED)
    room_ids = _room_ids(row.id)
    LiveEvent.delete().where(LiveEvent.id == row.id).execute()
    rooms.remove_rooms(room_ids)


def _room_ids(event_id: UUID) -> list[UUID]:
    return [found[0] for found in query("SELECT room_id FROM event_rooms WHERE event_id = %s", (event_id,))]


def _locked(event_id: UUID) -> LiveEvent:
    row = LiveEvent.select().where(LiveEvent.id == event_id).for_update().first()
    if row is None:
        raise NotFound("No such event.")
    return row
