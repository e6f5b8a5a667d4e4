"""Every table has a policy: a new table is thought about on the day it is added."""

import pytest

from db.connection import query
from tests.db.one_row_each import ROWS
from tests.db.test_row_level_security import RULES

pytestmark = pytest.mark.usefixtures("db")

#: Views run as the owner of the schema: each says itself what it shows to whom.
VIEWS = {"accounts", "channel_keys", "subscriber_tiers", "event_rooms"}
APPEND_ONLY = {
    "moderation_log",
    "ledger_transactions",
    "ledger_entries",
    "gift_transactions",
    "marketplace_purchases",
    "poll_votes",
    "poll_vote_options",
    "question_upvotes",
    "survey_responses",
}
_TABLES = """
SELECT relname, relrowsecurity FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname NOT LIKE '%%yoyo%%'"""


def test_every_table_has_a_policy() -> None:
    assert [table for table, has_policies in query(_TABLES) if not has_policies] == []


def test_every_policy_is_tried_by_everybody() -> None:
    guarded = {table for table, has_policies in query(_TABLES) if has_policies}
    assert guarded - {"users"} == set(RULES) == set(ROWS)  # people have tests of their own


def test_a_table_that_is_guarded_has_a_policy() -> None:
    """Without one nobody at all sees anything, which a test of strangers alone would not notice."""
    rows = query("SELECT tablename FROM pg_policies WHERE schemaname = 'public'")
    assert {row[0] for row in rows} == {table for table, has_policies in query(_TABLES) if has_policies}


def test_every_view_was_thought_about() -> None:
    views = query("SELECT viewname FROM pg_views WHERE schemaname = 'public'")
    assert {row[0] for row in views} == VIEWS


@pytest.mark.parametrize("privilege", ["UPDATE", "DELETE", "TRUNCATE"])
def test_what_only_grows_is_changed_by_nobody(privilege: str) -> None:
    changeable = query(
        "SELECT relname FROM pg_class WHERE relname = ANY (%s) AND has_table_privilege('astrotv_app', oid, %s)",
        (sorted(APPEND_ONLY), privilege),
    )
    assert changeable == []


def test_no_policy_looks_anything_up_for_each_row_of_a_long_list() -> None:
    """Who acts is asked once a statement: never a bare call, which would be made for every row."""
    rows = query("SELECT policyname, coalesce(qual, '') || coalesce(with_check, '') FROM pg_policies")
    asking = ("acts_for_all()", "acting_user_id()")
    assert [name for name, said in rows for ask in asking if ask in said.replace(f"( SELECT {ask} AS", "")] == []
