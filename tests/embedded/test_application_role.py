"""As whom the application signs in to the embedded PostgreSQL: as one who owns nothing, and stays that."""

from pathlib import Path

import psycopg2
import pytest

import embedded
from db.migrate import migrate

ESCAPES = (
    "RESET ROLE",
    "SET ROLE NONE",
    "SET SESSION AUTHORIZATION DEFAULT",
    "SET ROLE astrotv",
    "SET SESSION AUTHORIZATION astrotv",
    "ALTER ROLE astrotv_app SUPERUSER",
)


def _try(cursor: psycopg2.extensions.cursor, statement: str) -> None:
    try:
        cursor.execute(statement)
    except psycopg2.errors.InsufficientPrivilege:
        cursor.connection.rollback()


def test_no_statement_makes_the_application_the_owner(folder: Path) -> None:
    with embedded.servers(folder / "d", {}, durable=False) as environment:
        migrate(environment["DATABASE_OWNER_URL"])
        connection = psycopg2.connect(environment["DATABASE_URL"])
        with connection.cursor() as cursor:
            for statement in ESCAPES:
                _try(cursor, statement)
                cursor.execute("SELECT session_user, current_user, current_setting('is_superuser')")
                assert cursor.fetchone() == ("astrotv_app", "astrotv_app", "off"), statement
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("COPY (SELECT 1) TO PROGRAM 'true'")
        connection.close()


def test_a_cluster_from_before_lets_the_application_in(folder: Path) -> None:
    with embedded.servers(folder / "d", {}) as environment:
        owner = psycopg2.connect(environment["DATABASE_OWNER_URL"])
        with owner, owner.cursor() as cursor:
            cursor.execute("ALTER ROLE astrotv_app NOLOGIN")
        owner.close()
    with embedded.servers(folder / "d", {}) as environment:
        psycopg2.connect(environment["DATABASE_URL"]).close()
