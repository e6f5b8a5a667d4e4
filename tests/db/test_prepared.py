"""Hot statements: planned once a connection, and in no other way different from any other."""

from uuid import UUID, uuid4

import peewee
import pytest

from db.connection import acting_as, connection, database, query
from db.prepared import MOST, executing, preparing
from settings import Settings

pytestmark = pytest.mark.usefixtures("committed_db")

WHO = "SELECT current_setting('astrotv.user_id'), current_setting('astrotv.role'), %s::int"


def prepared_here() -> int:
    return int(query("SELECT count(*) FROM pg_prepared_statements")[0][0])


def test_a_statement_is_planned_once_a_connection() -> None:
    with connection(kept=True):
        before = prepared_here()
        assert [query("SELECT %s::int + 1", (n,), prepared=True) for n in (1, 2, 3)] == [[(2,)], [(3,)], [(4,)]]
        assert prepared_here() == before + 1


def test_each_execution_says_who_acts() -> None:
    one, other = str(uuid4()), str(uuid4())
    with connection(kept=True):
        for person in (one, other, one):
            with acting_as(person, "viewer"):
                assert query(WHO, (1,), prepared=True) == [(person, "viewer", 1)]


def test_named_places_may_repeat_and_percent_signs_stay() -> None:
    sql = "SELECT %(a)s::int + %(b)s::int * %(a)s::int, 7 %% 4"
    for _ in range(2):
        assert query(sql, {"a": 2, "b": 5, "unused": 9}, prepared=True) == [(12, 3)]
    assert preparing("x", sql).endswith("AS SELECT $1::int + $2::int * $1::int, 7 %% 4; ")
    assert executing("x", "SELECT 1") == "EXECUTE x"


def test_a_plan_that_no_longer_fits_is_made_again() -> None:
    with connection(kept=True):
        query("CREATE TEMPORARY TABLE shifting (a int)")
        assert query("SELECT * FROM shifting WHERE a = %s", (1,), prepared=True) == []
        query("ALTER TABLE shifting ADD b int")
        query("INSERT INTO shifting VALUES (1, 2)")
        for _ in range(2):
            assert query("SELECT * FROM shifting WHERE a = %s", (1,), prepared=True) == [(1, 2)]
        query("DEALLOCATE ALL")
        assert query("SELECT * FROM shifting WHERE a = %s", (1,), prepared=True) == [(1, 2)]


def test_what_is_refused_is_refused_as_ever_and_may_be_asked_again() -> None:
    for _ in range(2):
        with pytest.raises(peewee.DataError):
            query("SELECT 1 / %s::int", (0,), prepared=True)
        assert query("SELECT 1 / %s::int", (1,), prepared=True) == [(1,)]


def test_texts_without_end_do_not_fill_a_connection() -> None:
    with connection(kept=True):
        for number in range(MOST + 20):
            assert query(f"SELECT {number} + %s::int", (1,), prepared=True) == [(number + 1,)]
        assert prepared_here() <= MOST


def test_ids_are_read_as_they_were_written() -> None:
    one = uuid4()
    [(found, several, nothing)] = query("SELECT %s::uuid, %s::uuid[], NULL::uuid", (one, [one, UUID(int=0)]))
    assert (found, several, nothing) == (one, [one, UUID(int=0)], None)
    assert hash(found) == hash(one)
    assert str(found) == str(one)


def test_a_kept_connection_goes_back_at_the_end_of_its_block(committed_db: Settings) -> None:
    with connection(kept=True):
        query("SELECT 1")
        assert not database.is_closed()
    assert database.is_closed()
    with connection():
        query("SELECT 1")
        assert database.is_closed()
