"""How fast one socket may speak."""

from realtime.pace import BURST, COMMANDS_A_S, COSTLY_A_S, REFUSALS, Pace
from realtime.protocol import Join, Ping


def test_a_burst_passes_and_then_only_as_much_as_time_allows() -> None:
    pace, ping = Pace(), Ping()
    assert [pace.wait_s(ping, now=100) for _ in range(BURST)] == [0] * BURST
    assert 0 < pace.wait_s(ping, now=100) <= 1 / COMMANDS_A_S
    assert pace.wait_s(ping, now=100 + 1 / COMMANDS_A_S) == 0


def test_what_reads_the_database_has_an_allowance_of_its_own() -> None:
    pace = Pace()
    for _ in range(BURST):
        assert pace.wait_s(Join(room="stream:1"), now=0) == 0
    assert 0 < pace.wait_s(Join(room="stream:1"), now=0) <= 1 / COSTLY_A_S
    assert pace.wait_s(Ping(), now=0) == 0


def test_whoever_goes_on_although_refused_is_hopeless() -> None:
    pace = Pace()
    for _ in range(BURST + REFUSALS - 1):
        pace.wait_s(Ping(), now=0)
    assert not pace.is_hopeless
    pace.wait_s(Ping(), now=0)
    assert pace.is_hopeless
