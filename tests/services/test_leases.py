from services.leases import Lease
from tests.relay import eventually


def lease(holder: str, ttl_s: float = 5) -> Lease:
    return Lease("thing", holder, ttl_s)


def test_one_holder_at_a_time() -> None:
    assert lease("a").acquire()
    assert not lease("b").acquire()
    assert lease("a").acquire()


def test_only_the_holder_renews_and_releases() -> None:
    lease("a").acquire()
    assert not lease("b").renew()
    assert not lease("b").release()
    assert lease("a").renew()
    assert lease("a").release()
    assert lease("b").acquire()


def test_a_lease_that_nobody_renews_lapses() -> None:
    lease("a", 0.05).acquire()
    eventually(lambda: lease("b").acquire())
    assert not lease("a").renew()
