"""Settings that could not work are refused at the start, by their name, and no refusal shows a secret."""

import os

import pytest

import settings as configuration
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
