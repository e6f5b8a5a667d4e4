"""The server knows at every statement who acts."""

import peewee
import pytest

from db.connection import acting_as, acting_as_system, query
from db.transactions import atomic

pytestmark = pytest.mark.usefixtures("committed_db")


def known() -> tuple[str, str]:
    return query("SELECT current_setting('astrotv.user_id'), current_setting('astrotv.role')")[0]


def test_the_platform_acts_unless_somebody_is_named() -> None:
    assert known() == ("", "system")
    with acting_as("a1", "viewer"):
        assert known() == ("a1", "viewer")
    assert known() == ("", "system")


def test_a_change_within_a_transaction_is_told_and_taken_back() -> None:
    with acting_as("a1", "viewer"), atomic():
        assert known() == ("a1", "viewer")
        with acting_as_system("a test"):
            assert known() == ("", "system")
        assert known() == ("a1", "viewer")


def test_a_savepoint_rolled_back_does_not_leave_the_wrong_name() -> None:
    with acting_as("a1", "viewer"), atomic():
        with pytest.raises(peewee.PeeweeException), atomic(), acting_as_system("a test"):
            query("SELECT 1")
            query("SELECT 1 / 0")
        assert known() == ("a1", "viewer")
        with acting_as_system("a test"):
            assert known() == ("", "system")


def test_nothing_is_told_that_could_be_more_than_a_name() -> None:
    with pytest.raises(ValueError, match="named"), acting_as("x'; DROP TABLE users; --", "viewer"):
        pass
