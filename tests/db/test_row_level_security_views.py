"""What is shown of a person and of a channel to whom, and what runs past every policy: views, functions, roles."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import psycopg2.errors
import pytest

from db.connection import APPLICATION_ROLE
from settings import Settings
from tests.conftest import own_database
from tests.db.one_row_each import NAMES, PEOPLE, of
from tests.db.test_row_level_security import ACTORS, ALL, EVERYBODY, NOBODY, OWN, allowed, attempt
from tests.db.test_row_level_security import connection as connection

ME = {"me": PEOPLE["owner"]}


def test_everybody_is_seen_by_name_and_changed_by_themselves(connection: Any) -> None:
    assert allowed(connection, "SELECT username, name, avatar, role FROM users WHERE id = %(me)s", ME) == EVERYBODY
    assert allowed(connection, "UPDATE users SET bio = 'x' WHERE id = %(me)s", ME) == OWN
    assert allowed(connection, "DELETE FROM users WHERE id = %(me)s", ME) == ALL


@pytest.mark.parametrize(
    "column", ["email", "password_hash", "email_verified_at", "suspension_reason", "last_login_at"]
)
def test_what_is_private_of_a_person_is_read_by_themselves_alone(column: str, connection: Any) -> None:
    assert allowed(connection, f"SELECT {column} FROM users WHERE id = %(me)s", ME) == NOBODY
    assert allowed(connection, f"SELECT {column} FROM accounts WHERE id = %(me)s", ME) == OWN
    assert allowed(connection, f"UPDATE accounts SET {column} = {column} WHERE id = %(me)s", ME) == OWN
    assert allowed(connection, f"SELECT 1 FROM users WHERE {column} IS NOT NULL") == NOBODY


@pytest.mark.parametrize(
    "change",
    [
        "role = 'admin'",
        "suspended_at = now()",
        "email_verified_at = now()",
        "follower_count = 9",
        "following_count = 9",
    ],
)
@pytest.mark.parametrize("through", ["users", "accounts"])
def test_nobody_changes_their_own_standing(change: str, through: str, connection: Any) -> None:
    assert allowed(connection, f"UPDATE {through} SET {change} WHERE id = %(me)s", ME) == ALL


@pytest.mark.parametrize("through", ["users", "accounts"])
def test_only_the_platform_makes_accounts(through: str, connection: Any) -> None:
    signing_up = f"""INSERT INTO {through} (id, email, username, name, password_hash)
                     VALUES (%s, 'new@example.com', 'new', 'New', 'x')"""
    assert allowed(connection, signing_up, (of("new"),)) == ALL


def test_what_a_stream_key_is_made_of_is_the_streamers(connection: Any) -> None:
    for column in ("stream_key_hash", "stream_key_version"):
        assert allowed(connection, f"SELECT {column} FROM channels") == NOBODY
        assert allowed(connection, f"SELECT {column} FROM channel_keys") == OWN
    assert allowed(connection, "SELECT default_title FROM channels") == EVERYBODY
    assert allowed(connection, "UPDATE channel_keys SET stream_key_version = 2") == OWN
    assert allowed(connection, "DELETE FROM channel_keys") == NOBODY


def test_that_one_subscribes_is_shown_and_what_one_pays_is_not(connection: Any) -> None:
    assert allowed(connection, "SELECT subscriber_id, tier FROM subscriber_tiers") == EVERYBODY
    assert allowed(connection, "SELECT price FROM subscriptions") == OWN | {"other"}
    with pytest.raises(psycopg2.errors.UndefinedColumn):
        attempt(connection, "system", "SELECT price FROM subscriber_tiers")
    assert allowed(connection, "UPDATE subscriber_tiers SET tier = 'basic'") == NOBODY


@pytest.mark.parametrize(
    "writing",
    [
        """SELECT 1 FROM post_messages(ARRAY[%(stranger)s::uuid], ARRAY[%(channel_room)s::uuid], ARRAY[%(owner)s::uuid],
                                  ARRAY['Hello'], ARRAY[NULL::uuid], ARRAY[NULL::text], ARRAY[0])""",
        """SELECT 1 FROM post_new_messages(ARRAY[%(stranger)s::uuid], ARRAY[%(channel_room)s::uuid], ARRAY[1],
                                  ARRAY[%(owner)s::uuid], ARRAY['Hello'], NULL, ARRAY[NULL::text])""",
        "SELECT edit_message(%(message)s, %(owner)s, 'Other words', interval '5 minutes')",
        "SELECT 1 FROM increment_upvotes(%(questions)s, %(owner)s)",
        "SELECT cast_vote(%(polls)s, %(owner)s, ARRAY[%(poll_options)s::uuid])",
    ],
)
def test_what_runs_past_the_policies_writes_in_ones_own_name(writing: str, connection: Any) -> None:
    assert allowed(connection, writing, NAMES | {"message": of("row of messages")}) == OWN


@pytest.mark.parametrize(
    ("counted", "read"),
    [
        ("count_attendees(%(events)s)", "event_users"),
        ("count_voters(%(polls)s)", "poll_votes"),
        ("count_votes(%(polls)s, %(poll_options)s)", "poll_vote_options"),
        ("count_responses(%(surveys)s)", "survey_responses"),
    ],
)
def test_everybody_hears_how_many_and_the_platform_alone_who(counted: str, read: str, connection: Any) -> None:
    assert allowed(connection, f"SELECT 1 WHERE {counted} = 1", NAMES) == EVERYBODY
    assert allowed(connection, f"SELECT 1 FROM {read}") == OWN


def test_who_is_no_member_reads_open_rooms_alone(connection: Any) -> None:
    """The policy says of each message what `may_enter` says of the person."""
    said = "SELECT 1 FROM messages m WHERE may_enter(m.room_id, %s) OR NOT may_enter(m.room_id, %s)"
    for actor in ("owner", "stranger", "moderator"):
        sees = bool(attempt(connection, actor, "SELECT 1 FROM messages"))
        person = (PEOPLE[actor], PEOPLE[actor])
        may = attempt(connection, "system", said.partition(" OR ")[0], person[:1])
        assert sees == bool(may), actor


@pytest.mark.parametrize(
    ("state", "readers"),
    [
        ("visibility = 'PUBLIC'", EVERYBODY),
        ("visibility = 'PUBLIC', archived_at = now()", EVERYBODY),
        ("visibility = 'PRIVATE'", ALL | {"moderator"}),
        ("visibility = 'PRIVATE', archived_at = now()", ALL | {"moderator"}),
    ],
)
def test_a_lounge_is_read_as_it_is_open_private_or_closed(
    state: str, readers: frozenset[str], settings: Settings, worker: str
) -> None:
    with own_database(settings, f"astrotv_{worker}_lounge") as url, closing(psycopg2.connect(url)) as connection:
        for sql in (
            "SET session_replication_role = replica",
            "INSERT INTO lounges (id, room_id, name) VALUES (%(lounges)s, %(lounge_room)s, 'Ours')",
            "INSERT INTO messages (id, room_id, seq, text) VALUES (%(lounges)s, %(lounge_room)s, 1, 'Hello')",
            f"UPDATE lounges SET {state}",
            f"SET ROLE {APPLICATION_ROLE}",
        ):
            connection.cursor().execute(sql, NAMES)
        connection.commit()
        assert allowed(connection, "SELECT 1 FROM messages") == readers


@pytest.fixture
def role(connection: Any) -> Iterator[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT rolsuper, rolbypassrls, (SELECT count(*) FROM pg_class WHERE relowner = r.oid)
               FROM pg_roles r WHERE rolname = current_user"""
        )
        yield dict(zip(("is_super", "bypasses", "owned"), cursor.fetchone(), strict=True))
    connection.rollback()


def test_the_application_owns_nothing_and_bypasses_nothing(role: dict[str, Any]) -> None:
    assert role == {"is_super": False, "bypasses": False, "owned": 0}


def test_whoever_names_nobody_has_the_least_right(connection: Any) -> None:
    assert attempt(connection, "nobody", "SELECT 1 WHERE acts_for_all() OR acting_user_id() IS NOT NULL") == 0
    assert ACTORS["nobody"] is None
