"""Whose address counts, and who is believed about it."""

from collections.abc import Iterator

import pytest

from services.client_addresses import client_address, is_internal, network


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


def test_what_is_not_from_outside() -> None:
    assert all(
        is_internal(peer) for peer in ("127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", "fd00::1", "::ffff:10.0.0.1")
    )
    assert not any(is_internal(peer) for peer in ("8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "nonsense", ""))


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:DB8:0:0:ffff::9", "2001:db8::/64"),
        ("2001:db8:0:1::9", "2001:db8:0:1::/64"),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_a_household_is_one_place(address: str, place: str) -> None:
    assert network(address) == place
