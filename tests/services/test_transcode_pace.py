from collections.abc import Iterator

import pytest

from services.transcode_pace import WINDOW_S, MachineClock, Pace


@pytest.fixture(autouse=True)
def _database() -> Iterator[None]:
    """Nothing here needs one."""
    yield


class Cpu:
    def __init__(self, busy: float) -> None:
        self.busy = busy

    def busy_share(self) -> float:
        return self.busy


def verdicts(pace: Pace, *, frames_a_second: float, media_a_second: float, seconds: int) -> list[bool]:
    return [
        pace.is_falling_behind(float(at), int(at * frames_a_second), at * media_a_second)
        for at in range(1, seconds + 1)
    ]


def test_an_encoder_in_real_time_keeps_up() -> None:
    pace = Pace(0.0, 30.0, Cpu(1.0))
    assert not any(verdicts(pace, frames_a_second=30, media_a_second=1.0, seconds=60))
    assert pace.ratio == pytest.approx(1.0)


def test_one_slow_window_sheds_nothing_and_two_do() -> None:
    pace = Pace(0.0, 30.0, Cpu(1.0))
    found = verdicts(pace, frames_a_second=20, media_a_second=0.66, seconds=int(2 * WINDOW_S))
    assert found.index(True) == 2 * WINDOW_S - 1


def test_dropped_frames_count_although_the_clock_of_the_media_goes_on() -> None:
    pace = Pace(0.0, 30.0, Cpu(1.0))
    assert any(verdicts(pace, frames_a_second=15, media_a_second=1.0, seconds=20))


def test_a_source_that_stalls_on_an_idle_machine_is_not_the_encoders_fault() -> None:
    pace = Pace(0.0, 30.0, Cpu(0.2))
    assert not any(verdicts(pace, frames_a_second=5, media_a_second=0.2, seconds=60))


def test_other_hardware_is_judged_by_its_speed_alone() -> None:
    pace = Pace(0.0, None, None)
    assert any(verdicts(pace, frames_a_second=0, media_a_second=0.5, seconds=20))


def test_the_machines_clock_gives_a_share() -> None:
    clock = MachineClock()
    assert 0.0 <= clock.busy_share() <= 1.0
