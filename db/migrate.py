"""Bring a database to the newest schema: numbered SQL files, applied once each, in order."""

from pathlib import Path

from yoyo import get_backend, read_migrations

FOLDER = Path(__file__).parent / "migrations"


def migrate(url: str) -> list[str]:
    """Apply what is missing, as the owner of the schema; returns the ids applied.

    Two processes that migrate at once take turns: the library locks the database.
    """
    with get_backend(_yoyo(url)) as backend:
        migrations = read_migrations(str(FOLDER))
        with backend.lock():
            pending = backend.to_apply(migrations)
            backend.apply_migrations(pending)
            return [migration.id for migration in pending]


def pending(url: str) -> list[str]:
    """The ids of migrations that the database has not seen."""
    with get_backend(_yoyo(url)) as backend:
        return [migration.id for migration in backend.to_apply(read_migrations(str(FOLDER)))]


def _yoyo(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"postgresql://{rest}" if scheme == "postgres" else url
