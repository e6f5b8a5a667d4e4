"""Nothing of who acts outlives its statement or transaction: two clients may use one server connection in turn."""

import peewee
import pytest

from db.connection import acting_as, connection, database, query
from db.transactions import atomic

pytestmark = pytest.mark.usefixtures("committed_db")


def left_behind() -> tuple[str, str]:
    """Whom the server connection of this thread knows between two transactions, asked past everything that tells it."""
    with database.connection().cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(current_setting('astrotv.user_id', true), ''), "
            "coalesce(current_setting('astrotv.role', true), '')"
        )
        found: tuple[str, str] = cursor.fetchone()
    return found


def test_a_statement_of_its_own_leaves_nobody() -> None:
    with connection(), acting_as("a1", "viewer"):
        assert query("SELECT current_setting('astrotv.user_id')") == [("a1",)]
        assert left_behind() == ("", "")


def test_a_transaction_leaves_nobody() -> None:
    with connection(), acting_as("a1", "viewer"):
        with atomic():
            assert query("SELECT current_setting('astrotv.user_id')") == [("a1",)]
        assert left_behind() == ("", "")


def test_what_fails_leaves_nobody() -> None:
    with connection(), acting_as("a1", "viewer"):
        with pytest.raises(peewee.PeeweeException):
            query("SELECT 1 / 0")
        assert left_behind() == ("", "")
        with pytest.raises(peewee.PeeweeException), atomic():
            query("SELECT 1 / 0")
        assert left_behind() == ("", "")
