"""As whom the application signs in to the embedded PostgreSQL: as one who owns nothing, and stays that."""

from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

import embedded
from db.application_role import NotLetIn, let_in
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


def test_migrating_lets_the_application_in_by_the_password_in_its_address(folder: Path) -> None:
    with embedded.servers(folder / "d", {}, durable=False) as environment:
        owner_url = environment["DATABASE_OWNER_URL"]
        application_url = environment["DATABASE_URL"].replace("astrotv_app@", "astrotv_app:p%40ss@")
        assert not let_in(owner_url, application_url), "it signs in already"
        assert not let_in(owner_url, owner_url), "an owner needs nothing"
        with closing(psycopg2.connect(owner_url)) as owner, owner, owner.cursor() as cursor:
            cursor.execute("ALTER ROLE astrotv_app NOLOGIN; CREATE ROLE clerk LOGIN")
        with pytest.raises(NotLetIn, match="ALTER ROLE astrotv_app LOGIN"):
            let_in(owner_url.replace("astrotv@", "clerk@"), application_url)
        assert let_in(owner_url, application_url)
        with closing(psycopg2.connect(owner_url)) as owner, owner.cursor() as cursor:
            cursor.execute(
                "SELECT rolcanlogin, rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'astrotv_app'"
            )
            assert cursor.fetchone() == (True, True)
