"""Messages that cross on their way are passed on in order, each once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.sequence import Numbered, Sequence, last_seq, read_payload


def item(seq: int) -> Numbered:
    return Numbered(seq, b"%d" % seq)


@given(st.permutations(range(1, 30)), st.integers(0, 29), st.integers(0, 29))
def test_any_crossing_comes_out_in_order(arriving: list[int], known: int, starts_after: int) -> None:
    order = Sequence()
    passed: list[int] = []
    for position, seq in enumerate(arriving):
        if position == starts_after:
            passed += [one.seq for one in order.start(known)]
        passed += [one.seq for one in order.take([item(seq)])]
        passed += [one.seq for one in order.take([item(seq)])]
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
    passed = [one.seq for seq in sorted(heard) for one in order.take([item(seq)])]
    while gap := order.gap:
        after, before = gap
        found = [item(seq) for seq in stored if after < seq < before]
        passed += [one.seq for one in order.fill(found, before)]
    assert passed == sorted(passed)
    assert len(passed) == len(set(passed))
    assert heard <= set(passed) <= heard | stored
    assert {seq for seq in stored if seq < max(heard, default=0)} <= set(passed)


def test_a_payload_says_its_numbers_first() -> None:
    assert read_payload(b'12\n{"type":"x"}') == [Numbered(12, b'{"type":"x"}')]
    assert read_payload(b"0 cause\n{}") == [Numbered(0, b"{}", "cause")]
    batch = b'12\n{"n":1}\n13\n{"n":2}'
    assert read_payload(batch) == [Numbered(12, b'{"n":1}'), Numbered(13, b'{"n":2}')]
    assert [last_seq(payload) for payload in (b"12\n{}", b"0 cause\n{}", batch)] == [12, 0, 13]
    for wrong in (b"{}", b"x\n{}", b"1\n{}\n2"):
        with pytest.raises(ValueError, match=r"number|invalid"):
            read_payload(wrong)


def test_what_was_passed_on_is_known_again() -> None:
    order = Sequence()
    assert not order.has_passed(1)
    order.start(3)
    assert [order.has_passed(seq) for seq in (0, 3, 4)] == [False, True, False]
