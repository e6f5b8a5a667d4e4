"""What a subscription gives, worked out in this one place for chat, streams, posts and emotes."""

from collections.abc import Collection
from uuid import UUID

import msgspec

from db.connection import query
from services.actors import Actor
from services.errors import NotFound
from services.tiers import Tier

#: Of a subscription `s`: whether it counts. An active one outlives its end while its renewal is
#: settled, for a month where no job runs; a cancelled one does not.
RUNS = """(s.status = 'active' AND s.expires_at > now() - interval '30 days'
           OR s.status = 'cancelled' AND s.expires_at > now())"""

_RANK = "array_position(ARRAY['basic', 'pro', 'premium'], {})"

#: Of a subscription `s` and the streamer's channel `k`: whether it shows what is for subscribers.
SHOWS_CONTENT = f"""({RUNS} AND {_RANK.format("s.tier")} >= {_RANK.format("k.content_tier")})"""


class Capabilities(msgspec.Struct, frozen=True, rename="camel"):
    """What somebody may with one streamer. `priority`: never refused by a full room or raid mode."""

    ad_free: bool
    no_slow_mode: bool
    exclusive_emotes: bool
    subscriber_content: bool
    priority: bool


NOTHING = Capabilities(False, False, False, False, False)


def capabilities(tier: Tier | None, content_tier: Tier = Tier.PREMIUM) -> Capabilities:
    """What a tier gives, where the streamer's content asks for `content_tier`."""
    if tier is None:
        return NOTHING
    return Capabilities(
        ad_free=True,
        no_slow_mode=True,
        exclusive_emotes=tier.rank >= Tier.PRO.rank,
        subscriber_content=tier.rank >= content_tier.rank,
        priority=tier is Tier.PREMIUM,
    )


def tier_of(viewer: str, streamer: str) -> str:
    """SQL: the tier by which one person (a column or parameter) subscribes to another, or NULL."""
    return f"""(SELECT s.tier FROM subscriber_tiers s
        WHERE s.subscriber_id = {viewer} AND s.streamer_id = {streamer} AND {RUNS})"""  # noqa: S608 - of constants


def sees_content_of(viewer: str, streamer: str) -> str:
    """SQL that is true where one person's tier reaches what another asks for their subscribers' content."""
    return f"""EXISTS (SELECT FROM subscriber_tiers s JOIN channels k ON k.user_id = s.streamer_id
        WHERE s.subscriber_id = {viewer} AND s.streamer_id = {streamer} AND {RUNS}
          AND {_RANK.format("s.tier")} >= {_RANK.format("k.content_tier")})"""


def capabilities_with(viewer_id: UUID, streamer_id: UUID) -> Capabilities:
    """What a person may with a streamer at this moment."""
    rows = query(_CAPABILITIES, (viewer_id, streamer_id))
    return capabilities(Tier(rows[0][0]), Tier(rows[0][1])) if rows else NOTHING


def sees_content(actor: Actor | None, streamer_id: UUID | None) -> bool:
    """Whether somebody may see what a streamer shows to subscribers alone."""
    return streamer_id is not None and streamer_id in seen_by(actor, [streamer_id])


def seen_by(actor: Actor | None, streamer_ids: Collection[UUID]) -> set[UUID]:
    """Those of the streamers whose subscribers' content somebody may see, in one query."""
    if actor is None:
        return set()
    if actor.is_moderator:
        return set(streamer_ids)
    wanted = [streamer_id for streamer_id in streamer_ids if streamer_id != actor.user_id]
    subscribed = {row[0] for row in query(_SEEN, (wanted, actor.user_id))} if wanted else set()
    return subscribed | (set(streamer_ids) - set(wanted))


def may_watch(actor: Actor | None, visibility: str, streamer_id: UUID | None) -> bool:
    """Whether somebody may play a stream: anybody a public or unlisted one, who subscribes or owns it any other."""
    return visibility != "SUBSCRIBERS" or sees_content(actor, streamer_id)


def content_tier_of(streamer_id: UUID) -> Tier:
    """The tier from which a streamer's subscribers see what is for them; raises NotFound."""
    rows = query("SELECT content_tier FROM channels WHERE user_id = %s", (streamer_id,))
    if not rows:
        raise NotFound("No such channel.")
    return Tier(rows[0][0])


def set_content_tier(actor: Actor, tier: Tier) -> Tier:
    """Say from which tier on the actor's subscribers see what is for subscribers; raises NotFound."""
    if not query("UPDATE channels SET content_tier = %s WHERE user_id = %s RETURNING 1", (tier, actor.user_id)):
        raise NotFound("You have no channel.")
    return tier


_CAPABILITIES = f"""
SELECT s.tier, k.content_tier FROM subscriber_tiers s JOIN channels k ON k.user_id = s.streamer_id
WHERE s.subscriber_id = %s AND s.streamer_id = %s AND {RUNS}"""  # noqa: S608 - built from constants

_SEEN = f"""
SELECT asked.id FROM unnest(%s::uuid[]) AS asked (id) WHERE {sees_content_of("%s", "asked.id")}"""  # noqa: S608
