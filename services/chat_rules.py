"""Who may say what in a chat: pure decisions, the same for a socket and for REST."""

import re
import unicodedata
from collections.abc import Collection
from datetime import datetime, timedelta

from services.blocked_words import blocked_words
from services.errors import Forbidden, Invalid, NotFound, ServiceError
from services.links import has_link
from services.rooms import ChatSettings, RaidProtection
from services.standing import Standing
from services.unseen import shows_something

TEXT_LIMIT = 500

_SPACES = str.maketrans("\t\n\v\f\r\x85\u2028\u2029", " " * 8)

#: `:codes:` of emotes.
_CODE = re.compile(r":([A-Za-z0-9_]{2,32}):")
#: Keycaps, signs that are a picture by their variation selector, and the two pictures that are no symbols.
_PICTURE = re.compile(r"[0-9#*]\ufe0f?\u20e3|(?:\u2139|[^\w\s\x00-\x7f])\ufe0f|[\u25fd\u25fe]")
#: Letters in circles and squares, with which one can write; those that are blood groups and signs of traffic stay.
_LETTERS = re.compile("[\u24b6-\u24c1\u24c3-\u24e9\U0001f110-\U0001f169\U0001f172-\U0001f17d\U0001f180-\U0001f189]")
_SKIN_TONES = frozenset("\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")


def cleaned(text: str) -> str:
    """The text as it is stored: line breaks become spaces, control characters go, ends are trimmed."""
    if text.isprintable():
        return text.strip()  # nearly every message, at a fraction of the cost
    flat = text.translate(_SPACES)
    return "".join(character for character in flat if unicodedata.category(character) not in ("Cc", "Cs")).strip()


def refusal(standing: Standing, settings: ChatSettings, text: str, at: datetime) -> ServiceError | None:
    """Why this person may not write `text` (already cleaned) in the room; None where they may."""
    if len(text) > TEXT_LIMIT or not shows_something(text):
        return _wrong_length(text)
    excluded = exclusion(standing)
    if excluded is not None or standing.keeps_order:
        return excluded
    return (
        _refused_raider(standing, settings, at)
        or _refused_follower(standing, settings, at)
        or _refused_words(standing, settings, text)
    )


def exclusion(standing: Standing) -> ServiceError | None:
    """Why this person may not be heard in the room at all, whatever they have to say; None where they may."""
    if standing.is_suspended:
        return Forbidden("Your account is suspended.", "account_suspended")
    if not standing.may_enter:
        return NotFound("No such room.", "room_not_found")
    if standing.is_banned:
        return banned(standing.banned_until)
    if standing.is_blocked and not standing.is_staff:
        return Forbidden("You may not write here.", "blocked")
    return None


def banned(until: datetime | None, what: str = "write") -> Forbidden:
    """The refusal of whoever is kept quiet, until then or for good."""
    return Forbidden(f"You may not {what} here.", "banned", until=until)


def slow_mode_s(standing: Standing, settings: ChatSettings) -> int:
    """Seconds that this person waits between two messages."""
    exempt = standing.keeps_order or standing.capabilities.no_slow_mode
    return 0 if exempt else settings.slow_mode_seconds


def _wrong_length(text: str) -> ServiceError:
    if len(text) > TEXT_LIMIT:
        return Invalid.field("text", f"is longer than {TEXT_LIMIT} characters", "message_too_long")
    return Invalid.field("text", "is empty", "message_empty")


def _refused_raider(standing: Standing, settings: ChatSettings, at: datetime) -> ServiceError | None:
    if settings.raid_protection is RaidProtection.OFF or standing.capabilities.priority:
        return None
    by_follow = settings.raid_protection is RaidProtection.FOLLOWERS
    since = standing.following_since if by_follow else standing.joined_at
    if since is None:
        return Forbidden("Only followers may write here at the moment.", "raid_protection")
    allowed_at = since + timedelta(minutes=settings.raid_protection_minutes)
    if allowed_at > at:
        return Forbidden("This chat is protected against raids; come back later.", "raid_protection", until=allowed_at)
    return None


def _refused_follower(standing: Standing, settings: ChatSettings, at: datetime) -> ServiceError | None:
    if settings.subscribers_only and standing.tier is None:
        return Forbidden("Only subscribers may write here.", "subscribers_only")
    if not settings.followers_only:
        return None
    if standing.following_since is None:
        return Forbidden("Only followers may write here.", "followers_only")
    allowed_at = standing.following_since + timedelta(minutes=settings.followers_only_minutes)
    if allowed_at > at:
        return Forbidden("You have not followed for long enough.", "followers_only", until=allowed_at)
    return None


def _refused_words(standing: Standing, settings: ChatSettings, text: str) -> ServiceError | None:
    if not settings.links_allowed and has_link(text):
        return Forbidden("Links are not allowed here.", "links_not_allowed")
    if settings.emote_only and not _only_emotes(text, standing.emotes):
        return Forbidden("Only emotes are allowed here.", "emote_only")
    if settings.blocked_words and blocked_words(tuple(settings.blocked_words)).found_in(text):
        return Forbidden("The message contains a word that is blocked here.", "blocked_word")
    return None


def _only_emotes(text: str, codes: Collection[str]) -> bool:
    """Whether nothing but `:codes:` of these and pictographs (Unicode category So, with their modifiers) is there."""
    rest = _PICTURE.sub("", _CODE.sub(lambda found: "" if found[1].lower() in codes else found[0], text))
    return _LETTERS.search(rest) is None and all(_is_of_pictograph(character) for character in rest)


def _is_of_pictograph(character: str) -> bool:
    return unicodedata.category(character) in ("So", "Mn", "Cf", "Zs") or character in _SKIN_TONES
