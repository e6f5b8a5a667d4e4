"""Whether a text holds a word that a room does not want, however it is dressed up. Pure.

Found are: the word by itself in any case, accent, font or look-alike; with signs inside (`s.p.a.m`);
with letters repeated (`spaaam`); spaced out (`s p a m`, `s pa m`); with digits for letters (`5p4m`).
Not found are words that merely contain it (`class` for `ass`), nor words that meet (`as sad`).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice

import msgspec

from services.lookalikes import in_latin, plain, runs, with_letters

_SPACED_FROM = 3  # letters: shorter words are found in any text once spaces do not count
_STRETCHED_FROM = 4  # letters: shorter ones are stretched by three or more (`asss`), or `god` would be `good`
_STRETCH = 3
_PIECES = 60  # how many pieces a word may be spaced out to
_WORD = re.compile(r"[^\W_]+")


class _Word(msgspec.Struct, frozen=True):
    """A word as its different letters in a row, and how often each is to stand."""

    key: str
    counts: tuple[int, ...]

    @classmethod
    def of(cls, letters: str) -> "_Word":
        found = list(runs(letters))
        return cls("".join(letter for letter, _ in found), tuple(count for _, count in found))

    def is_said_by(self, other: "_Word") -> bool:
        """Whether `other`, which has the same key, is this word, its letters repeated at most."""
        if self.key.isdecimal():
            return self.counts == other.counts
        stretch = 0 if sum(self.counts) >= _STRETCHED_FROM else _STRETCH
        pairs = zip(self.counts, other.counts, strict=True)
        return all(theirs == mine or theirs > max(mine, stretch - 1) for mine, theirs in pairs)


class BlockedWords:
    """The words of one room, ready to be looked for."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words: dict[str, list[_Word]] = defaultdict(list)
        self._phrases: list[list[_Word]] = []
        self._signs: list[re.Pattern[str]] = []
        self._beginnings: set[str] = set()
        for word in words:
            self._add(plain(word).split())

    def found_in(self, text: str) -> bool:
        """Whether one of the words stands in the text."""
        folded = plain(text)
        if any(pattern.search(folded) for pattern in self._signs):
            return True
        tokens = folded.split()
        if any(self._is_blocked(_Word.of(reading)) for token in tokens for reading in _readings(token)):
            return True
        written = [letters for token in tokens if (letters := _letters(token))]
        meant = [letters for token in tokens if (letters := _glued(token))]
        if self._is_spaced_out(written) or (meant != written and self._is_spaced_out(meant)):
            return True
        return bool(self._phrases) and self._has_phrase([_Word.of(piece) for piece in meant])

    def _add(self, parts: Sequence[str]) -> None:
        if any(not character.isalnum() for part in parts for character in part):
            self._signs.append(_literal(parts))
        letters = ["".join(filter(str.isalnum, in_latin(part))) for part in parts]
        if len(parts) > 1:
            self._phrases.append([_Word.of(part) for part in letters if part])
        elif letters and (letters[0] == parts[0] or len(letters[0]) >= _SPACED_FROM):
            word = _Word.of(letters[0])
            self._words[word.key].append(word)
            self._beginnings |= {word.key[:end] for end in range(1, len(word.key) + 1)}

    def _is_blocked(self, said: _Word) -> bool:
        return any(word.is_said_by(said) for word in self._words.get(said.key, ()))

    def _is_spaced_out(self, pieces: Sequence[str]) -> bool:
        """Whether short pieces in a row make up a word, at least two of them of one letter."""
        said = [(_Word.of(with_letters(piece)), piece.isdecimal()) for piece in pieces]
        return any(self._begins(said, start) for start in range(len(said)))

    def _begins(self, pieces: Sequence[tuple[_Word, bool]], start: int) -> bool:
        key, counts, singles, is_number = "", [0], 0, True
        for piece, is_digits in islice(pieces, start, start + _PIECES):
            key = _join(key, counts, piece)
            if len(piece.key) > 2 or key not in self._beginnings:
                return False
            singles, is_number = singles + (len(piece.key) == 1), is_number and is_digits
            is_word = singles >= 2 and not is_number and sum(counts) >= _SPACED_FROM
            if is_word and self._is_blocked(_Word(key, tuple(counts))):
                return True
        return False

    def _has_phrase(self, said: Sequence[_Word]) -> bool:
        return any(
            all(
                word.key == other.key and word.is_said_by(other)
                for word, other in zip(phrase, said[start:], strict=False)
            )
            for phrase in self._phrases
            for start in range(len(said) - len(phrase) + 1)
        )


@lru_cache(maxsize=512)
def blocked_words(words: tuple[str, ...]) -> BlockedWords:
    """The words, made ready once for all messages."""
    return BlockedWords(words)


def _readings(token: str) -> set[str]:
    """What may be read in one piece of plain text: its words as written, and as they may be meant."""
    written = _WORD.findall(token)
    latin = in_latin(token)
    pieces = [latin, *re.split(r"[^\w@$!|€]|_", latin)]
    meant = [_letters(with_letters(piece.strip("!|"), stroke)) for piece in pieces for stroke in "il" if _speaks(piece)]
    return {*written, *map(in_latin, written), _letters(latin), *meant} - {""}


def _glued(token: str) -> str:
    """A piece of text as one word, without the signs in it."""
    latin = in_latin(token)
    return _letters(with_letters(latin.strip("!|")) if _speaks(latin) else latin)


def _join(key: str, counts: list[int], piece: _Word) -> str:
    """The key of a word under way with one more piece at its end; `counts` follows it."""
    for letter, count in zip(piece.key, piece.counts, strict=True):
        if key.endswith(letter):
            counts[-1] += count
        else:
            counts[len(key) :] = [count]
            key += letter
    return key


def _speaks(word: str) -> bool:
    """Whether there is a letter in it: signs and digits alone are read as nothing else."""
    return any(character.isalpha() for character in word)


def _letters(word: str) -> str:
    return "".join(filter(str.isalnum, word))


def _literal(parts: Sequence[str]) -> re.Pattern[str]:
    """A word that has signs in it, as it is written, not inside another word."""
    written = r"\s+".join(map(re.escape, parts))
    before = r"(?<!\w)" if parts[0][0].isalnum() else ""
    after = r"(?!\w)" if parts[-1][-1].isalnum() else ""
    return re.compile(before + written + after)
