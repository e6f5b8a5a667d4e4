"""Who reads, writes, changes and deletes a row of each table that has a policy, as the database itself says.

Every try is a transaction of its own on a direct connection as the application's role. `nobody` has not
even said that they are anonymous.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import psycopg2.errors
import pytest

from db.connection import APPLICATION_ROLE
from settings import Settings
from tests.conftest import own_database
from tests.db.one_row_each import GROUND, NAMES, PEOPLE, PERSON, ROLES, ROWS, insertion, values

ACTORS = {name: (PEOPLE[name], ROLES[name]) for name in PEOPLE} | {
    "anonymous": ("", "anonymous"),
    "nobody": None,
    "system": ("", "system"),
}
Who = frozenset[str]
ALL = frozenset({"admin", "system"})
OWN = ALL | {"owner"}
BOTH = OWN | {"other"}
EVERYBODY = frozenset(ACTORS)
NOBODY: Who = frozenset()

THEIRS = (
    *("auth_sessions", "previous_usernames", "idempotency_keys", "notification_preferences", "file_uploads"),
    *("identity_verifications", "financial_details", "creator_applications", "channel_ingresses", "event_users"),
)
THE_PLATFORMS = (
    *("spent_refresh_tokens", "outbox", "dead_letters", "webhook_events", "provider_products", "ingest_sessions"),
    *("like_news", "presence_processes", "payment_sandbox_sessions", "payment_sandbox_deliveries"),
    "payment_sandbox_products",
)
COUNTED = ("attendance_spans", "analytics_hourly", "analytics_daily", "analytics_chatters", "analytics_chatters_daily")

CATALOGUE = ("categories", "coin_packs", "tags")
MADE_BY_WORKERS = ("recordings", "stream_metrics_minute", "analytics_progress", "retention_progress")
OF_ORGANISERS = ("projects", "events", "breakout_rooms", "polls", "poll_options", "surveys", "survey_fields")
OFFERED = ("gifts", "loyalty_levels", "emotes", "creator_profiles", "streams", "lounges", "marketplace_items")
STAFF = ALL | {"moderator"}
#: Of tables that hold other rows as well: those that are like the one which is tried.
ONLY = {
    "accounts_ledger": " WHERE kind = 'WALLET'",
    "gifts": " WHERE streamer_id IS NOT NULL",
    "streams": " WHERE channel_id IS NOT NULL",
    "rooms": " WHERE owner_id IS NOT NULL",
    "marketplace_items": " WHERE name = 'A kite'",
}

#: Who sees the row, adds it in the owner's name, changes and deletes it.
RULES: dict[str, tuple[Who, Who, Who, Who]] = {
    **dict.fromkeys(THEIRS, (OWN, OWN, OWN, OWN)),
    **dict.fromkeys(THE_PLATFORMS, (ALL, ALL, ALL, ALL)),
    **dict.fromkeys(COUNTED, (OWN, ALL, ALL, ALL)),
    "one_time_codes": (frozenset({"system"}),) * 4,
    "notifications": (OWN, ALL, OWN, OWN),
    "channels": (EVERYBODY, ALL, OWN, ALL),
    "follows": (EVERYBODY, OWN, NOBODY, OWN),
    "blocks": (BOTH, OWN, NOBODY, OWN),
    "questions": (ALL, OWN, ALL, NOBODY),  # its event is a draft
    "question_upvotes": (OWN, NOBODY, NOBODY, NOBODY),
    "poll_votes": (OWN, NOBODY, NOBODY, NOBODY),
    "poll_vote_options": (OWN, NOBODY, NOBODY, NOBODY),
    "survey_responses": (OWN, OWN, NOBODY, NOBODY),
    "accounts_ledger": (OWN, ALL, ALL, NOBODY),
    "ledger_transactions": (OWN, ALL, NOBODY, NOBODY),
    "ledger_entries": (OWN, ALL, NOBODY, NOBODY),
    "coin_purchases": (OWN, ALL, ALL, NOBODY),
    "gift_transactions": (BOTH, ALL, NOBODY, NOBODY),
    "loyalty_points": (BOTH, ALL, ALL, NOBODY),
    "discount_codes": (OWN, ALL, ALL, ALL),
    "discount_redemptions": (OWN, ALL, ALL, NOBODY),
    "subscriptions": (BOTH, ALL, ALL, NOBODY),
    "subscription_payments": (BOTH, ALL, ALL, NOBODY),
    "payouts": (OWN, ALL, ALL, NOBODY),
    "marketplace_purchases": (BOTH, ALL, NOBODY, NOBODY),
    "messages": (OWN | {"moderator"}, NOBODY, ALL, ALL),  # in a private lounge
    "bans": (OWN, ALL, ALL, NOBODY),
    "reports": (OWN, OWN, ALL, NOBODY),
    "moderation_log": (OWN, OWN, NOBODY, NOBODY),
    **dict.fromkeys((*CATALOGUE, *OF_ORGANISERS, *MADE_BY_WORKERS), (EVERYBODY, ALL, ALL, ALL)),
    **dict.fromkeys(("category_tags", "discount_code_packs"), (EVERYBODY, ALL, NOBODY, ALL)),
    "event_sessions": (EVERYBODY, ALL, STAFF, ALL),
    **dict.fromkeys(OFFERED, (EVERYBODY, OWN, OWN, OWN)),
    "rooms": (EVERYBODY, OWN, OWN | STAFF, OWN),
    "room_moderators": (EVERYBODY, OWN, NOBODY, OWN | STAFF),
    "lounge_members": (EVERYBODY, OWN | STAFF, NOBODY, OWN | STAFF),
    **dict.fromkeys(("clips", "post_media"), (EVERYBODY, OWN, ALL, ALL)),  # asked for by people, made by workers
    "posts": (EVERYBODY, OWN, EVERYBODY, OWN | STAFF),  # their counts; the words are their authors'
    "comments": (EVERYBODY, OWN, EVERYBODY, OWN | STAFF),
    **dict.fromkeys(("post_likes", "comment_likes"), (EVERYBODY, OWN, NOBODY, OWN)),
}


@pytest.fixture(scope="module")
def connection(settings: Settings, worker: str) -> Iterator[Any]:
    """A connection as the application's role to a database with a row of each table."""
    with own_database(settings, f"astrotv_{worker}_policies") as url, closing(psycopg2.connect(url)) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")  # one transaction on the ledger has one leg
            for name, person in PEOPLE.items():
                cursor.execute(PERSON, {"id": person, "name": name, "role": ROLES[name]})
            cursor.execute(GROUND, NAMES)
            for table in ROWS:
                cursor.execute(insertion(table), values(table))
        with connection, connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {APPLICATION_ROLE}")
        yield connection


def attempt(connection: Any, actor: str, sql: str, parameters: Any = None) -> int:
    """How many rows a statement of somebody's reaches; none where it is refused. Nothing of it stays."""
    try:
        with connection.cursor() as cursor:
            if ACTORS[actor] is not None:
                cursor.execute(
                    "SELECT set_config('astrotv.user_id', %s, true), set_config('astrotv.role', %s, true)",
                    ACTORS[actor],
                )
            cursor.execute(sql, parameters)
            return int(cursor.rowcount)
    except (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.WithCheckOptionViolation):
        return 0
    except psycopg2.IntegrityError:
        return 1  # the policy let it pass; that there is such a row already is found afterwards
    finally:
        connection.rollback()


def allowed(connection: Any, sql: str, parameters: Any = None) -> Who:
    """Whom the database lets do it."""
    return frozenset(actor for actor in ACTORS if attempt(connection, actor, sql, parameters))


@pytest.mark.parametrize("table", ROWS)
def test_rows_are_read_added_changed_and_deleted_by_those_alone_who_may(table: str, connection: Any) -> None:
    row = ONLY.get(table, "")
    column = _changeable(connection, table)
    assert (
        allowed(connection, f"SELECT 1 FROM {table}{row}"),
        allowed(connection, insertion(table), values(table)),
        allowed(connection, f"UPDATE {table} SET {column} = {column}{row}"),
        allowed(connection, f"DELETE FROM {table}{row}"),
    ) == RULES[table]


@pytest.mark.parametrize("table", ROWS)
def test_nobody_hands_a_row_of_their_own_to_another(table: str, connection: Any) -> None:
    """Whoever may change a row only because it is theirs cannot change whose it is."""
    if "owner" not in RULES[table][2] or "%(owner)s" not in ROWS[table]:
        return
    names = ("user_id", "owner_id", "subscriber_id", "streamer_id", "author_id", "seller_id")
    owner_column = next(name for name in names if name in ROWS[table])
    assert not attempt(connection, "owner", f"UPDATE {table} SET {owner_column} = %s", (PEOPLE["stranger"],))


def _changeable(connection: Any, table: str) -> str:
    """A column that the application may change; any column where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT a.attname FROM pg_attribute a WHERE a.attrelid = %s::regclass AND a.attnum > 0
               ORDER BY has_column_privilege(a.attrelid, a.attnum, 'UPDATE') DESC, a.attnum LIMIT 1""",
            (table,),
        )
        [(column,)] = cursor.fetchall()
    connection.rollback()
    return str(column)


@pytest.mark.parametrize("actor", ["other", "stranger", "anonymous", "nobody"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE posts SET text = 'mine'", "UPDATE posts SET visibility = 'FOLLOWERS'",
        "UPDATE comments SET text = 'mine'",
        "UPDATE gifts SET streamer_id = %(other)s", "UPDATE streams SET channel_id = NULL",
        "UPDATE rooms SET owner_id = %(other)s",
        "UPDATE lounges SET room_id = %(channel_room)s", "UPDATE lounge_members SET user_id = %(other)s",
        "INSERT INTO lounge_members (lounge_id, user_id) VALUES (%(lounges)s, %(other)s)",
        "INSERT INTO room_moderators (room_id, user_id) VALUES (%(lounge_room)s, %(other)s)",
        "UPDATE marketplace_items SET seller_id = %(other)s", "UPDATE marketplace_items SET stock = 0",
        "UPDATE post_media SET url = '/mine'", "UPDATE clips SET video = '/mine'",
    ],
)  # fmt: skip
def test_nobody_writes_what_another_said_or_has(actor: str, statement: str, connection: Any) -> None:
    assert not attempt(connection, actor, statement, NAMES)


@pytest.mark.parametrize(
    ("actor", "may"), [("owner", True), ("moderator", True), ("other", False), ("stranger", False)]
)
@pytest.mark.parametrize(
    "call",
    [
        """post_messages(ARRAY[gen_random_uuid()], ARRAY[%(lounge_room)s]::uuid[], ARRAY[%(me)s]::uuid[],
                         ARRAY['Hi'], ARRAY[NULL]::uuid[], ARRAY[NULL]::text[], ARRAY[0])""",
        """post_new_messages(ARRAY[gen_random_uuid()], ARRAY[%(lounge_room)s]::uuid[], ARRAY[2], ARRAY[%(me)s]::uuid[],
                             ARRAY['Hi'], NULL, NULL)""",
    ],
)
def test_messages_are_written_where_one_may_be(actor: str, may: bool, call: str, connection: Any) -> None:
    assert bool(attempt(connection, actor, f"SELECT * FROM {call}", NAMES | {"me": PEOPLE[actor]})) is may


@pytest.mark.parametrize(("actor", "may"), [("owner", False), ("other", False), ("admin", True), ("system", True)])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE subscriptions SET expires_at = now() + interval '9 years'",
        "UPDATE subscriptions SET tier = 'premium'",
        "UPDATE coin_purchases SET price = 1, coins = 1000000",
        "UPDATE creator_applications SET status = 'APPROVED'",
        "UPDATE identity_verifications SET status = 'VERIFIED'",
        "UPDATE marketplace_items SET sold = 1000 WHERE seller_id = %(owner)s",
        """INSERT INTO clips (id, stream_id, creator_id, title, starts_at, ends_at, status, video) VALUES
           (gen_random_uuid(), %(streams)s, %(owner)s, 'Mine', now(), now() + interval '1 s', 'READY', '/x')""",
        """INSERT INTO post_media (id, post_id, position, kind, source_format, status, error)
           VALUES (gen_random_uuid(), %(posts)s, 1, 'IMAGE', 'image/png', 'FAILED', 'x')""",
    ],
)
def test_what_others_decide_of_one_s_own_is_theirs_to_write(
    actor: str, may: bool, statement: str, connection: Any
) -> None:
    assert bool(attempt(connection, actor, statement, NAMES)) is may
