"""What the environment says: every setting, parsed and checked once, when a process starts."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from settings_addresses import POSTGRES, REDIS, is_readable
from settings_contradictions import refuse_contradictions
from settings_reader import SHORTEST_SECRET, Reader, SettingsError

__all__ = ["NAMES", "Settings", "SettingsError", "load"]

#: Relative paths lead from here, wherever a command was called.
ROOT = Path(__file__).resolve().parent

SHORTEST_STRIPE_SECRET = 24
LEAST_RAW_DAYS = 8

#: What each thing that somebody does in an event counts for in their engagement score.
ENGAGEMENT_WEIGHTS = "messages=1,questions=5,upvotes=1,pollVotes=3,surveyAnswers=5,minutesWatched=1"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of all processes; durations end in their unit. `.env.example` explains each."""

    production: bool
    host: str
    port: int
    api_workers: int
    api_threads: int
    realtime_port: int
    realtime_processes: int
    rtmp_port: int
    rtmp_proxy_protocol: bool
    ingest_processes: int
    relay_port: int
    flower_port: int
    realtime_host: str
    rtmp_host: str
    relay_url: str
    relay_own_url: str
    public_url: str
    public_rtmp_url: str
    public_realtime_url: str
    public_relay_url: str

    database_url: str
    database_owner_url: str
    database_pool_size: int
    slow_query_ms: int
    redis_url: str
    celery_broker_url: str

    bcrypt_rounds: int
    jwt_secret: str
    jwt_expires_in_s: int
    jwt_refresh_expires_in_s: int
    stream_key_secret: str
    ingest_secret: str
    playback_secret: str
    encryption_keys: tuple[str, ...]
    flower_basic_auth: str

    cors_origins: tuple[str, ...]
    frontend_url: str
    rate_limit_auth: str
    rate_limit_default: str
    list_kept_ms: int
    trusted_proxies: int
    ws_max_connections_per_address: int

    data_dir: Path
    hls_path: Path
    media_storage: str
    aws_s3_bucket: str
    aws_region: str
    aws_endpoint_url: str
    aws_access_key_id: str
    aws_secret_access_key: str

    ffmpeg_binary: str
    video_encoder: str
    max_transcodes: int
    grace_window_s: int
    dvr_window_s: int
    max_stream_duration_s: int
    playback_token_expires_in_s: int
    recording_retention_days: int
    chat_retention_days: int
    metrics_retention_days: int
    notification_retention_days: int
    webhook_retention_days: int
    hook_hls_url: str

    smtp_url: str
    mail_from: str

    stripe_secret_key: str
    stripe_webhook_secret: str
    dodo_api_key: str
    dodo_webhook_secrets: tuple[str, ...]
    livekit_url: str
    livekit_api_key: str
    livekit_api_secret: str
    platform_share_percent: int
    subscription_currency: str
    subscription_prices: tuple[int, ...]
    subscription_coins: tuple[int, ...]
    subscription_grace_s: int
    creator_review: bool
    engagement_weights: Mapping[str, int]

    log_level: str
    log_format: str
    log_file: str

    @property
    def payment_sandbox(self) -> bool:
        """Whether the built-in payment sandbox stands in for the providers."""
        return not self.stripe_secret_key and not self.dodo_api_key


#: Every variable that is read; kept in step with `.env.example` by a test.
NAMES = frozenset(
    """
    ASTROTV_ENV HOST PORT API_WORKERS API_THREADS REALTIME_HOST REALTIME_PORT REALTIME_PROCESSES RTMP_HOST RTMP_PORT
    RTMP_PROXY_PROTOCOL INGEST_PROCESSES RELAY_PORT RELAY_URL RELAY_OWN_URL FLOWER_PORT
    PUBLIC_URL PUBLIC_RTMP_URL PUBLIC_REALTIME_URL
    DATABASE_URL DATABASE_OWNER_URL DATABASE_POOL_SIZE REDIS_URL
    CELERY_BROKER_URL BCRYPT_ROUNDS JWT_SECRET JWT_EXPIRES_IN JWT_REFRESH_EXPIRES_IN STREAM_KEY_SECRET
    INGEST_SECRET PLAYBACK_SECRET PLAYBACK_TOKEN_EXPIRES_IN PUBLIC_RELAY_URL RECORDING_RETENTION_DAYS HOOK_HLS_URL
    CHAT_RETENTION_DAYS METRICS_RETENTION_DAYS NOTIFICATION_RETENTION_DAYS WEBHOOK_RETENTION_DAYS
    ENCRYPTION_KEYS FLOWER_BASIC_AUTH CORS_ORIGIN FRONTEND_URL RATE_LIMIT_AUTH RATE_LIMIT_DEFAULT LIST_KEPT_MS
    TRUSTED_PROXIES WS_MAX_CONNECTIONS_PER_ADDRESS DATA_DIR HLS_PATH MEDIA_STORAGE AWS_S3_BUCKET AWS_REGION
    AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY FFMPEG_BINARY VIDEO_ENCODER MAX_TRANSCODES
    GRACE_WINDOW DVR_WINDOW MAX_STREAM_DURATION SMTP_URL MAIL_FROM STRIPE_SECRET_KEY STRIPE_WEBHOOK_SECRET DODO_API_KEY
    DODO_WEBHOOK_SECRET LIVEKIT_URL LIVEKIT_API_KEY LIVEKIT_API_SECRET PLATFORM_SHARE_PERCENT CREATOR_REVIEW
    ENGAGEMENT_WEIGHTS SUBSCRIPTION_CURRENCY SUBSCRIPTION_PRICES SUBSCRIPTION_COINS SUBSCRIPTION_GRACE
    LOG_LEVEL LOG_FORMAT LOG_FILE SLOW_QUERY_MS
    """.split()  # noqa: SIM905 - a list of names reads better as words
)

HTTP = ("http", "https")
#: What Celery's broker may be spoken to by.
BROKERS = ("redis", "rediss", "unix", "redis+socket", "sentinel", "amqp", "amqps", "pyamqp", "sqs")


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from an environment; raises SettingsError for the first that is wrong."""
    read = Reader(environ)
    values = {
        **_addresses(read),
        **_stores(read),
        **_secrets(read),
        **_http(read),
        **_media(read),
        **_retention(read),
        **_providers(read),
        **_logging(read),
    }
    settings = Settings(production=read.production, **values)
    refuse_contradictions(settings)
    return settings


def _addresses(read: Reader) -> dict[str, Any]:
    host, port = read.host("HOST", "127.0.0.1"), read.port("PORT", 8000)
    realtime, rtmp = read.port("REALTIME_PORT", 8001), read.port("RTMP_PORT", 1935)
    relay = read.port("RELAY_PORT", 8002)
    shown = "localhost" if host in ("0.0.0.0", "127.0.0.1", "::", "::1") else host  # noqa: S104 - compared, not bound
    shown = _from_here(shown)
    return {
        "host": host,
        "port": port,
        "api_workers": read.whole("API_WORKERS", 2, 1, 256),
        "api_threads": read.whole("API_THREADS", 4, 1, 256),
        "realtime_host": read.host("REALTIME_HOST", host),
        "rtmp_host": read.host("RTMP_HOST", host),
        "realtime_port": realtime,
        "realtime_processes": read.whole("REALTIME_PROCESSES", 1, 1, 256),
        "rtmp_port": rtmp,
        "rtmp_proxy_protocol": read.choice("RTMP_PROXY_PROTOCOL", "off", ("on", "off")) == "on",
        "ingest_processes": read.whole("INGEST_PROCESSES", 1, 1, 64),
        "relay_port": relay,
        "flower_port": read.port("FLOWER_PORT", 5555),
        "relay_url": read.url("RELAY_URL", f"http://{_from_here(host)}:{relay}", HTTP).rstrip("/"),
        "relay_own_url": _own_relay(read, _from_here(host)),
        "public_url": read.url("PUBLIC_URL", f"http://{shown}:{port}", HTTP).rstrip("/"),
        "public_rtmp_url": read.url("PUBLIC_RTMP_URL", f"rtmp://{shown}:{rtmp}/live", ("rtmp", "rtmps")).rstrip("/"),
        "public_realtime_url": read.url("PUBLIC_REALTIME_URL", f"ws://{shown}:{realtime}", ("ws", "wss")).rstrip("/"),
        "public_relay_url": read.url("PUBLIC_RELAY_URL", f"http://{shown}:{relay}", HTTP).rstrip("/"),
    }


def _from_here(host: str) -> str:
    """How a process of this machine reaches one that listens at `host`, as a URL has it."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"[{reached}]" if ":" in reached else reached


def _own_relay(read: Reader, host: str) -> str:
    """An address with `{host}` and `{port}` in it, which each ingest process fills in for itself."""
    value = read.text("RELAY_OWN_URL", read.text("RELAY_URL", f"http://{host}:{{port}}"))
    filled = value.replace("{host}", "127.0.0.1").replace("{port}", "8002")
    if not (re.fullmatch(r"http://[^\s{}]+", filled) and is_readable(filled)):
        raise SettingsError("RELAY_OWN_URL", "must look like http://{host}:{port}; nothing else may be in braces")
    return value.rstrip("/")


def _stores(read: Reader) -> dict[str, Any]:
    read.required("DATABASE_URL")
    read.required("REDIS_URL")
    database, redis = read.url("DATABASE_URL", "", POSTGRES), read.url("REDIS_URL", "", REDIS)
    return {
        "database_url": database,
        "database_owner_url": read.url("DATABASE_OWNER_URL", database, POSTGRES),
        "database_pool_size": read.whole("DATABASE_POOL_SIZE", 8, 1, 500),
        "slow_query_ms": read.whole("SLOW_QUERY_MS", 250, 0, 60_000),
        "redis_url": redis,
        "celery_broker_url": read.url("CELERY_BROKER_URL", redis, BROKERS),
    }


def _secrets(read: Reader) -> dict[str, Any]:
    return {
        "bcrypt_rounds": read.whole("BCRYPT_ROUNDS", 12, 10 if read.production else 4, 16),
        "jwt_secret": read.secret("JWT_SECRET"),
        "jwt_expires_in_s": read.duration_s("JWT_EXPIRES_IN", "1h"),
        "jwt_refresh_expires_in_s": read.duration_s("JWT_REFRESH_EXPIRES_IN", "7d"),
        "stream_key_secret": read.secret("STREAM_KEY_SECRET"),
        "ingest_secret": read.secret("INGEST_SECRET"),
        "playback_secret": _plain(read, "PLAYBACK_SECRET"),
        "encryption_keys": read.fernet_keys("ENCRYPTION_KEYS"),
        "flower_basic_auth": read.sign_in("FLOWER_BASIC_AUTH"),
    }


def _http(read: Reader) -> dict[str, Any]:
    return {
        "cors_origins": read.origins("CORS_ORIGIN", "http://localhost:3000"),
        "frontend_url": read.url("FRONTEND_URL", "http://localhost:3000", HTTP).rstrip("/"),
        "rate_limit_auth": read.rate("RATE_LIMIT_AUTH", "100/15minutes"),
        "rate_limit_default": read.rate("RATE_LIMIT_DEFAULT", "1000/15minutes"),
        "list_kept_ms": read.whole("LIST_KEPT_MS", 250, 0, 1000),
        "trusted_proxies": read.whole("TRUSTED_PROXIES", 0, 0, 10),
        "ws_max_connections_per_address": read.whole("WS_MAX_CONNECTIONS_PER_ADDRESS", 500, 1),
    }


def _media(read: Reader) -> dict[str, Any]:
    data_dir = ROOT / read.text("DATA_DIR", ".astrotv")
    hls_path = ROOT / read.text("HLS_PATH", str(data_dir / "media"))
    return {
        "data_dir": data_dir,
        "hls_path": hls_path,
        "media_storage": _storage(read, hls_path),
        "aws_s3_bucket": read.text("AWS_S3_BUCKET"),
        "aws_region": read.text("AWS_REGION"),
        "aws_endpoint_url": read.url("AWS_ENDPOINT_URL", "", HTTP),
        "aws_access_key_id": read.text("AWS_ACCESS_KEY_ID"),
        "aws_secret_access_key": read.text("AWS_SECRET_ACCESS_KEY"),
        "ffmpeg_binary": read.text("FFMPEG_BINARY"),
        "video_encoder": read.choice(
            "VIDEO_ENCODER", "libx264", ("libx264", "h264_nvenc", "h264_qsv", "h264_vaapi", "h264_videotoolbox")
        ),
        "max_transcodes": read.whole("MAX_TRANSCODES", 4, 0, 1000),
        "grace_window_s": read.duration_s("GRACE_WINDOW", "60s"),
        "dvr_window_s": read.duration_s("DVR_WINDOW", "30s"),
        "max_stream_duration_s": read.duration_s("MAX_STREAM_DURATION", "48h"),
        "playback_token_expires_in_s": read.duration_s("PLAYBACK_TOKEN_EXPIRES_IN", "30m"),
        "hook_hls_url": _hook_hls_url(read),
    }


def _retention(read: Reader) -> dict[str, Any]:
    return {
        "recording_retention_days": read.whole("RECORDING_RETENTION_DAYS", 0, 0, 36500),
        "chat_retention_days": _days_counted(read, "CHAT_RETENTION_DAYS", 0),
        "metrics_retention_days": _days_counted(read, "METRICS_RETENTION_DAYS", 90),
        "notification_retention_days": read.whole("NOTIFICATION_RETENTION_DAYS", 180, 0, 36500),
        "webhook_retention_days": read.whole("WEBHOOK_RETENTION_DAYS", 90, 0, 36500),
    }


def _days_counted(read: Reader, name: str, default: int) -> int:
    """Days to keep what analytics are counted from: they are counted anew for a week."""
    days = read.whole(name, default, 0, 36500)
    if 0 < days < LEAST_RAW_DAYS:
        raise SettingsError(name, f"must be 0 (keep) or at least {LEAST_RAW_DAYS}, not {days}")
    return days


def _plain(read: Reader, name: str) -> str:
    """A secret that nginx has in its configuration as well, where quotes and dollars would mean something."""
    value = read.secret(name)
    if not re.fullmatch(r"[A-Za-z0-9_-]+", value):
        raise SettingsError(name, "may hold letters, digits, - and _ only")
    return value


def _hook_hls_url(read: Reader) -> str:
    value = read.text("HOOK_HLS_URL")
    without = value.replace("{name}", "name")
    if value and not (re.fullmatch(r"https?://[^\s{}]+", without) and without != value and is_readable(without)):
        raise SettingsError("HOOK_HLS_URL", f"must be an http(s) address with {{name}} in it, not {value!r}")
    return value


def _storage(read: Reader, folder: Path) -> str:
    """`s3:…`, or `file:` and a whole path: processes are started in other folders than commands."""
    value = read.text("MEDIA_STORAGE", f"file:{folder}")
    if not value.startswith(("file:", "s3:")) or value == "file:":
        raise SettingsError("MEDIA_STORAGE", f"must be file:/folder or s3:, not {value!r}")
    kind, _, rest = value.partition(":")
    return f"file:{ROOT / rest}" if kind == "file" else value


def _smtp_url(read: Reader) -> str:
    value = read.text("SMTP_URL")
    if value and not (re.fullmatch(r"smtp(s|\+starttls)?://[^/\s]+/?", value) and is_readable(value)):
        raise SettingsError("SMTP_URL", "must look like smtp://user:password@host:587, or smtps:// or smtp+starttls://")
    return value


def _stripe_key(read: Reader) -> str:
    """A key that a server may use: a secret one or a restricted one; no refusal shows it."""
    value = read.text("STRIPE_SECRET_KEY")
    if value and not re.fullmatch(r"(sk|rk)_\S+", value):
        raise SettingsError("STRIPE_SECRET_KEY", "must begin with sk_ or rk_; a pk_ key is for browsers")
    return value


def _providers(read: Reader) -> dict[str, Any]:
    return {
        "smtp_url": _smtp_url(read),
        "mail_from": read.sender("MAIL_FROM", "AstroTV <no-reply@localhost>"),
        "stripe_secret_key": _stripe_key(read),
        "stripe_webhook_secret": read.required("STRIPE_WEBHOOK_SECRET")
        and read.strong_in_production("STRIPE_WEBHOOK_SECRET", SHORTEST_STRIPE_SECRET),
        "dodo_api_key": read.text("DODO_API_KEY"),
        "dodo_webhook_secrets": read.standard_webhook_secrets("DODO_WEBHOOK_SECRET"),
        "livekit_url": read.url("LIVEKIT_URL", "", ("wss", "ws", *HTTP)),
        "livekit_api_key": read.text("LIVEKIT_API_KEY"),
        "livekit_api_secret": read.strong_in_production("LIVEKIT_API_SECRET", SHORTEST_SECRET),
        "platform_share_percent": read.whole("PLATFORM_SHARE_PERCENT", 30, 0, 100),
        "subscription_currency": read.currency("SUBSCRIPTION_CURRENCY", "PEN"),
        "subscription_prices": read.rising("SUBSCRIPTION_PRICES", "1490,2990,5990"),
        "subscription_coins": read.rising("SUBSCRIPTION_COINS", "300,600,1200"),
        "subscription_grace_s": read.duration_s("SUBSCRIPTION_GRACE", "3d"),
        "creator_review": read.choice("CREATOR_REVIEW", "off", ("on", "off")) == "on",
        "engagement_weights": read.weights("ENGAGEMENT_WEIGHTS", ENGAGEMENT_WEIGHTS),
    }


def _logging(read: Reader) -> dict[str, Any]:
    return {
        "log_level": read.choice("LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
        "log_format": read.choice("LOG_FORMAT", "json", ("json", "console")),
        "log_file": str(ROOT / log_file) if (log_file := read.text("LOG_FILE")) else "",
    }
