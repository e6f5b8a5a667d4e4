"""Webhook jobs: settling stored events, together or alone, finding forgotten ones, and sending the sandbox's."""

from uuid import UUID

from services import (
    abandoned_checkouts,
    jobs,
    provider_reconciliation,
    reconciliation,
    sandbox_deliveries,
    webhook_batches,
    webhooks,
)
from workers.app import task


@task(jobs.SETTLE_WEBHOOKS)
def settle() -> None:
    webhook_batches.settle_waiting()


@task(jobs.PROCESS_WEBHOOK, retries=webhooks.MOST_ATTEMPTS)
def process(event_id: str) -> None:
    webhooks.process(UUID(event_id))


@task(jobs.SWEEP_WEBHOOKS)
def sweep() -> None:
    webhooks.sweep()


@task(jobs.SWEEP_SANDBOX)
def sweep_sandbox() -> None:
    webhooks.sweep_sandbox()


@task(jobs.SEND_SANDBOX_WEBHOOKS)
def send_sandbox_webhooks(batch_id: str) -> None:
    sandbox_deliveries.send(UUID(batch_id))


@task(jobs.RECONCILE)
def reconcile() -> None:
    reconciliation.reconcile()
    provider_reconciliation.reconcile_providers()


@task(jobs.CLOSE_ABANDONED)
def close_abandoned() -> None:
    abandoned_checkouts.close_abandoned()
