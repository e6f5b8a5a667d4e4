"""Saying something in a room: the rules, one commit for many messages, and telling everyone after it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import peewee
import redis
import structlog

from db.transactions import after_commit
from services import chat_bursts, chat_latency, chat_rules, clock
from services.bus import bus
from services.chat_bursts import Bursts, RememberedBursts, SharedBursts
from services.chat_drafts import Draft, Judged, Outcome, Outcomes, Sent
from services.chat_posting import post
from services.direct_line import ask
from services.errors import NotFound, RateLimited, ServiceError, Unavailable
from services.messages import Author, Message, SendingKey, sent_before, wire_event
from services.rooms import read_settings
from services.standing import FreshStandings, RememberedStandings, Standing, StandingSource
from services.topics import room_topic

__all__ = ["Draft", "Memory", "News", "Outcome", "Sent", "announce", "news_of", "remembering", "send_message"]

log = structlog.get_logger(__name__)


class Memory(msgspec.Struct, frozen=True):
    """Where the rules learn what they ask about people: who they are in a room, and how much they have said."""

    standings: StandingSource
    bursts: Bursts


class News(msgspec.Struct, frozen=True):
    """New messages: the topic, number and event of each; who wrote them; when they were stored."""

    events: list[tuple[bytes, int, bytes]]
    authors: list[UUID]
    stored_at: datetime


_FRESH = Memory(FreshStandings(), SharedBursts())


def remembering(standings: RememberedStandings) -> Memory:
    """For a process that writes much: it asks seldom, and hears of changes."""
    return Memory(standings, RememberedBursts())


def send_message(draft: Draft) -> Message:
    """Send one message; raises the refusal. What the REST route does, and a socket in a batch."""
    outcome = send_messages([draft])[0]
    if isinstance(outcome, ServiceError):
        raise outcome
    return outcome.message


def send_messages(drafts: Sequence[Draft], memory: Memory = _FRESH) -> list[Outcome]:
    """Store what may be said, in one commit, and publish it; outcome n belongs to draft n.

    Raises Unavailable where the database is away: then nothing was stored.
    """
    outcomes = store_messages(drafts, memory)
    after_commit(lambda: announce(news_of(outcomes), memory))
    return outcomes


def store_messages(drafts: Sequence[Draft], memory: Memory = _FRESH) -> list[Outcome]:
    """As `send_messages`, without publishing; the caller hands the news of the outcomes to `announce`."""
    outcomes: Outcomes = [None] * len(drafts)
    passed: list[Judged] = []
    try:
        passed = _within_burst(_judge(drafts, memory.standings, outcomes), memory.bursts, outcomes)
        post(passed, outcomes)
        _answer_repeats(drafts, outcomes)
    except (peewee.OperationalError, peewee.InterfaceError) as error:
        memory.bursts.give_back([judged.draft.actor.user_id for judged in passed])
        raise Unavailable("The chat is away for a moment; nothing was sent.") from error
    return [outcome for outcome in outcomes if outcome is not None]


def news_of(outcomes: Sequence[Outcome]) -> News | None:
    """What there is to tell of a batch; None where nothing new was stored."""
    new = [outcome for outcome in outcomes if isinstance(outcome, Sent) and outcome.is_new]
    if not new:
        return None
    rooms = {sent.room_id.int: sent.room_id for sent in new}
    topics = {number: room_topic(room_id).encode() for number, room_id in rooms.items()}
    events = [(topics[sent.room_id.int], sent.message.seq, _for_everybody(sent.message)) for sent in new]
    authors = [sent.message.author.id for sent in new if sent.message.author]
    return News(events, authors, new[0].message.created_at)


def announce(news: News | None, memory: Memory = _FRESH) -> None:
    """Tell the rooms of new messages, in one round trip.

    Where Redis is away that is logged only: every process compares its rooms with the database
    and fetches what it has not heard.
    """
    if news is None:
        return
    lists = memory.bursts.lists_of(news.authors)
    kept = f"{chat_latency.waited_ms(news.stored_at):.1f}", chat_latency.BATCHES_KEPT, chat_latency.FORGOTTEN_AFTER_S
    limits = chat_bursts.BURST, chat_bursts.WINDOW_S * 1000
    keys = chat_latency.KEY, *lists
    try:
        waits_ms = ask(bus.redis, b"EVAL", _TELL, len(keys), *keys, *kept, *limits, *_payloads(news))
    except redis.RedisError as error:
        log.warning("chat_not_announced", messages=len(news.events), error=str(error))
    else:
        if lists:
            memory.bursts.learn(news.authors, waits_ms)


# One command for everything: what was stored together is heard together. ARGV: what the latency is kept with, then the
# limits of a burst, then topic, payload, topic, payload. KEYS[1] is the list of latencies, the others are one list of
# times for each message's author, the newest first; answers for each of these how long that person waits with the next.
# A time that lies ahead was noted before the clock went back, and counts no more.
_TELL = b"""
for n = 6, #ARGV, 2 do redis.call('PUBLISH', ARGV[n], ARGV[n + 1]) end
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)
redis.call('EXPIRE', KEYS[1], ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit, window, waits = tonumber(ARGV[4]), tonumber(ARGV[5]), {}
for n = 2, #KEYS do
    waits[n - 1] = 0
    if redis.call('LPUSH', KEYS[n], now) >= limit then
        redis.call('LTRIM', KEYS[n], 0, limit - 1)
        local since = now - redis.call('LINDEX', KEYS[n], limit - 1)
        waits[n - 1] = since >= 0 and math.max(0, window - since) or 0
    end
    redis.call('PEXPIRE', KEYS[n], window)
end
return waits
"""


def _payloads(news: News) -> Iterator[bytes]:
    """Topic, payload, topic, payload: for each message a line with its number and one with its event."""
    lines: dict[bytes, list[bytes]] = {}
    for topic, seq, event in news.events:
        lines.setdefault(topic, []).extend((b"%d" % seq, event))
    for topic, told in lines.items():
        yield topic
        yield b"\n".join(told)


def _for_everybody(message: Message) -> bytes:
    """The event without the name of the room, which each reader's process puts in."""
    return wire_event(msgspec.structs.replace(message, room=msgspec.UNSET))


def _judge(drafts: Sequence[Draft], source: StandingSource, outcomes: Outcomes) -> list[Judged]:
    standings, at, passed = source.of([draft.pair for draft in drafts]), clock.now(), []
    for position, (draft, standing) in enumerate(zip(drafts, standings, strict=True)):
        if standing is None:
            outcomes[position] = NotFound("No such room.", "room_not_found")
            continue
        settings, text = read_settings(standing.room_settings), chat_rules.cleaned(draft.text)
        refusal = chat_rules.refusal(standing, settings, text, at)
        if refusal is not None:
            outcomes[position] = refusal
            continue
        slow_mode_s = chat_rules.slow_mode_s(standing, settings)
        passed.append(Judged(position, draft, text, _author(standing), slow_mode_s))
    return passed


def _within_burst(passed: list[Judged], bursts: Bursts, outcomes: Outcomes) -> list[Judged]:
    """Refuse whoever has sent BURST messages in WINDOW_S."""
    if not passed:
        return []
    waits = bursts.take([judged.draft.actor.user_id for judged in passed])
    for judged, wait_s in zip(passed, waits, strict=True):
        if wait_s:
            message = f"No more than {chat_bursts.BURST} messages in {chat_bursts.WINDOW_S} seconds."
            outcomes[judged.position] = RateLimited(message, retry_after_s=wait_s)
    return [judged for judged in passed if outcomes[judged.position] is None]


def _answer_repeats(drafts: Sequence[Draft], outcomes: Outcomes) -> None:
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


def _author(standing: Standing) -> Author:
    return Author(standing.user_id, standing.username, standing.name, standing.avatar, standing.badges)
