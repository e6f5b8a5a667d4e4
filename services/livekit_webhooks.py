"""What LiveKit tells us: verified over the raw body, stored once, settled by a worker (see `livekit_rooms`)."""

import structlog

from services import webhooks
from services.bus import bus
from services.errors import Invalid
from services.gateways.livekit import BadWebhook, livekit_of
from services.gateways.payments.interface import SignedEvent
from services.livekit_rooms import ENDS, PROVIDER, STARTS

log = structlog.get_logger(__name__)


def receive(body: bytes, authorization: str) -> None:
    """Store a webhook that LiveKit signed, once; raises Invalid("bad_signature") and then stores nothing."""
    livekit = livekit_of(bus.settings)
    try:
        if livekit is None:
            raise BadWebhook("LiveKit is not set up here")
        event = livekit.read_webhook(body, authorization)
    except BadWebhook as error:
        log.warning("webhook_refused", provider=PROVIDER, reason=str(error))
        raise Invalid("The signature is not valid.", "bad_signature") from error
    signed = SignedEvent(event.event_id[:255], event.kind[:120])
    webhooks.keep(PROVIDER, signed, body.decode(), is_handled=event.kind in STARTS | ENDS)
