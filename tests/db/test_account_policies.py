"""Row-level security of what belongs to one person, by a direct connection as the application's role."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import psycopg2.errors
import pytest

from db.connection import APPLICATION_ROLE
from services import financial, identity, one_time_codes
from services.financial import BankDetails
from services.ids import new_id
from services.one_time_codes import Purpose
from services.uploads import ReceivedFile
from settings import Settings
from tests.factories import actor_of, make_user
from tests.pictures import picture

OWNED = {"financial_details": "user_id", "identity_verifications": "user_id", "file_uploads": "owner_id"}


@contextmanager
def acting(settings: Settings, user_id: str, role: str) -> Iterator[Any]:
    """A cursor in a transaction of a person's, on a connection that may do no more than the application."""
    connection = psycopg2.connect(settings.database_url)
    try:
        cursor = connection.cursor()
        cursor.execute(f"SET ROLE {APPLICATION_ROLE}")
        cursor.execute(
            "SELECT set_config('astrotv.user_id', %s, true), set_config('astrotv.role', %s, true)", (user_id, role)
        )
        yield cursor
    finally:
        connection.rollback()
        connection.close()


@pytest.fixture
def owner_id(committed_db: Settings, tmp_path: Any) -> str:
    actor = actor_of(make_user(email="mira@example.com"))
    path = tmp_path / "paper"
    path.write_bytes(picture())
    financial.keep_details(actor, BankDetails(account_holder="Mira", account_number="12345678"))
    identity.submit(actor, [ReceivedFile(path, 1)])
    with acting(committed_db, str(actor.user_id), "viewer") as cursor:
        cursor.execute(_UPLOAD, {"id": str(new_id()), "owner": str(actor.user_id)})
        cursor.connection.commit()
    one_time_codes.send("mira@example.com", Purpose.SIGN_IN)
    return str(actor.user_id)


@pytest.mark.parametrize("table", OWNED)
def test_rows_are_seen_and_changed_by_their_owner_administrators_and_the_system(
    table: str, owner_id: str, committed_db: Settings
) -> None:
    seen = {}
    stranger = str(make_user().id)
    for user_id, role in (
        (owner_id, "viewer"),
        (stranger, "streamer"),
        (stranger, "moderator"),
        ("", ""),
        (stranger, "admin"),
        ("", "system"),
    ):
        with acting(committed_db, user_id, role) as cursor:
            cursor.execute(f"SELECT count(*) FROM {table}")
            count = cursor.fetchone()[0]
            cursor.execute(f"UPDATE {table} SET created_at = now()")
            assert cursor.rowcount == count
            cursor.execute(f"DELETE FROM {table}")
            assert cursor.rowcount == count
            seen[role] = count
    assert seen == {"viewer": 1, "streamer": 0, "moderator": 0, "": 0, "admin": 1, "system": 1}


def test_nobody_puts_a_row_under_anothers_name(owner_id: str, committed_db: Settings) -> None:
    with (
        acting(committed_db, str(make_user().id), "viewer") as cursor,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        cursor.execute(_UPLOAD, {"id": str(new_id()), "owner": owner_id})


@pytest.mark.parametrize(("role", "count"), [("viewer", 0), ("admin", 0), ("", 0), ("system", 1)])
def test_codes_are_the_systems_alone(role: str, count: int, owner_id: str, committed_db: Settings) -> None:
    with acting(committed_db, owner_id, role) as cursor:
        cursor.execute("SELECT count(*) FROM one_time_codes")
        assert cursor.fetchone()[0] == count


_UPLOAD = """
INSERT INTO file_uploads (id, owner_id, kind, storage_key, content_type, bytes, sha256)
VALUES (%(id)s, %(owner)s, 'avatar', 'uploads/x', 'image/png', 1, decode(repeat('00', 32), 'hex'))"""
