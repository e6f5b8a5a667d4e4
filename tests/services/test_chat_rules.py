"""Who may say what: the rules alone, without a database."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.actors import Role
from services.chat_rules import cleaned, refusal, slow_mode_s
from services.errors import Forbidden
from services.ids import new_id
from services.rooms import ChatSettings, RaidProtection
from services.standing import Standing
from services.tiers import Tier

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def viewer(
    *,
    role: Role = Role.VIEWER,
    suspended: bool = False,
    owner: bool = False,
    moderator: bool = False,
    banned: bool = False,
    blocked: bool = False,
    until: datetime | None = None,
    since: datetime | None = None,
    joined_at: datetime | None = None,
    tier: Tier | None = None,
    may_enter: bool = True,
    emotes: frozenset[str] = frozenset(),
) -> Standing:
    return Standing(
        user_id=new_id(),
        username="ana",
        name="Ana",
        avatar=None,
        role=role,
        is_suspended=suspended,
        is_owner=owner,
        is_room_moderator=moderator,
        is_banned=banned,
        banned_until=until,
        is_blocked=blocked,
        following_since=since,
        room_settings="{}",
        joined_at=joined_at,
        tier=tier,
        may_enter=may_enter,
        emotes=emotes,
    )


def code(standing: Standing, settings: ChatSettings, text: str = "hello") -> str | None:
    refused = refusal(standing, settings, text, NOW)
    return refused.code if refused else None


STRICT = ChatSettings(
    slow_mode_seconds=30, followers_only=True, followers_only_minutes=10, links_allowed=False, blocked_words=["Spam"]
)


def test_each_refusal_has_its_own_code() -> None:
    free = ChatSettings()
    assert code(viewer(), free) is None
    assert code(viewer(), free, "") == "message_empty"
    assert code(viewer(), free, "x" * 501) == "message_too_long"
    assert code(viewer(suspended=True), free) == "account_suspended"
    assert code(viewer(banned=True), free) == "banned"
    assert code(viewer(blocked=True), free) == "blocked"
    assert code(viewer(), ChatSettings(followers_only=True)) == "followers_only"
    assert code(viewer(), ChatSettings(subscribers_only=True)) == "subscribers_only"
    assert code(viewer(), ChatSettings(links_allowed=False), "see example.org/x") == "links_not_allowed"
    assert code(viewer(), ChatSettings(blocked_words=["Spam"]), "no SPAM please") == "blocked_word"
    assert code(viewer(), ChatSettings(emote_only=True)) == "emote_only"


def test_refusals_that_end_say_when() -> None:
    banned = refusal(viewer(banned=True, until=LATER), ChatSettings(), "x", NOW)
    assert isinstance(banned, Forbidden)
    assert banned.until == LATER
    young = refusal(viewer(since=NOW - timedelta(minutes=5)), STRICT, "x", NOW)
    assert isinstance(young, Forbidden)
    assert young.until == LATER
    assert code(viewer(since=NOW - timedelta(minutes=11)), STRICT) is None


@pytest.mark.parametrize("standing", [viewer(owner=True), viewer(moderator=True), viewer(role=Role.MODERATOR)])
def test_those_who_keep_order_are_bound_by_bans_alone(standing: Standing) -> None:
    assert code(standing, STRICT, "spam at https://example.org") is None
    assert slow_mode_s(standing, STRICT) == 0
    assert slow_mode_s(viewer(), STRICT) == 30


@pytest.mark.parametrize("text", ["https://a.bc/d", "www.example.com", "go to example.com now", "x.co.uk"])
def test_links_are_recognised(text: str) -> None:
    assert code(viewer(), ChatSettings(links_allowed=False), text) == "links_not_allowed"


@pytest.mark.parametrize("text", ["hello", "3.14", "v1.2.3", "wait...", "a.b.", "me@home", "one/two"])
def test_what_is_no_link_passes(text: str) -> None:
    assert code(viewer(), ChatSettings(links_allowed=False), text) is None


def test_a_blocked_word_counts_only_by_itself() -> None:
    settings = ChatSettings(blocked_words=["ass", "c++"])
    assert code(viewer(), settings, "a class act") is None
    assert code(viewer(), settings, "ASS!") == "blocked_word"
    assert code(viewer(), settings, "I like c++ more") == "blocked_word"


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        (":wave: :)", False),
        (":wave: 🎉", True),
        (":WAVE::wave:", True),
        (":wawe:", False),
        (":wave:wave:", False),
        ("::", False),
        (":wave:\u200d:Wave:", True),
        ("👍🏽 ❤️", True),
        ("hi 🎉", False),
        ("1️⃣ #️⃣ ‼️ ↔️ ℹ️", True),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿 👩‍👩‍👧 🇫🇷 🆎", True),
        ("^ ` ¯", False),
        ("ⓗⓘ", False),
        ("🅷🅸", False),
        ("h\ufe0fi\ufe0f", False),
        ("1\ufe0f", False),
    ],
)
def test_emote_only(text: str, passes: bool) -> None:
    knows = viewer(emotes=frozenset({"wave"}))
    assert (code(knows, ChatSettings(emote_only=True), text) is None) is passes
    assert (code(viewer(), ChatSettings(emote_only=True), text) is None) is (passes and "wave" not in text.lower())


@pytest.mark.parametrize(
    "text", ["\u200b", "\u202e \u2066", "\u3164", "\u115f\u1160", "\u2800", "\u0301", "\ufe0f", "\u00ad"]
)
def test_what_nobody_can_see_is_no_message(text: str) -> None:
    assert code(viewer(), ChatSettings(), cleaned(text)) == "message_empty"
    assert code(viewer(owner=True), ChatSettings(), cleaned(text)) == "message_empty"


@pytest.mark.parametrize("text", ["می\u200cخواهم", "👩\u200d👩\u200d👧", "e\u0301", "\u202eabc", "נ", "."])
def test_invisible_characters_that_serve_others_stay(text: str) -> None:
    assert code(viewer(), ChatSettings(), cleaned(text)) is None
    assert cleaned(text) == text


@given(st.text())
def test_cleaned_text_holds_no_control_characters_and_is_stable(text: str) -> None:
    once = cleaned(text)
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in once)
    assert cleaned(once) == once


def test_line_breaks_become_spaces() -> None:
    assert cleaned(" one\ntwo\x00\tthree\r\n") == "one two three"


FOLLOWERS = ChatSettings(raid_protection=RaidProtection.FOLLOWERS, raid_protection_minutes=10)
ACCOUNT_AGE = ChatSettings(raid_protection=RaidProtection.ACCOUNT_AGE, raid_protection_minutes=10)
OLD, YOUNG = NOW - timedelta(minutes=11), NOW - timedelta(minutes=5)


@pytest.mark.parametrize(
    ("protected", "standing", "passes"),
    [
        (FOLLOWERS, viewer(joined_at=OLD), False),
        (FOLLOWERS, viewer(since=YOUNG, joined_at=OLD), False),
        (FOLLOWERS, viewer(since=OLD, joined_at=OLD), True),
        (ACCOUNT_AGE, viewer(joined_at=YOUNG), False),
        (ACCOUNT_AGE, viewer(joined_at=OLD), True),
        (ACCOUNT_AGE, viewer(joined_at=YOUNG, tier=Tier.BASIC), False),
        (ACCOUNT_AGE, viewer(joined_at=YOUNG, tier=Tier.PREMIUM), True),
        (FOLLOWERS, viewer(joined_at=YOUNG, moderator=True), True),
    ],
)
def test_raid_protection_lets_pass_whom_the_room_knows(
    protected: ChatSettings, standing: Standing, passes: bool
) -> None:
    assert code(standing, protected) == (None if passes else "raid_protection")


def test_raid_protection_says_when_one_may_write() -> None:
    refused = refusal(viewer(joined_at=YOUNG), ACCOUNT_AGE, "hello", NOW)
    assert isinstance(refused, Forbidden)
    assert refused.until == YOUNG + timedelta(minutes=10)


def test_a_subscriber_is_spared_slow_mode() -> None:
    settings = ChatSettings(slow_mode_seconds=30, subscribers_only=True)
    assert slow_mode_s(viewer(tier=Tier.BASIC), settings) == 0
    assert slow_mode_s(viewer(), settings) == 30
    assert code(viewer(tier=Tier.BASIC), settings) is None


def test_whoever_is_banned_or_shut_out_is_nobody_in_the_room() -> None:
    assert not viewer(owner=True, banned=True).keeps_order
    assert not viewer(moderator=True, suspended=True).keeps_order
    assert code(viewer(may_enter=False), ChatSettings()) == "room_not_found"
    assert code(viewer(owner=True, banned=True), ChatSettings()) == "banned"
