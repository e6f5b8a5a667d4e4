"""How many sockets one place may have, and what counts as one."""

import msgspec
import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from realtime.admission import Admission
from realtime.metrics import Metrics
from settings import Settings


@pytest.fixture
def admission(settings: Settings) -> Admission:
    return Admission(msgspec.structs.replace(settings, ws_max_connections_per_address=2, trusted_proxies=0), Metrics())


def place_of(who: Admission, peer: str, path: str = "/ws", **headers: str) -> str | int:
    """As what a first request counts, or the status with which it is sent away."""
    decided = who.read(Request(path, Headers(headers)), peer)
    return decided.status_code if isinstance(decided, Response) else decided[1]


def test_a_place_has_so_many_sockets_and_no_more(admission: Admission) -> None:
    for _ in range(2):
        admission.enter(str(place_of(admission, "192.0.2.1")))
    assert place_of(admission, "192.0.2.1") == 429
    assert place_of(admission, "192.0.2.2") == "192.0.2.2"
    admission.leave("192.0.2.1")
    assert place_of(admission, "192.0.2.1") == "192.0.2.1"


def test_a_household_that_changes_its_address_is_one_place(admission: Admission) -> None:
    for number in range(2):
        admission.enter(str(place_of(admission, f"2001:db8::{number}")))
    assert place_of(admission, "2001:db8::9") == 429
    assert place_of(admission, "2001:db8:0:1::9") == "2001:db8:0:1::/64"
    assert place_of(admission, "::ffff:192.0.2.1") == "192.0.2.1"


def test_only_our_own_proxies_say_from_where_somebody_comes(admission: Admission, settings: Settings) -> None:
    behind_one = Admission(msgspec.structs.replace(settings, trusted_proxies=1), Metrics())
    forwarded = {"X-Forwarded-For": "6.6.6.6, 192.0.2.7"}
    assert place_of(admission, "10.0.0.1", **forwarded) == "10.0.0.1"
    assert place_of(behind_one, "10.0.0.1", **forwarded) == "192.0.2.7"


def test_metrics_are_for_networks_of_our_own(admission: Admission) -> None:
    assert place_of(admission, "10.0.0.1", "/metrics") == 200
    assert place_of(admission, "::ffff:8.8.8.8", "/metrics") == 404
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        assert place_of(admission, "10.0.0.1", "/metrics", **{name: "10.0.0.2"}) == 404
