"""Messages that cross on their way are passed on in order, each once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.sequence import Numbered, Sequence, read_payload


def item(seq: int) -> Numbered:
    return Numbered(seq, b"%d" % seq)


@given(st.permutations(range(1, 30)), st.integers(0, 29), st.integers(0, 29))
def test_any_crossing_comes_out_in_order(arriving: list[int], known: int, starts_after: int) -> None:
    order = Sequence()
    passed: list[int] = []
    for position, seq in enumerate(arriving):
        if position == starts_after:
            passed += [one.seq for one in order.start(known)]
        passed += [one.seq for one in order.accept(item(seq))]
        passed += [one.seq for one in order.accept(item(seq))]
    if starts_after >= len(arriving):
        passed += [one.seq for one in order.start(known)]
    assert passed == list(range(known + 1, 30))
    assert order.gap is None


@given(st.sets(st.integers(1, 20)), st.sets(st.integers(1, 20)))
def test_a_gap_is_filled_from_the_database_and_what_the_database_lacks_never_comes(
    heard: set[int], stored: set[int]
) -> None:
    order = Sequence()
    order.start(0)
    passed = [one.seq for seq in sorted(heard) for one in order.accept(item(seq))]
    while gap := order.gap:
        after, before = gap
        found = [item(seq) for seq in stored if after < seq < before]
        passed += [one.seq for one in order.fill(found, before)]
    assert passed == sorted(passed)
    assert len(passed) == len(set(passed))
    assert heard <= set(passed) <= heard | stored
    assert {seq for seq in stored if seq < max(heard, default=0)} <= set(passed)


def test_a_payload_says_its_number_first() -> None:
    assert read_payload(b'12\n{"type":"x"}') == Numbered(12, b'{"type":"x"}')
    with pytest.raises(ValueError, match="without"):
        read_payload(b"{}")
