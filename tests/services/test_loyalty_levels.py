"""A streamer's ladder is replaced whole, or not at all."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from db.connection import connection
from services import loyalty, loyalty_levels
from services.actors import Actor, Role
from services.errors import Forbidden, Invalid
from services.ids import new_id
from services.loyalty_levels import LevelDraft, LevelView
from settings import Settings
from tests.factories import actor_of, make_user


def _streamer() -> Actor:
    return actor_of(make_user(role=Role.STREAMER))


def _draft(name: str, points: int, level: LevelView | None = None) -> LevelDraft:
    return LevelDraft(name=name, required_points=points, reward=f"for {points}", id=level.id if level else None)


def test_levels_are_created_changed_and_deleted_at_once() -> None:
    actor = _streamer()
    friend, fan, hero = loyalty_levels.replace_levels(
        actor, [_draft("Friend", 10), _draft("Fan", 50), _draft("Hero", 90)]
    )
    now = loyalty_levels.replace_levels(
        actor, [_draft("Newcomer", 5), _draft("Fan!", 60, fan), _draft("Hero", 90, hero)]
    )
    assert [(level.name, level.required_points) for level in now] == [("Newcomer", 5), ("Fan!", 60), ("Hero", 90)]
    assert [level.id for level in now[1:]] == [fan.id, hero.id]
    assert friend.id not in {level.id for level in now}
    assert loyalty.streamer_level(actor.user_id, 60) == 2


def test_levels_may_trade_their_points() -> None:
    actor = _streamer()
    low, high = loyalty_levels.replace_levels(actor, [_draft("Low", 10), _draft("High", 20)])
    now = loyalty_levels.replace_levels(actor, [_draft("High", 10, high), _draft("Low", 20, low)])
    assert [(level.id, level.required_points) for level in now] == [(high.id, 10), (low.id, 20)]


def test_an_empty_list_takes_every_level_away() -> None:
    actor = _streamer()
    loyalty_levels.replace_levels(actor, [_draft("Low", 10)])
    assert loyalty_levels.replace_levels(actor, []) == []


@pytest.mark.parametrize("points", [(10, 10), (20, 10), (1, 5, 3)])
def test_points_that_do_not_rise_are_refused_naming_the_level(points: tuple[int, ...]) -> None:
    actor = _streamer()
    before = loyalty_levels.replace_levels(actor, [_draft("Kept", 7)])
    with pytest.raises(Invalid) as refusal:
        loyalty_levels.replace_levels(actor, [_draft(f"L{number}", number) for number in points])
    assert [detail.field for detail in refusal.value.details] == [f"[{len(points) - 1}].requiredPoints"]
    assert loyalty_levels.levels_of(actor.user_id) == before


def test_a_level_of_somebody_else_or_given_twice_is_refused() -> None:
    actor, other = _streamer(), _streamer()
    [own] = loyalty_levels.replace_levels(actor, [_draft("Own", 1)])
    [foreign] = loyalty_levels.replace_levels(other, [_draft("Foreign", 1)])
    unknown = LevelDraft(name="Ghost", required_points=9, id=new_id())
    for wrong in (_draft("Stolen", 5, foreign), unknown, _draft("Twice", 5, own)):
        with pytest.raises(Invalid) as refusal:
            loyalty_levels.replace_levels(actor, [_draft("Own", 1, own), wrong])
        assert refusal.value.details[0].field == "[1].id"
    assert loyalty_levels.levels_of(actor.user_id) == [own]
    assert loyalty_levels.levels_of(other.user_id) == [foreign]


def test_levels_need_a_channel() -> None:
    with pytest.raises(Forbidden):
        loyalty_levels.replace_levels(actor_of(make_user()), [_draft("Low", 10)])


def test_of_many_lists_at_a_time_one_stands_whole(committed_db: Settings) -> None:
    actor = _streamer()
    ladders = [[_draft(f"{number}-{step}", step * 10 + 1) for step in range(5)] for number in range(12)]

    def replace(ladder: list[LevelDraft]) -> None:
        with connection():
            loyalty_levels.replace_levels(actor, ladder)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(replace, ladders))
    names = [level.name for level in loyalty_levels.levels_of(actor.user_id)]
    assert names in [[draft.name for draft in ladder] for ladder in ladders]
