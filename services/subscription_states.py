"""The legal changes of a subscription, and the locks under which they are made.

pending → active | expired; active → cancelled | expired; cancelled → expired, or active again
where the subscriber says so before the end. No event of a provider leads back to active.
"""

from collections.abc import Callable, Mapping
from uuid import UUID

from db.models.subscriptions import Subscription
from services import clock, jobs, ledger
from services.checkout import REOFFERED_FOR
from services.errors import Conflict, ServiceError
from services.subscription_views import RUNNING, SubscriptionStatus
from services.tiers import Tier


def running_already() -> ServiceError:
    """The refusal of a second subscription to one streamer."""
    return Conflict("You subscribe to this streamer already.", "already_subscribed")


#: Why whoever subscribes or cancels steps up: nobody changes what they pay for, and until when, by themselves.
WRITTEN_BY = "a subscription is written by the platform"

REFUSALS: Mapping[str, Callable[[], ServiceError]] = {
    **ledger.REFUSALS,
    "subscriptions_running_pair_key": running_already,
}
"""For `translating` around the block in which a subscription begins."""


def running_of(subscriber_id: UUID, streamer_id: UUID) -> Subscription | None:
    """The subscription of a pair that runs, every open one of theirs locked until the transaction ends."""
    of_pair = (Subscription.subscriber == subscriber_id) & (Subscription.streamer == streamer_id)
    is_open = Subscription.status != SubscriptionStatus.EXPIRED
    rows = list(Subscription.select().where(of_pair, is_open).order_by(Subscription.id).for_update())
    return next((row for row in rows if row.status in RUNNING), None)


def mark_cancelled(found: Subscription) -> None:
    """Write down that it will not be renewed."""
    found.status, found.cancelled_at, found.past_due_at = SubscriptionStatus.CANCELLED, clock.now(), None
    found.save()


def end(found: Subscription) -> None:
    """Write down that it is over, and have the provider charge it no more."""
    found.status, found.ended_at, found.past_due_at = SubscriptionStatus.EXPIRED, clock.now(), None
    found.save()
    sync(found)


def sync(found: Subscription) -> None:
    """Ask for the provider to be told, after the commit, where this subscription stands."""
    if found.provider_subscription is not None:
        jobs.enqueue(jobs.SYNC_SUBSCRIPTION, subscription_id=found.id)


def left_s(found: Subscription) -> float:
    """Seconds that are paid and not over."""
    return max(0.0, (found.expires_at - clock.now()).total_seconds())


def drop_pending(
    subscriber_id: UUID, streamer_id: UUID, keep: Mapping[str, object] | None = None
) -> Subscription | None:
    """Close what waits to be paid, but for the newest that is as `keep` says; returns that one."""
    of_pair = (Subscription.subscriber == subscriber_id) & (Subscription.streamer == streamer_id)
    waiting = Subscription.select().where(of_pair, Subscription.status == SubscriptionStatus.PENDING)
    kept = None
    for row in waiting.order_by(Subscription.id.desc()):
        is_fresh = row.created_at > clock.now() - REOFFERED_FOR
        if keep and kept is None and is_fresh and all(getattr(row, name) == value for name, value in keep.items()):
            kept = row
        else:
            end(row)
    return kept


def refuse_lower(running: Subscription, tier: Tier) -> None:
    """See that `tier` is above the running one, or takes up one that was cancelled; raises Conflict."""
    before, is_cancelled = Tier(running.tier), running.status == SubscriptionStatus.CANCELLED
    if tier.rank < before.rank or (tier is before and not is_cancelled):
        raise running_already()
