"""The webhooks that the payment sandbox owes us: planned with the books, then signed and sent by a job."""

import hashlib
import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import chain, repeat
from typing import Annotated
from uuid import UUID

import msgspec
import requests
import stripe
import structlog
from standardwebhooks.webhooks import Webhook

from db.connection import query, release
from db.models.payment_sandbox import SandboxDelivery
from services import clock, jobs
from services.bus import bus
from services.errors import Unavailable
from services.ids import new_id
from services.sandbox_books import Json
from services.tracing import current_request_id
from services.webhook_secrets import dodo_secrets

log = structlog.get_logger(__name__)

TIMEOUT_S = 10
SWEEP_AFTER_S, GIVE_UP_AFTER_S = 15, 3600
#: What is due later than this was planned before the clock went back.
LONGEST_DELAY_S = 60


class Unkindness(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """How the webhooks arrive: each `duplicates` times more, `delayMs` later, out of order."""

    duplicates: Annotated[int, msgspec.Meta(ge=0, le=50)] = 0
    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_DELAY_S * 1000)] = 0
    shuffle: bool = False


def plan(session_id: str, provider: str, events: list[Json], unkindness: Unkindness) -> None:
    """Write down what is to be sent, and ask for it to be sent after the commit."""
    if not events:
        return
    copies = list(chain.from_iterable(repeat(event, 1 + unkindness.duplicates) for event in events))
    if unkindness.shuffle:
        random.SystemRandom().shuffle(copies)
    batch_id = new_id()
    due_at = clock.now() + timedelta(milliseconds=unkindness.delay_ms)
    SandboxDelivery.insert_many(
        [
            {
                "batch_id": batch_id,
                "session": session_id,
                "provider": provider,
                "position": position,
                "body": msgspec.json.encode(event).decode(),
                "due_at": due_at,
            }
            for position, event in enumerate(copies)
        ]
    ).execute()
    jobs.enqueue(jobs.SEND_SANDBOX_WEBHOOKS, batch_id=batch_id)


def send(batch_id: UUID) -> None:
    """Send what is unsent of a batch, in its order; raises Unavailable where it must be tried later."""
    unsent = SandboxDelivery.select().where(SandboxDelivery.batch_id == batch_id, SandboxDelivery.sent_at.is_null())
    with requests.Session() as line:
        line.trust_env = False
        for delivery in unsent.order_by(SandboxDelivery.position):
            _send(line, delivery)


def sweep() -> None:
    """Ask again for batches that nobody sent."""
    now = clock.now()
    oldest, newest = now - timedelta(seconds=GIVE_UP_AFTER_S), now - timedelta(seconds=SWEEP_AFTER_S)
    for (batch_id,) in query(_FORGOTTEN, (oldest, newest, now + timedelta(seconds=LONGEST_DELAY_S))):
        jobs.enqueue(jobs.SEND_SANDBOX_WEBHOOKS, batch_id=batch_id)


def _send(line: requests.Session, delivery: SandboxDelivery) -> None:
    early_s = (delivery.due_at - clock.now()).total_seconds()
    if 0 < early_s <= LONGEST_DELAY_S:
        raise Unavailable("The webhook is not due yet.", retry_after_s=early_s)
    release()
    address = f"{bus.settings.public_url}/api/webhook/{delivery.provider}"
    headers = _HEADERS[delivery.provider](delivery.body) | {
        "Content-Type": "application/json; charset=utf-8",
        "X-Request-ID": current_request_id(),
    }
    try:
        answer = line.post(address, data=delivery.body.encode(), headers=headers, timeout=TIMEOUT_S)
    except requests.RequestException as error:
        raise Unavailable(f"{address} does not answer: {error}") from error
    if answer.status_code != requests.codes.ok:
        raise Unavailable(f"{address} answered {answer.status_code}")
    SandboxDelivery.update(sent_at=clock.now()).where(SandboxDelivery.id == delivery.id).execute()


def _stripe_headers(body: str) -> dict[str, str]:
    signature = stripe.WebhookSignature.generate_signature_header(body, bus.settings.stripe_webhook_secret)
    return {"Stripe-Signature": signature}


def _dodo_headers(body: str) -> dict[str, str]:
    """Signed by the newest secret. A copy of an event has its name: that is how a provider repeats itself."""
    name, at = f"msg_{hashlib.sha256(body.encode()).hexdigest()[:32]}", clock.now()
    signature = Webhook(dodo_secrets(bus.settings)[0]).sign(name, at, body)
    return {"webhook-id": name, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


_HEADERS: Mapping[str, Callable[[str], dict[str, str]]] = {"stripe": _stripe_headers, "dodo": _dodo_headers}

_FORGOTTEN = """
SELECT DISTINCT batch_id FROM payment_sandbox_deliveries
WHERE sent_at IS NULL AND (due_at > %s AND due_at < %s OR due_at > %s)"""
