"""Who may say what in a chat: pure decisions, the same for a socket and for REST."""

import re
import unicodedata
from datetime import datetime, timedelta

from services.errors import Forbidden, Invalid, ServiceError
from services.rooms import ChatSettings
from services.standing import Standing

TEXT_LIMIT = 500

_SPACES = str.maketrans("\t\n\v\f\r\x85\u2028\u2029", " " * 8)
_LINK = re.compile(r"(?:https?://|www\.)\S|(?<![\w@.])(?:[a-z0-9-]+\.)+[a-z]{2,18}(?:/\S*)?(?![\w.])", re.IGNORECASE)


def cleaned(text: str) -> str:
    """The text as it is stored: line breaks become spaces, control characters go, ends are trimmed."""
    flat = text.translate(_SPACES)
    return "".join(character for character in flat if unicodedata.category(character) not in ("Cc", "Cs")).strip()


def refusal(standing: Standing, settings: ChatSettings, text: str, at: datetime) -> ServiceError | None:
    """Why this person may not write `text` (already cleaned) in the room; None where they may."""
    if not 1 <= len(text) <= TEXT_LIMIT:
        return _wrong_length(text)
    if standing.is_suspended:
        return Forbidden("Your account is suspended.", "account_suspended")
    if standing.is_banned:
        return Forbidden("You may not write here.", "banned", until=standing.banned_until)
    if standing.is_blocked and not standing.is_staff:
        return Forbidden("You may not write here.", "blocked")
    if standing.keeps_order:
        return None
    return _refused_follower(standing, settings, at) or _refused_words(settings, text)


def slow_mode_s(standing: Standing, settings: ChatSettings) -> int:
    """Seconds that this person waits between two messages."""
    exempt = standing.keeps_order or standing.capabilities.no_slow_mode
    return 0 if exempt else settings.slow_mode_seconds


def _wrong_length(text: str) -> ServiceError:
    if not text:
        return Invalid.field("text", "is empty", "message_empty")
    return Invalid.field("text", f"is longer than {TEXT_LIMIT} characters", "message_too_long")


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


def _refused_words(settings: ChatSettings, text: str) -> ServiceError | None:
    if not settings.links_allowed and _LINK.search(text):
        return Forbidden("Links are not allowed here.", "links_not_allowed")
    if settings.emote_only and not _only_emotes(text):
        return Forbidden("Only emotes are allowed here.", "emote_only")
    folded = text.casefold()
    if any(_contains_word(folded, word.casefold()) for word in settings.blocked_words):
        return Forbidden("The message contains a word that is blocked here.", "blocked_word")
    return None


def _contains_word(text: str, word: str) -> bool:
    """Whether `word` stands in `text` by itself; both folded."""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _only_emotes(text: str) -> bool:
    """Whether nothing but `:emotes:` and pictographs (Unicode category So, with their modifiers) is there."""
    rest = re.sub(r":[a-z0-9_+-]{1,40}:", "", text, flags=re.IGNORECASE)
    return all(unicodedata.category(character) in ("So", "Sk", "Mn", "Cf", "Zs") for character in rest)
