"""Settings that could not work are refused at the start, by their name, and no refusal shows a secret."""

import os
import secrets
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

import settings as configuration
from operations import readiness
from settings import SettingsError

ADDRESSES = [
    *("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "CELERY_BROKER_URL", "RELAY_URL", "PUBLIC_URL"),
    *("PUBLIC_RTMP_URL", "PUBLIC_REALTIME_URL", "PUBLIC_RELAY_URL", "FRONTEND_URL", "AWS_ENDPOINT_URL", "LIVEKIT_URL"),
]


def refusal(**change: str) -> SettingsError:
    with pytest.raises(SettingsError) as refused:
        configuration.load(dict(os.environ) | change)
    return refused.value


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("value", ["abc", "0", "*", "/", "http//host", "ftp://host", "redis:", "://", "http://a b"])
def test_an_address_has_a_scheme_that_is_spoken_there(name: str, value: str) -> None:
    assert refusal(**{name: value}).name == name


@pytest.mark.parametrize(
    "value", ["*", "null", "localhost:3000", "https://app.example/path", "https://*.example", "a,b"]
)
def test_origins_are_named_one_by_one(value: str) -> None:
    assert refusal(CORS_ORIGIN=value).name == "CORS_ORIGIN"


def test_origins_are_read_as_browsers_send_them() -> None:
    environment = dict(os.environ) | {"CORS_ORIGIN": "https://app.example/, http://localhost:3000"}
    assert configuration.load(environment).cors_origins == ("https://app.example", "http://localhost:3000")


@pytest.mark.parametrize("value", ["operator", "operator:", ":swordfish9", "operator:short"])
def test_flower_is_signed_in_to_by_name_and_password(value: str) -> None:
    found = refusal(FLOWER_BASIC_AUTH=value)
    assert found.name == "FLOWER_BASIC_AUTH"
    assert value not in str(found)


def test_no_refusal_shows_a_password_of_a_store() -> None:
    assert "swordfish" not in str(refusal(DATABASE_URL="mysql://astrotv:swordfish@db/astrotv"))


@pytest.mark.parametrize("name", ["HOST", "REALTIME_HOST", "RTMP_HOST"])
@pytest.mark.parametrize("value", ["a b", "http://host", "/", "*"])
def test_a_host_is_a_name_or_an_address(name: str, value: str) -> None:
    assert refusal(**{name: value}).name == name


@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_OWNER_URL"])
@pytest.mark.parametrize(
    "value", ["postgresql://h:port/x", "postgresql://h:70000/x", "postgresql://u:50%@h/x", "postgresql://u:p@h"]
)
def test_what_postgresql_could_not_read_is_refused_before_it_is_asked(name: str, value: str) -> None:
    found = refusal(**{name: value})
    assert found.name == name
    assert "50%" not in str(found)


def test_several_hosts_of_one_database_are_an_address() -> None:
    url = "postgresql://one:5432,two:5432/astrotv?target_session_attrs=read-write"
    assert configuration.load(dict(os.environ) | {"DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize("name", ["REDIS_URL", "CELERY_BROKER_URL"])
@pytest.mark.parametrize(
    "value", ["redis://h:port", "redis://h:70000/0", "redis://h/abc", "redis://[::1", "redis://h?db=x", "unix://"]
)
def test_what_redis_could_not_be_reached_by_is_refused(name: str, value: str) -> None:
    assert refusal(**{name: value}).name == name


@pytest.mark.parametrize("name", ["PUBLIC_URL", "RELAY_URL", "FRONTEND_URL", "AWS_ENDPOINT_URL"])
@pytest.mark.parametrize("value", ["http://h:port", "http://h:70000", "http://?a", "https://:443", "http://[::1"])
def test_a_web_address_has_a_host_and_a_port_that_exists(name: str, value: str) -> None:
    assert refusal(**{name: value}).name == name


@pytest.mark.parametrize("value", ["smtp://h:port", "smtp://h:70000", "smtp://@", "smtp://:25"])
def test_a_mail_server_has_a_host_and_a_port_that_exists(value: str) -> None:
    assert refusal(SMTP_URL=value).name == "SMTP_URL"


@pytest.mark.parametrize("value", ["nobody", "a@b, c@d", "A <a b@c>", "a@b\nBcc: c@d", "<>", "@b"])
def test_letters_come_from_an_address(value: str) -> None:
    assert refusal(MAIL_FROM=value).name == "MAIL_FROM"


@pytest.mark.parametrize("value", ["a@b.example", "AstroTV <no-reply@localhost>", '"TV, Astro" <tv@b.example>'])
def test_letters_come_from_a_name_and_an_address(value: str) -> None:
    assert configuration.load(dict(os.environ) | {"MAIL_FROM": value}).mail_from == value


@pytest.mark.parametrize("name", ["JWT_EXPIRES_IN", "JWT_REFRESH_EXPIRES_IN", "GRACE_WINDOW", "MAX_STREAM_DURATION"])
def test_no_duration_is_longer_than_a_calendar_knows(name: str) -> None:
    assert refusal(**{name: "999999999d"}).name == name


@pytest.mark.parametrize(
    "value", ["0/minute", "100/0minutes", "100 per 0 minutes", "100/minute;1/day", "9999999999/minute", "1/9999999year"]
)
def test_a_rate_is_one_limit_that_lets_somebody_pass_and_comes_to_an_end(value: str) -> None:
    assert refusal(RATE_LIMIT_DEFAULT=value).name == "RATE_LIMIT_DEFAULT"


def test_half_of_livekit_is_refused_by_what_is_missing() -> None:
    assert refusal(LIVEKIT_URL="wss://video.example").name == "LIVEKIT_API_KEY"


@pytest.mark.parametrize("value", ["https://h/{name}/{other}", "https://h/{name}{", "https://h:port/{name}", "{name}"])
def test_other_servers_streams_play_at_an_address_with_their_name_alone(value: str) -> None:
    assert refusal(HOOK_HLS_URL=value).name == "HOOK_HLS_URL"


def test_relative_folders_are_beside_the_code_wherever_a_command_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"DATA_DIR": "data", "HLS_PATH": "hls", "MEDIA_STORAGE": "file:media", "LOG_FILE": "astrotv.log"}
    found = configuration.load(dict(os.environ) | given)
    beside = Path(configuration.__file__).resolve().parent
    assert (found.data_dir, found.hls_path) == (beside / "data", beside / "hls")
    assert (found.media_storage, found.log_file) == (f"file:{beside / 'media'}", str(beside / "astrotv.log"))


def test_addresses_of_an_ip_version_6_host_are_written_in_brackets() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PUBLIC_")}
    found = configuration.load(environment | {"HOST": "2001:db8::1", "PORT": "8000"})
    assert found.public_url == "http://[2001:db8::1]:8000"


@pytest.mark.parametrize(
    ("host", "relay"), [("::1", "[::1]"), ("::", "[::1]"), ("192.0.2.7", "192.0.2.7"), ("0.0.0.0", "127.0.0.1")]
)
def test_workers_look_for_the_relay_where_it_listens(host: str, relay: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "RELAY_URL"}
    found = configuration.load(environment | {"HOST": host, "RELAY_PORT": "8002"})
    assert found.relay_url == f"http://{relay}:8002"
    assert readiness.pages(found)["ingest"] == f"http://{relay}:8002/health"


@pytest.mark.parametrize("name", ["API_WORKERS", "API_THREADS"])
@pytest.mark.parametrize("value", ["abc", "0", "-1", "1.5", "100000"])
def test_what_gunicorn_is_told_is_checked_with_the_rest(name: str, value: str) -> None:
    assert refusal(**{name: value}).name == name


def in_production(**change: str) -> dict[str, str]:
    """A production that starts, but for the change."""
    names = ("JWT_SECRET", "STREAM_KEY_SECRET", "INGEST_SECRET", "PLAYBACK_SECRET", "STRIPE_WEBHOOK_SECRET")
    return {
        **{name: secrets.token_urlsafe(36) for name in names},
        "ASTROTV_ENV": "production",
        "BCRYPT_ROUNDS": "12",
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "FLOWER_BASIC_AUTH": "operator:a-long-one-9",
        "STRIPE_SECRET_KEY": "sk_live_x",
        **change,
    }


def test_a_production_with_strong_secrets_starts() -> None:
    assert configuration.load(dict(os.environ) | in_production()).production


@pytest.mark.parametrize("name", sorted(in_production().keys() - {"ASTROTV_ENV", "BCRYPT_ROUNDS"}))
def test_production_names_the_secret_that_is_missing(name: str) -> None:
    assert refusal(**in_production(**{name: ""})).name == name


@pytest.mark.parametrize("name", ["JWT_SECRET", "STREAM_KEY_SECRET", "INGEST_SECRET", "PLAYBACK_SECRET"])
@pytest.mark.parametrize(
    "value",
    ["short", "ab" * 20, "please-change-me-before-going-live-42", "my_super_secret_JWT_key_2026_zx9", "0123456789" * 4],
)
def test_production_refuses_a_secret_that_could_be_guessed(name: str, value: str) -> None:
    found = refusal(**in_production(**{name: value}))
    assert found.name == name
    assert value not in str(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRIPE_WEBHOOK_SECRET", "whsec_x"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_placeholder_placeholder"),
        ("LIVEKIT_API_SECRET", "secret"),
        ("ENCRYPTION_KEYS", "A" * 43 + "="),
        ("STRIPE_SECRET_KEY", "pk_live_0123456789"),
        ("DODO_WEBHOOK_SECRET", "whsec_AAAAAAAAAAAAAAAAA"),
    ],
)
def test_production_refuses_secrets_of_others_that_could_be_guessed(name: str, value: str) -> None:
    livekit = {"LIVEKIT_URL": "wss://video.example", "LIVEKIT_API_KEY": "key"} if "LIVEKIT" in name else {}
    found = refusal(**in_production(**livekit, **{name: value}))
    assert found.name == name
    assert value not in str(found)


def test_no_secret_serves_two_purposes_in_production() -> None:
    same = secrets.token_urlsafe(36)
    assert refusal(**in_production(JWT_SECRET=same, INGEST_SECRET=same)).name == "INGEST_SECRET"
