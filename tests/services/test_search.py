"""Search: what is found, in which order, and what the SQL functions make of words."""

import pytest

from db.connection import query
from services import blocks, search
from services.actors import Actor, Role
from services.errors import Invalid
from services.search import Scope
from tests.factories import actor_of, make_category, make_channel, make_stream, make_user


def people(text: str, viewer: Actor | None = None) -> list[str]:
    return [user.username for user in search.search(text, Scope.USERS, 20, viewer).users]


@pytest.mark.parametrize(
    ("given", "plain"),
    [("Ünïted  Störm", "united storm"), ("a_b-c", "a b c"), ("  ", ""), ("東京 live", "東京 live"), ("ﬁne", "fine")],
)
def test_text_is_compared_without_case_accents_and_signs(given: str, plain: str) -> None:
    assert query("SELECT search_plain(%s)", (given,)) == [(plain,)]


def test_trigrams_are_those_of_pg_trgm_in_the_order_of_the_text() -> None:
    assert query("SELECT search_trigrams('Cat')") == [(["  c", " ca", "cat", "at "],)]
    assert query("SELECT search_trigrams('!?')") == [([],)]


@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_the_parts_of_a_text_together_are_the_whole(parts: int) -> None:
    whole = query("SELECT search_trigrams('galaxies')")[0][0]
    found = [query("SELECT search_trigram_part('galaxies', %s, %s)", (n, parts))[0][0] for n in range(parts)]
    assert [trigram for part in found for trigram in part] == whole
    assert all(found)


TYPOS = ["galaxymaster", "galaxymastr", "galaxxymaster", "galxaymaster", "galaximaster", "galaxymasteer", "GALAXY"]


@pytest.mark.parametrize("typed", TYPOS)
def test_a_name_is_found_in_spite_of_a_slip(typed: str) -> None:
    make_user(username="galaxymaster")
    make_user(username="somebody_else")
    assert people(typed) == ["galaxymaster"]


@pytest.mark.parametrize("typed", ["chess", "ches", "chss", "chees", "hcess", "chses"])
def test_short_words_are_found_in_spite_of_a_slip(typed: str) -> None:
    make_category("Chess")
    make_category("Cooking")
    assert [c.name for c in search.search(typed, Scope.CATEGORIES, 20, None).categories] == ["Chess"]


def test_the_better_match_comes_first_and_fame_decides_between_equals() -> None:
    known, unknown = make_user(username="orion_a"), make_user(username="orion_b")
    query("UPDATE users SET follower_count = 5000 WHERE id = %s", (known.id,))
    make_user(username="orionids_of_the_south")
    make_user(username="orient_express")
    make_user(username="perseus")
    assert people("orion") == [known.username, unknown.username, "orionids_of_the_south", "orient_express"]


def test_a_stream_on_air_stands_above_all_that_are_not() -> None:
    make_stream(status="ENDED", title="Orion")
    make_stream(title="All that one can see of Orion from the southern hemisphere")
    make_stream(status="SCHEDULED", title="Orion later")
    make_stream(title="Orion unlisted", visibility="UNLISTED")
    found = [stream.title for stream in search.search("orion", Scope.STREAMS, 20, None).streams]
    assert found == ["All that one can see of Orion from the southern hemisphere", "Orion"]


def test_people_apart_and_the_suspended_are_not_found() -> None:
    viewer, other = make_user(), make_user(username="cassiopeia", role=Role.STREAMER)
    make_stream(make_channel(other), title="Night sky")
    make_user(username="cassio_gone", suspended=True)
    assert people("cassio", actor_of(viewer)) == ["cassiopeia"]
    blocks.block(actor_of(other), viewer.id)
    assert people("cassio", actor_of(viewer)) == []
    assert search.search("night", Scope.ALL, 20, actor_of(viewer)).streams == []
    assert people("cassio") == ["cassiopeia"]


@pytest.mark.parametrize("text", ["'", "a & !b", ":*", "\\", "a' OR 1=1 --", "% _", "((", "<->"])
def test_signs_of_the_query_language_are_mere_text(text: str) -> None:
    make_user(username="a_person")
    try:
        people(text)
    except Invalid as refusal:
        assert refusal.code == "nothing_to_search"
