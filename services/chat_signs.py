"""What people in a room do without a word: that they are typing, and their reactions. Never stored."""

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

import msgspec
import redis
import structlog

from services import chat_rules
from services.actors import Actor
from services.bus import bus
from services.errors import NotFound
from services.events import Event, Reacted, Typing, UserRef
from services.standing import Standing, StandingSource
from services.topics import room_topic

log = structlog.get_logger(__name__)


class Reaction(StrEnum):
    """How somebody may react."""

    HEART = "heart"
    LIKE = "like"
    LAUGH = "laugh"
    WOW = "wow"
    SAD = "sad"
    CLAP = "clap"
    FIRE = "fire"


def tell_typing(actor: Actor, room_id: UUID, standings: StandingSource) -> None:
    """Tell a room that somebody is writing; raises Forbidden, NotFound. Lost without harm."""
    standing = may_be_heard(actor, room_id, standings)
    _publish(room_id, Typing(user=UserRef(standing.user_id, standing.username, standing.name, standing.avatar)))


def may_be_heard(actor: Actor, room_id: UUID, standings: StandingSource) -> Standing:
    """Let pass whom nothing keeps out of a room; raises Forbidden, NotFound."""
    (standing,) = standings.of([(room_id, actor.user_id)])
    if standing is None:
        raise NotFound("No such room.", "room_not_found")
    refusal = chat_rules.exclusion(standing)
    if refusal is not None:
        raise refusal
    return standing


def tell_reactions(sums: Mapping[UUID, Mapping[str, int]]) -> None:
    """Tell the processes how many reacted in each room here; they sum it up for their sockets."""
    for room_id, counts in sums.items():
        _publish(room_id, Reacted(counts=dict(counts)))


def _publish(room_id: UUID, event: Event) -> None:
    try:
        bus.redis.publish(room_topic(room_id), b"0\n" + msgspec.json.encode(event))
    except redis.RedisError as error:
        log.warning("sign_not_told", error=str(error))
