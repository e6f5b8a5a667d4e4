from ingest.wall_clock import WallClock

NOW = 1_800_000_000.0


def test_a_moment_was_shown_when_what_came_soonest_says() -> None:
    clock = WallClock()
    for media_s, delay_s in ((0.0, 0.4), (0.1, 0.3), (0.2, 0.1), (0.3, 0.2)):
        clock.arrived(media_s, NOW + media_s + delay_s)
    assert clock.shown_at(0.0, NOW) == NOW + 0.1
    assert clock.shown_at(5.0, NOW) == NOW + 5.1


def test_what_was_told_once_stays_true_while_the_network_wavers() -> None:
    clock = WallClock()
    clock.arrived(0.0, NOW)
    assert clock.shown_at(1.0, NOW) == NOW + 1
    for media_s, delay_s in ((1.0, 2.0), (1.1, -0.2)):
        clock.arrived(media_s, NOW + media_s + delay_s)
    assert clock.shown_at(2.0, NOW) == NOW + 2


def test_nothing_was_shown_in_the_future() -> None:
    clock = WallClock()
    clock.arrived(0.0, NOW)
    clock.shown_at(0.0, NOW)
    clock.arrived(10.0, NOW + 1)
    assert clock.shown_at(10.0, NOW + 1) == NOW + 1
    assert clock.shown_at(0.0, NOW + 1) == NOW


def test_times_that_jumped_begin_a_new_relation() -> None:
    clock = WallClock()
    clock.arrived(0.0, NOW)
    clock.shown_at(0.0, NOW)
    for media_s in (1.0, 4.0, 7.5):
        clock.arrived(media_s, NOW + 39 + media_s)
    assert clock.shown_at(8.0, NOW + 47) == NOW + 47


def test_what_the_network_held_back_was_shown_when_its_time_says() -> None:
    clock = WallClock()
    clock.arrived(0.0, NOW)
    clock.shown_at(0.0, NOW)
    for tenth in range(10, 110):
        clock.arrived(tenth / 10, NOW + 9)
    assert clock.shown_at(9.0, NOW + 9) == NOW + 9
    assert clock.shown_at(5.0, NOW + 9) == NOW + 5


def test_every_connection_has_a_relation_of_its_own() -> None:
    clock = WallClock()
    clock.arrived(0.0, NOW)
    clock.shown_at(0.0, NOW)
    clock.restart()
    clock.arrived(1.0, NOW + 3)
    assert clock.shown_at(1.0, NOW + 3) == NOW + 3
