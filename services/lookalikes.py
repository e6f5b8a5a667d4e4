"""Text as an eye reads it: letters that only look different made the same. Pure.

What is made alike: case, accents, widths and fonts (Unicode NFKD), invisible characters, letters
of other scripts inside a Latin word, and digits or signs that stand for letters.
"""

import unicodedata
from collections.abc import Iterator

#: Letters that no decomposition (Unicode Standard Annex 15) takes apart.
_WHOLE = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "ŧ": "t"}
)
#: Cyrillic and Greek letters drawn as a Latin one in nearly every font (see Unicode's confusables.txt).
_TWINS = dict(zip("аеорсухіјѕһԁԛԝӏɡοαν", "aeopcyxijshdqwlgoav", strict=True))
#: Others that are only alike enough to stand inside a word that is otherwise Latin.
_COUSINS = _TWINS | dict(zip("вкмнтгρτικευ", "bkmhtrptikeu", strict=True))
_SIGNS = {sign: str.maketrans("013457@$!|€", f"o{sign}eastas{sign}{sign}e") for sign in ("i", "l")}
#: Marks set above, below and around letters, and what chooses between forms of one character.
_MARKS = ((0x0300, 0x036F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE00, 0xFE0F), (0xFE20, 0xFE2F))


def plain(text: str) -> str:
    """The text in lower case, without accents, fonts and what cannot be seen."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).translate(_WHOLE)
    return "".join(character for character in folded if not _is_unseen(character))


def in_latin(word: str) -> str:
    """A plain word with look-alikes of other scripts turned to Latin, where it is meant to look Latin.

    That is a word that has Latin letters too, or none but perfect twins of them; others (`том`) stay.
    """
    letters = [character for character in word if character.isalpha()]
    if any("a" <= letter <= "z" for letter in letters):
        return "".join(_COUSINS.get(character, character) for character in word)
    if letters and all(letter in _TWINS for letter in letters):
        return "".join(_TWINS.get(character, character) for character in word)
    return word


def with_letters(word: str, stroke: str = "i") -> str:
    """A word with digits and signs read as the letters for which they are written; `1` is an i or an l."""
    return word.translate(_SIGNS[stroke])


def runs(word: str) -> Iterator[tuple[str, int]]:
    """Each character with how often it follows on itself."""
    position = 0
    while position < len(word):
        end = position
        while end < len(word) and word[end] == word[position]:
            end += 1
        yield word[position], end - position
        position = end


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) == "Cf" or any(low <= ord(character) <= high for low, high in _MARKS)
