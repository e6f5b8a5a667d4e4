import itertools

from hypothesis import given
from hypothesis import strategies as st

from ingest.timeline import GAP_MS, LARGEST_JUMP_MS, Timeline


def test_times_begin_at_zero_wherever_the_encoder_begins() -> None:
    timeline = Timeline()
    assert [timeline.at(raw) for raw in (90_000, 90_033, 90_020)] == [0, 33, 20]


def test_times_go_on_where_timestamps_wrap() -> None:
    timeline = Timeline()
    assert [timeline.at(raw) for raw in (2**32 - 10, 5, 40)] == [0, 15, 50]


def test_a_jump_is_a_new_beginning_and_not_a_gap() -> None:
    timeline = Timeline()
    assert [timeline.at(raw) for raw in (0, 1000, 600_000, 600_033)] == [0, 1000, 1000 + GAP_MS, 1033 + GAP_MS]
    assert timeline.at(5) == 1033 + 2 * GAP_MS


def test_a_new_connection_follows_the_old_one() -> None:
    timeline = Timeline()
    timeline.at(0)
    timeline.at(5000)
    timeline.restart()
    assert [timeline.at(raw) for raw in (0, 33)] == [5000 + GAP_MS, 5033 + GAP_MS]


def test_times_can_be_moved_behind_what_an_earlier_process_made() -> None:
    timeline = Timeline()
    timeline.at(77)
    timeline.shift(60_000)
    assert timeline.at(110) == 60_033


@given(st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=50))
def test_no_timestamps_move_time_far(raws: list[int]) -> None:
    timeline = Timeline()
    times = [timeline.at(raw) for raw in raws]
    assert all(abs(after - before) <= 2 * LARGEST_JUMP_MS for before, after in itertools.pairwise(times))
