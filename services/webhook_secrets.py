"""The secrets by which Dodo's webhooks are known: those that are configured, or the sandbox's own."""

import base64
import hashlib
import hmac

from settings import Settings


def dodo_secrets(settings: Settings) -> tuple[str, ...]:
    """Every secret that is valid now, the newest first; none where Dodo is not to be heard."""
    if settings.dodo_webhook_secrets or not settings.payment_sandbox:
        return settings.dodo_webhook_secrets
    digest = hmac.new(settings.jwt_secret.encode(), b"dodo sandbox webhooks", hashlib.sha256).digest()
    return (f"whsec_{base64.b64encode(digest).decode()}",)
