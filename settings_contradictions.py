"""Settings that are each good and not together, or that production does not go without."""

from typing import TYPE_CHECKING

from settings_addresses import HIGHEST_PORT
from settings_reader import SettingsError

if TYPE_CHECKING:
    from settings import Settings

MOST_GRACE_S = 30 * 86400
LIVEKIT = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
#: What AstroTV signs with: each for one purpose.
SIGNING = ("JWT_SECRET", "STREAM_KEY_SECRET", "INGEST_SECRET", "PLAYBACK_SECRET")


def refuse_contradictions(settings: "Settings") -> None:
    """Raise SettingsError naming the variable that does not go with the others."""
    if settings.media_storage.startswith("s3:") and not settings.aws_s3_bucket:
        raise SettingsError("AWS_S3_BUCKET", "is missing; MEDIA_STORAGE is s3:")
    if settings.dodo_api_key and not settings.dodo_webhook_secrets:
        raise SettingsError("DODO_WEBHOOK_SECRET", "is missing; DODO_API_KEY is set")
    if settings.subscription_grace_s > MOST_GRACE_S:
        raise SettingsError("SUBSCRIPTION_GRACE", "must be at most 30d")
    _refuse_ingest_without_a_place(settings)
    _refuse_half_of_livekit(settings)
    if settings.production:
        _refuse_in_production(settings)


def _refuse_ingest_without_a_place(settings: "Settings") -> None:
    """Each of several ingest processes has a relay, at an address of its own."""
    several = settings.ingest_processes
    if several > 1 and "{port}" not in settings.relay_own_url:
        raise SettingsError("RELAY_OWN_URL", f"must have {{port}} in it; INGEST_PROCESSES is {several}")
    if settings.relay_port + several - 1 > HIGHEST_PORT:
        raise SettingsError("RELAY_PORT", f"is too high for {several} relays in a row")


def _refuse_half_of_livekit(settings: "Settings") -> None:
    parts = {name: getattr(settings, name.lower()) for name in LIVEKIT}
    missing = [name for name, value in parts.items() if not value]
    if 0 < len(missing) < len(parts):
        raise SettingsError(missing[0], "is missing; the rest of LiveKit is set")


def _refuse_in_production(settings: "Settings") -> None:
    if settings.payment_sandbox:
        raise SettingsError("STRIPE_SECRET_KEY", "is missing; the payment sandbox is not for production")
    if not settings.encryption_keys:
        raise SettingsError("ENCRYPTION_KEYS", "is missing; production needs at least one key")
    if not settings.flower_basic_auth:
        raise SettingsError("FLOWER_BASIC_AUTH", "is missing; whoever reaches Flower could stop the workers")
    seen: dict[str, str] = {}
    for name in SIGNING:
        twin = seen.setdefault(getattr(settings, name.lower()), name)
        if twin != name:
            raise SettingsError(name, f"is the same as {twin}: who learns one has both")
