"""Hostile spellings of blocked words and links are found, and harmless words are left alone."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.blocked_words import BlockedWords, blocked_words
from services.links import has_link

WORDS = BlockedWords(
    ["Spam", "ass", "c++", "hell", "free coins", "idiot", "1488", "спам", "don't", "💩", "kurwa", "god", "straße"]
)

HOSTILE = [
    *("SPAM", "sPaM!", "(spam)", "no spam, please"),  # case, and signs around
    *("spám", "śpäm", "s\u0336p\u0336a\u0336m\u0336", "kúrwa", "STRASSE"),  # accents
    *("ｓｐａｍ", "𝓼𝓹𝓪𝓶", "ⓢⓟⓐⓜ"),  # widths and fonts
    *("s\u200bpam", "sp\u00adam", "s\u2060p\ufeffam"),  # what cannot be seen
    *("sраm", "ѕpam", "һеӏӏ", "sραm", "СПАМ"),  # letters of other scripts
    *("sp4m", "5pam", "$p@m", "1d1ot", "he11", "a$$", "a55", "look:$pam"),  # digits and signs for letters
    *("spaaaam", "sspam", "ssppaamm", "asss", "helll", "goood"),  # repeated letters
    *("s.p.a.m", "s-p-a-m", "s_p_a_m", "sp*am", "sp!am", "spa'm"),  # signs inside
    *("s p a m", "s  p a  m", "S P A M M", "s pa m", "s . p . a . m", "s p 4 m", "ss pp aa mm", "с п а м"),  # spaced
    *("free coins", "FREE  c0ins", "get fréé coins now", "free-coins free coins"),  # phrases
    *("c++", "I like C++ more", "1488", "don't", "dont", "💩", "oh💩"),  # digits and signs of their own
]

HARMLESS = [
    *("class act", "assess", "passion", "shell", "hello", "spamming", "idiotic"),  # contain a word
    *("as sad", "as soon", "spa mat", "hel lo", "as s"),  # words that meet
    *("good", "as", "helo"),  # too few or too many letters
    *("455", "4 5 5", "1 4 8 8", "14888", "$100 off!"),  # numbers
    *("c is fun", "free", "coins free", "free the coins"),  # parts
    *("том", "сок", "α и ω", "😀", "", "   ", "..."),  # other languages, and nothing
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_word_is_found_however_it_is_dressed_up(text: str) -> None:
    assert WORDS.found_in(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_words_are_left_alone(text: str) -> None:
    assert not WORDS.found_in(text)


def test_a_word_of_signs_alone_or_of_nothing_blocks_nothing_else() -> None:
    assert not BlockedWords(["   ", "\u200b", "!!!"]).found_in("hello")
    assert BlockedWords(["!!!"]).found_in("hello!!!")


@given(st.text(max_size=60), st.lists(st.text(min_size=1, max_size=60), max_size=5))
def test_no_text_and_no_list_breaks_the_search(text: str, words: list[str]) -> None:
    BlockedWords(words).found_in(text)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=20))
def test_every_word_is_found_as_written_and_spaced_out(word: str) -> None:
    blocked = BlockedWords([word])
    assert blocked.found_in(f"so, {word.upper()}!")
    assert blocked.found_in("-".join(word))


@pytest.mark.parametrize("text", ["s " * 250, "s1!|" * 125, "$" * 500, "s i l " * 83, "a b " * 125])
def test_the_search_takes_no_long_time_whatever_is_sent(text: str) -> None:
    words = blocked_words(tuple(f"{'silil' * 11}{number}" for number in range(200)))
    started_at = perf_counter()
    assert not words.found_in(text)
    assert perf_counter() - started_at < 1


@pytest.mark.parametrize(
    "text",
    [
        *("https://a.bc/d", "www.example.com", "go to example.com now", "x.co.uk", "EXAMPLE.COM/path?x=1"),
        *("hxxps://evil.example", "example (dot) com", "example[.]com", "example dot com", "example . com"),
        *("exam\u200bple.com", "example。com", "пример.рф", "10.0.0.1", "1.2.3.4:8080/x", "t.me/abc", "bit.ly"),
    ],
)
def test_links_are_recognised_also_where_they_hide(text: str) -> None:
    assert has_link(text)


@pytest.mark.parametrize(
    "text",
    [
        *("hello", "3.14", "v1.2.3", "wait...", "a.b.", "me@home", "one/two", "I like it. Me too", "1.2.3"),
        *("polka dot dress", "dot com", "ratio 3:4", "e.g. this", "so. nice", "mail me@example.com"),
    ],
)
def test_what_is_no_link_passes(text: str) -> None:
    assert not has_link(text)
