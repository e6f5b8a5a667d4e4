"""Ports that cannot be used are named with their setting before anything starts."""

import socket

import msgspec
import pytest

from operations import ports
from settings import Settings, SettingsError, load

ENVIRONMENT = {
    "DATABASE_URL": "postgresql://x/x",
    "REDIS_URL": "redis://x",
    "JWT_SECRET": "0123456789abcdefghijklmnopqrstuvwxyz",
    "STREAM_KEY_SECRET": "0123456789abcdefghijklmnopqrstuvwxyz",
    "INGEST_SECRET": "0123456789abcdefghijklmnopqrstuvwxyz",
    "PLAYBACK_SECRET": "0123456789abcdefghijklmnopqrstuvwxyz",
    "STRIPE_WEBHOOK_SECRET": "whsec_0123456789abcdefghijklmnopqrstuvwxyz",
}


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    numbers = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return numbers


@pytest.fixture
def settings() -> Settings:
    names = ("port", "realtime_port", "rtmp_port", "relay_port", "flower_port")
    return msgspec.structs.replace(load(ENVIRONMENT), **dict(zip(names, free_ports(5), strict=True)))


def test_free_ports_pass(settings: Settings) -> None:
    ports.refuse_taken(settings)


def test_a_taken_port_is_named_with_its_setting_and_holder(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.rtmp_port)), pytest.raises(SettingsError) as refusal:
        ports.refuse_taken(settings)
    assert refusal.value.name == "RTMP_PORT"
    assert str(settings.rtmp_port) in str(refusal.value)
    assert "taken" in str(refusal.value)


def test_two_settings_with_one_port_are_refused(settings: Settings) -> None:
    twins = msgspec.structs.replace(settings, relay_port=settings.port)
    with pytest.raises(SettingsError, match=r"RELAY_PORT.*PORT"):
        ports.refuse_taken(twins)
