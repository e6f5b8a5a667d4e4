"""The role as which the application signs in: it exists since the first migration, and is let in here."""

from contextlib import closing
from urllib.parse import unquote, urlsplit

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from db.connection import APPLICATION_ROLE


class NotLetIn(Exception):
    """The application cannot sign in, and whoever migrates may not change that; says what an operator has to run."""


def let_in(owner_url: str, application_url: str) -> bool:
    """See that the application can sign in by its address where that names its own role; returns whether it was let in.

    The role gets the password in the address, unless it signs in by it already. Raises NotLetIn.
    """
    parts = urlsplit(application_url)
    if unquote(parts.username or "") != APPLICATION_ROLE or _signs_in(application_url):
        return False
    with closing(psycopg2.connect(owner_url)) as connection, connection, connection.cursor() as cursor:
        statement = sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(APPLICATION_ROLE))
        if parts.password:
            # A verifier, so that no log of the server's holds the password itself.
            password = encrypt_password(unquote(parts.password), APPLICATION_ROLE, connection, "scram-sha-256")
            statement += sql.SQL(" PASSWORD {}").format(sql.Literal(password))
        try:
            cursor.execute(statement)
        except psycopg2.errors.InsufficientPrivilege as error:
            raise NotLetIn(f"let it in as a superuser: ALTER ROLE {APPLICATION_ROLE} LOGIN PASSWORD '…'") from error
    return True


def _signs_in(url: str) -> bool:
    try:
        psycopg2.connect(url).close()
    except psycopg2.OperationalError:
        return False
    return True
