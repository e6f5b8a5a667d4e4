"""A worker's database, lent to one run after the other as long as they leave it as it was: making one takes longest."""

from psycopg2 import Error, connect
from psycopg2.sql import SQL, Identifier, Literal

from tests.conftest import TEMPLATE, _execute, _named

#: Rows that were rolled back stay in the files for a while.
MOST_RUNS = 40
PATIENCE = "-c statement_timeout=5000"


class Database:
    """One worker's; not for several threads."""

    def __init__(self, owner_url: str, name: str) -> None:
        self._maintenance = _named(owner_url, "postgres")
        self._name = name
        self._url = _named(owner_url, name)
        self._template = _contents(_named(owner_url, TEMPLATE))
        self._runs = MOST_RUNS

    def lend(self) -> str:
        """The address of a database that is like the template."""
        if self._runs >= MOST_RUNS or not self._is_clean():
            _execute(self._maintenance, f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)")
            _execute(self._maintenance, f"CREATE DATABASE {self._name} TEMPLATE {TEMPLATE}")
            self._runs = 0
        self._runs += 1
        return self._url

    def _is_clean(self) -> bool:
        try:
            return _contents(self._url) == self._template
        except Error:  # a table is locked, or not there any more
            return False


def _contents(url: str) -> list[tuple[str, int, int]]:
    """The names of all tables, with how many rows they have and a sum that depends on what the rows say."""
    connection = connect(url, options=PATIENCE)
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)'")
        counts = [
            SQL("SELECT {}, count(*), coalesce(sum(hashtext(t::text)), 0)::bigint FROM {} t").format(
                Literal(table), Identifier(schema, table)
            )
            for schema, table in sorted(cursor.fetchall())
        ]
        cursor.execute(SQL(" UNION ALL ").join(counts))
        found: list[tuple[str, int, int]] = cursor.fetchall()
        return found
    finally:
        connection.close()
