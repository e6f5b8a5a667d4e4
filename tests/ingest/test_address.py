"""Where a process says that its relay is."""

import msgspec
import pytest

from ingest.address import own_relay_url
from settings import Settings


@pytest.mark.parametrize(
    ("template", "redis", "address"),
    [
        ("http://{host}:{port}", "redis://127.0.0.1:6379/0", "http://127.0.0.1:8012"),
        ("http://{host}:{port}", "redis://[::1]/0", "http://[::1]:8012"),
        ("http://{host}:{port}", "unix:///run/redis.sock", "http://127.0.0.1:8012"),
        ("http://ingest-3:8002", "redis://no.such.host/0", "http://ingest-3:8002"),
    ],
)
def test_host_and_port_are_its_own(settings: Settings, template: str, redis: str, address: str) -> None:
    here = msgspec.structs.replace(settings, relay_own_url=template, redis_url=redis, relay_port=8012)
    assert own_relay_url(here) == address
