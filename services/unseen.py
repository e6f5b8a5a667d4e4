"""Characters that show nothing by themselves, of which alone no text consists that somebody is to read."""

import unicodedata

#: Categories (Unicode Standard Annex 44) of characters that show nothing by themselves, and letters and signs likewise.
_CATEGORIES = frozenset(("Cf", "Mn", "Me", "Zs"))
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def shows_something(text: str) -> bool:
    """Whether a text (without white space at its ends) is more than invisible characters, which have their use."""
    if text.isascii():
        return bool(text)
    return any(unicodedata.category(character) not in _CATEGORIES and character not in _FILLERS for character in text)
