"""What tiers give: in chat, on streams and posts, and as capabilities."""

from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from db.connection import query
from db.models.emotes import Emote
from db.models.users import User
from services import emotes, entitlements, messages, rooms, subscriptions
from services.actors import Role
from services.bus import bus
from services.chat import Draft, send_message
from services.emotes import EmoteDraft
from services.errors import Forbidden, NotFound
from services.rooms import ChatSettingsPatch, RoomRef
from services.subscription_orders import SubscriptionOrder
from services.tiers import PaymentMethod, Tier
from services.topics import CONTROL
from services.uploads import ReceivedFile
from tests.factories import actor_of, make_user
from tests.hearing import said
from tests.payments import give_coins
from tests.pictures import picture


@pytest.fixture
def streamer(_database: None) -> User:
    return make_user(role=Role.STREAMER)


def subscriber(streamer: User, tier: Tier) -> User:
    viewer = make_user()
    give_coins(viewer, 2000)
    order = SubscriptionOrder(streamer_id=streamer.id, tier=tier, payment_method=PaymentMethod.COINS)
    subscriptions.subscribe(actor_of(viewer), order)
    return viewer


def room_of(streamer: User) -> RoomRef:
    [(room_id,)] = query("SELECT room_id FROM channels WHERE user_id = %s", (streamer.id,))
    return RoomRef(room_id, "room")


def say(user: User, room: RoomRef) -> list[str]:
    """Badges under which a message was sent."""
    message = send_message(Draft(room=room, actor=actor_of(user), text="hello"))
    assert message.author is not None
    return message.author.badges


@pytest.mark.parametrize(
    ("tier", "given"),
    [
        (None, []),
        (Tier.BASIC, ["ad_free", "no_slow_mode"]),
        (Tier.PRO, ["ad_free", "no_slow_mode", "exclusive_emotes"]),
        (Tier.PREMIUM, ["ad_free", "no_slow_mode", "exclusive_emotes", "subscriber_content", "priority"]),
    ],
)
def test_each_tier_gives_more_than_the_one_below(tier: Tier | None, given: list[str], streamer: User) -> None:
    viewer = subscriber(streamer, tier) if tier else make_user()
    found = entitlements.capabilities_with(viewer.id, streamer.id)
    assert [name for name in found.__struct_fields__ if getattr(found, name)] == given
    assert entitlements.capabilities_with(streamer.id, viewer.id) == entitlements.NOTHING


def test_who_has_no_tier_may_nothing() -> None:
    assert entitlements.capabilities(None) == entitlements.NOTHING
    assert not any(getattr(entitlements.NOTHING, name) for name in entitlements.NOTHING.__struct_fields__)


def test_the_tier_for_content_is_told_to_whoever_sets_it(streamer: User) -> None:
    assert entitlements.content_tier_of(streamer.id) is Tier.PREMIUM
    assert entitlements.set_content_tier(actor_of(streamer), Tier.PRO) is Tier.PRO
    assert entitlements.content_tier_of(streamer.id) is Tier.PRO
    viewer = make_user()
    with pytest.raises(NotFound):
        entitlements.content_tier_of(viewer.id)
    with pytest.raises(NotFound):
        entitlements.set_content_tier(actor_of(viewer), Tier.PRO)


@pytest.mark.parametrize("tier", list(Tier))
def test_badges_say_the_tier_now_and_in_history(tier: Tier, streamer: User) -> None:
    viewer, room = subscriber(streamer, tier), room_of(streamer)
    assert say(viewer, room) == [f"subscriber_{tier}"]
    [shown] = messages.history(room, 20, None).items
    assert shown.author and shown.author.badges == [f"subscriber_{tier}"]


@pytest.mark.parametrize("tier", [None, *Tier])
def test_a_chat_for_emotes_takes_those_that_there_are_and_that_the_tier_reaches(
    tier: Tier | None, streamer: User
) -> None:
    for needed in Tier:
        Emote.create(streamer=streamer.id, code=f"Kite_{needed}", tier=needed, images={"28": "emotes/x.webp"})
    viewer, room = subscriber(streamer, tier) if tier else make_user(), room_of(streamer)
    rooms.change_settings(actor_of(streamer), room.id, ChatSettingsPatch(emote_only=True))
    assert passes(viewer, room, "\U0001f389")
    assert not passes(viewer, room, ":kite:")
    reached = [needed for needed in Tier if passes(viewer, room, f":kite_{needed}: \U0001f389 :KITE_{needed}:")]
    assert reached == [needed for needed in Tier if tier is not None and tier.rank >= needed.rank]


def test_an_emote_that_is_new_or_gone_is_told_to_those_who_remember(streamer: User, tmp_path: Path) -> None:
    viewer, room = subscriber(streamer, Tier.PRO), room_of(streamer)
    rooms.change_settings(actor_of(streamer), room.id, ChatSettingsPatch(emote_only=True))
    with closing(bus.redis.pubsub()) as control:
        control.subscribe(CONTROL)
        path = tmp_path / "kite.png"
        path.write_bytes(picture("PNG"))
        made = emotes.add_emote(actor_of(streamer), EmoteDraft(code="kite"), ReceivedFile(path, path.stat().st_size))
        assert passes(viewer, room, ":kite:")
        emotes.remove_emote(actor_of(streamer), made.id)
        assert not passes(viewer, room, ":kite:")
        told = [msgspec.json.decode(heard.body) for heard in said(control)]
    assert [event["type"] for event in told if event.get("roomId") == str(room.id)] == ["chat_settings"] * 2


def passes(user: User, room: RoomRef, text: str) -> bool:
    try:
        return bool(send_message(Draft(room=room, actor=actor_of(user), text=text)))
    except Forbidden as refusal:
        assert refusal.code == "emote_only"
        return False


def test_a_chat_for_subscribers_takes_subscribers(streamer: User) -> None:
    viewer, stranger, room = subscriber(streamer, Tier.BASIC), make_user(), room_of(streamer)
    rooms.change_settings(actor_of(streamer), room.id, ChatSettingsPatch(subscribers_only=True))
    say(viewer, room)
    with pytest.raises(Forbidden) as refusal:
        say(stranger, room)
    assert refusal.value.code == "subscribers_only"


def test_subscribers_wait_for_nobody(streamer: User) -> None:
    viewer, room = subscriber(streamer, Tier.BASIC), room_of(streamer)
    rooms.change_settings(actor_of(streamer), room.id, ChatSettingsPatch(slow_mode_seconds=60))
    for _ in range(3):
        say(viewer, room)


def test_content_for_subscribers_asks_for_the_tier_that_the_streamer_set(streamer: User) -> None:
    viewers = {tier: subscriber(streamer, tier) for tier in Tier}

    def seen() -> list[Tier]:
        return [tier for tier, viewer in viewers.items() if entitlements.sees_content(actor_of(viewer), streamer.id)]

    assert seen() == [Tier.PREMIUM]
    entitlements.set_content_tier(actor_of(streamer), Tier.PRO)
    assert seen() == [Tier.PRO, Tier.PREMIUM]
    entitlements.set_content_tier(actor_of(streamer), Tier.BASIC)
    assert seen() == list(Tier)


def test_the_streamer_and_staff_see_it_and_nobody_else(streamer: User) -> None:
    for user, sees in (
        (streamer, True),
        (make_user(role=Role.ADMIN), True),
        (make_user(), False),
        (make_user(role=Role.STREAMER), False),
    ):
        assert entitlements.sees_content(actor_of(user), streamer.id) is sees
    assert not entitlements.sees_content(None, streamer.id)
    assert not entitlements.sees_content(actor_of(streamer), None)


@pytest.mark.parametrize(("visibility", "watched"), [("PUBLIC", True), ("UNLISTED", True), ("SUBSCRIBERS", False)])
def test_what_is_for_subscribers_alone_is_watched_by_them_and_its_owner(
    streamer: User, visibility: str, watched: bool
) -> None:
    viewer = subscriber(streamer, Tier.PREMIUM)
    for actor, may in ((None, watched), (actor_of(make_user()), watched), (actor_of(viewer), True)):
        assert entitlements.may_watch(actor, visibility, streamer.id) is may
    assert entitlements.may_watch(actor_of(streamer), visibility, streamer.id)


def test_access_ends_with_the_paid_time(streamer: User) -> None:
    viewer = subscriber(streamer, Tier.PREMIUM)
    query("UPDATE subscriptions SET status = 'cancelled', expires_at = now() - interval '1 second'")
    assert entitlements.capabilities_with(viewer.id, streamer.id) == entitlements.NOTHING
