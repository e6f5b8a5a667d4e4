"""Who waits for a provider that is silent, who is refused at once, and who tries."""

from collections.abc import Iterator

import pytest

from services.gateways.payments import patience
from services.gateways.payments.interface import ProviderAway
from services.gateways.payments.patience import AGAIN_S, Patience

TIMEOUT_S = 10.0


class Time:
    """Seconds that pass when they are told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _database() -> None:
    """None."""


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Iterator[Time]:
    passing = Time()
    monkeypatch.setattr(patience, "monotonic", passing)
    yield passing


def call(waiting: Patience, time: Time, *, takes_s: float, fails: bool) -> None:
    with waiting.calling():
        time.now += takes_s
        if fails:
            raise ProviderAway("it fails")


def is_refused(waiting: Patience) -> bool:
    try:
        with waiting.calling():
            return False
    except ProviderAway:
        return True


def test_a_quick_failure_is_an_answer(time: Time) -> None:
    waiting = Patience(TIMEOUT_S)
    with pytest.raises(ProviderAway, match="it fails"):
        call(waiting, time, takes_s=1, fails=True)
    call(waiting, time, takes_s=1, fails=False)


def test_after_one_has_waited_in_vain_one_at_a_time_tries(time: Time) -> None:
    waiting = Patience(TIMEOUT_S)
    with pytest.raises(ProviderAway, match="it fails"):
        call(waiting, time, takes_s=TIMEOUT_S, fails=True)
    assert is_refused(waiting)
    time.now += AGAIN_S
    with pytest.raises(ProviderAway, match="it fails"), waiting.calling():
        assert is_refused(waiting), "somebody tries already"
        time.now += TIMEOUT_S
        raise ProviderAway("it fails")
    assert is_refused(waiting)


def test_an_answer_lets_everybody_pass(time: Time) -> None:
    waiting = Patience(TIMEOUT_S)
    with pytest.raises(ProviderAway):
        call(waiting, time, takes_s=TIMEOUT_S, fails=True)
    time.now += AGAIN_S
    call(waiting, time, takes_s=9, fails=False)
    with waiting.calling():
        assert not is_refused(waiting)


def test_whoever_waited_beside_the_one_who_tries_does_not_let_another_try(time: Time) -> None:
    waiting = Patience(TIMEOUT_S)
    with pytest.raises(ProviderAway, match="late"), waiting.calling():
        with pytest.raises(ProviderAway, match="it fails"):
            call(waiting, time, takes_s=TIMEOUT_S, fails=True)
        time.now += AGAIN_S
        trying = waiting.calling()
        trying.__enter__()
        raise ProviderAway("late")
    time.now += AGAIN_S
    assert is_refused(waiting)
