"""Whose address counts, and who is believed about it."""

from collections.abc import Iterator

import pytest

from services.client_addresses import client_address


@pytest.fixture(autouse=True)
def _database() -> Iterator[None]:
    """Nothing here needs one."""
    yield


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        ("", 0, "10.0.0.9"),
        ("192.0.2.1", 0, "10.0.0.9"),
        ("192.0.2.1", 1, "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1", 1, "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1, 10.0.0.8", 2, "192.0.2.1"),
        ("192.0.2.1", 2, "192.0.2.1"),
        ("", 1, "10.0.0.9"),
        ("unknown", 1, "10.0.0.9"),
        ("x" * 5000, 1, "10.0.0.9"),
        ("2001:DB8::1", 1, "2001:db8::1"),
    ],
)
def test_only_our_own_proxies_say_where_a_client_is(forwarded: str, proxies: int, address: str) -> None:
    assert client_address("10.0.0.9", forwarded, proxies) == address
