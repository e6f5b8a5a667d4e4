"""Settings of accounts that are refused at the start, by the name of their variable."""

import os

import pytest

import settings as configuration
from settings import SettingsError

KEY = "Ab3defGH" * 5 + "xyz="


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_URL", "localhost:25"),
        ("SMTP_URL", "http://localhost"),
        ("SMTP_URL", "smtp:///mail"),
        ("SMTP_URL", "smtp://a b"),
        ("ENCRYPTION_KEYS", "short"),
        ("ENCRYPTION_KEYS", f"{KEY},secret-but-no-key"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        configuration.load({**os.environ, name: value})
    assert refused.value.name == name
    assert value not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["", "smtp://localhost", "smtps://me:p%40ss@mail.example.com:465", "smtp+starttls://m/"]
)
def test_a_mail_server_is_named_in_one_of_three_ways(url: str) -> None:
    assert configuration.load({**os.environ, "SMTP_URL": url}).smtp_url == url


def test_keys_are_listed_newest_first() -> None:
    other = KEY[::-1].lstrip("=") + "="
    assert configuration.load({**os.environ, "ENCRYPTION_KEYS": f"{other}, {KEY}"}).encryption_keys == (other, KEY)
