"""Saying something in a room: the rules, one commit for many messages, and telling everyone after it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import peewee
import redis
import structlog

from db.connection import query
from db.transactions import after_commit
from services import chat_latency, chat_rules, clock
from services.actors import Actor
from services.bus import bus
from services.errors import Invalid, NotFound, RateLimited, ServiceError, Unavailable
from services.ids import new_id
from services.messages import Author, Message, SendingKey, sent_before, wire_event
from services.rooms import RoomRef, read_settings
from services.standing import FreshStandings, Pair, Standing, StandingSource
from services.topics import room_topic

log = structlog.get_logger(__name__)

BURST = 20
BURST_WINDOW_MS = 10_000


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A message that somebody wants to send; `client_message_id` makes sending it again harmless."""

    room: RoomRef
    actor: Actor
    text: str
    reply_to: UUID | None = None
    client_message_id: str | None = None

    @property
    def pair(self) -> Pair:
        return self.room.id, self.actor.user_id


class Sent(msgspec.Struct, frozen=True):
    """A message that is in the database; `is_new` unless an earlier sending put it there."""

    room_id: UUID
    message: Message
    is_new: bool


Outcome = Sent | ServiceError


class _Judged(msgspec.Struct, frozen=True):
    """A draft that the rules let pass, with what its row and its author's line need."""

    position: int
    draft: Draft
    text: str
    author: Author
    slow_mode_s: int


def send_message(draft: Draft) -> Message:
    """Send one message; raises the refusal. What the REST route does, and a socket in a batch."""
    outcome = send_messages([draft])[0]
    if isinstance(outcome, ServiceError):
        raise outcome
    return outcome.message


def send_messages(drafts: Sequence[Draft], standings: StandingSource | None = None) -> list[Outcome]:
    """Store what may be said, in one commit, and publish it; outcome n belongs to draft n.

    Raises Unavailable where the database is away: then nothing was stored.
    """
    outcomes = store_messages(drafts, standings)
    after_commit(lambda: announce(outcomes))
    return outcomes


def store_messages(drafts: Sequence[Draft], standings: StandingSource | None = None) -> list[Outcome]:
    """As `send_messages`, without publishing; the caller hands the outcomes to `announce`."""
    try:
        outcomes: list[Outcome | None] = [None] * len(drafts)
        passed = _judge(drafts, standings or FreshStandings(), outcomes)
        passed = _within_burst(passed, outcomes)
        _post(passed, outcomes)
        _answer_repeats(drafts, outcomes)
    except (peewee.OperationalError, peewee.InterfaceError) as error:
        raise Unavailable("The chat is away for a moment; nothing was sent.") from error
    return [outcome for outcome in outcomes if outcome is not None]


def announce(outcomes: Sequence[Outcome]) -> None:
    """Tell the rooms of new messages, in one round trip.

    Where Redis is away that is logged only: every process compares its rooms with the database
    and fetches what it has not heard.
    """
    news = [outcome for outcome in outcomes if isinstance(outcome, Sent) and outcome.is_new]
    if not news:
        return
    pipeline = bus.redis.pipeline(transaction=False)
    told: list[bytes | str] = []
    for sent in news:
        message = msgspec.structs.replace(sent.message, room=msgspec.UNSET)
        told += room_topic(sent.room_id), b"%d\n" % message.seq + wire_event(message)
    pipeline.eval(_TELL_ALL, 0, *told)
    chat_latency.note(pipeline, news[0].message.created_at)
    try:
        pipeline.execute()
    except redis.RedisError as error:
        log.warning("chat_not_announced", messages=len(news), error=str(error))


# One command instead of one for each message: it costs a third, and what was stored together is heard together.
_TELL_ALL = "for n = 1, #ARGV, 2 do redis.call('PUBLISH', ARGV[n], ARGV[n + 1]) end"


def _judge(drafts: Sequence[Draft], source: StandingSource, outcomes: list[Outcome | None]) -> list[_Judged]:
    standings, at, passed = source.of({draft.pair for draft in drafts}), clock.now(), []
    for position, draft in enumerate(drafts):
        standing = standings.get(draft.pair)
        if standing is None:
            outcomes[position] = NotFound("No such room.", "room_not_found")
            continue
        settings, text = read_settings(standing.room_settings), chat_rules.cleaned(draft.text)
        refusal = chat_rules.refusal(standing, settings, text, at)
        if refusal is not None:
            outcomes[position] = refusal
            continue
        slow_mode_s = chat_rules.slow_mode_s(standing, settings)
        passed.append(_Judged(position, draft, text, _author(standing), slow_mode_s))
    return passed


# One list of times for each person: the newest first, as many as the limit. KEYS[n] is the list
# of message n; answers 0 where it may be sent, else the milliseconds to wait.
_BURST_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit, window, waits = tonumber(ARGV[1]), tonumber(ARGV[2]), {}
for n, key in ipairs(KEYS) do
    local oldest = redis.call('LINDEX', key, limit - 1)
    if oldest and now - oldest < window then
        waits[n] = window - (now - oldest)
    else
        redis.call('LPUSH', key, now)
        redis.call('LTRIM', key, 0, limit - 1)
        redis.call('PEXPIRE', key, window)
        waits[n] = 0
    end
end
return waits
"""


def _within_burst(passed: list[_Judged], outcomes: list[Outcome | None]) -> list[_Judged]:
    """Refuse whoever has sent BURST messages in BURST_WINDOW_MS; with Redis away nobody is."""
    if not passed:
        return []
    keys = [f"chat:burst:{judged.draft.actor.user_id}" for judged in passed]
    try:
        waits = bus.redis.register_script(_BURST_SCRIPT)(keys, [BURST, BURST_WINDOW_MS])
    except redis.RedisError as error:
        log.warning("chat_burst_unchecked", error=str(error))
        return passed
    for judged, wait_ms in zip(passed, waits, strict=True):
        if wait_ms:
            message = f"No more than {BURST} messages in {BURST_WINDOW_MS // 1000} seconds."
            outcomes[judged.position] = RateLimited(message, retry_after_s=wait_ms / 1000)
    return [judged for judged in passed if outcomes[judged.position] is None]


def _answer_repeats(drafts: Sequence[Draft], outcomes: list[Outcome | None]) -> None:
    """What an earlier sending stored is answered with that message as it reads now, also where it is refused."""
    asked = {
        position: SendingKey(draft.room.id, draft.actor.user_id, draft.client_message_id)
        for position, draft in enumerate(drafts)
        if draft.client_message_id and not _is_new(outcomes[position])
    }
    if not asked:
        return
    stored = sent_before(set(asked.values()))
    for position, key in asked.items():
        if key in stored:
            message = msgspec.structs.replace(stored[key], room=drafts[position].room.alias)
            outcomes[position] = Sent(key.room_id, message, is_new=False)


def _is_new(outcome: Outcome | None) -> bool:
    return isinstance(outcome, Sent) and outcome.is_new


_POST = """SELECT outcome, id, seq, text, reply_to_id, is_pinned, is_deleted, created_at, retry_after_ms
           FROM post_messages(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::uuid[], %s::text[], %s::integer[])"""


def _post(passed: list[_Judged], outcomes: list[Outcome | None]) -> None:
    if not passed:
        return
    columns = (
        _uuids(new_id() for _ in passed),
        _uuids(judged.draft.room.id for judged in passed),
        _uuids(judged.draft.actor.user_id for judged in passed),
        [judged.text for judged in passed],
        _uuids(judged.draft.reply_to for judged in passed),
        [judged.draft.client_message_id for judged in passed],
        [judged.slow_mode_s for judged in passed],
    )
    for judged, (outcome, *stored, retry_after_ms) in zip(passed, query(_POST, columns), strict=True):
        if outcome in ("stored", "repeated"):
            message = _message(judged, *stored)
            outcomes[judged.position] = Sent(judged.draft.room.id, message, is_new=outcome == "stored")
        else:
            outcomes[judged.position] = _REFUSALS[outcome](retry_after_ms)


def _uuids(ids: Iterable[UUID | None]) -> str:
    """An array as PostgreSQL writes it: adapting thousands of ids one by one costs more than the rest."""
    return "{" + ",".join(found.hex if found else "NULL" for found in ids) + "}"


_REFUSALS: dict[str, Callable[[int | None], ServiceError]] = {
    "slow_mode": lambda wait_ms: RateLimited(
        "This chat is in slow mode.", "slow_mode", retry_after_s=(wait_ms or 0) / 1000
    ),
    "reply_not_found": lambda _: Invalid.field("replyTo", "is not a message of this room", "reply_not_found"),
    "room_not_found": lambda _: NotFound("No such room.", "room_not_found"),
}


def _author(standing: Standing) -> Author:
    return Author(standing.user_id, standing.username, standing.name, standing.avatar, standing.badges)


def _message(
    judged: _Judged,
    message_id: UUID,
    seq: int,
    text: str,
    reply_to: UUID | None,
    is_pinned: bool,
    is_deleted: bool,
    created_at: datetime,
) -> Message:
    return Message(
        id=message_id,
        room=judged.draft.room.alias,
        seq=seq,
        text="" if is_deleted else text,
        author=judged.author,
        is_pinned=is_pinned,
        is_deleted=is_deleted,
        reply_to=reply_to,
        created_at=created_at,
    )
