"""Subscription jobs: renewing and ending what is due, and telling providers what changed here."""

from uuid import UUID

from services import jobs, subscription_renewals
from workers.app import task


@task(jobs.RENEW_SUBSCRIPTIONS)
def renew() -> None:
    subscription_renewals.renew_and_end()


@task(jobs.SYNC_SUBSCRIPTION)
def sync(subscription_id: str) -> None:
    subscription_renewals.sync_with_provider(UUID(subscription_id))
