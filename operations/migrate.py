"""`migrate`: bring the database to the newest schema."""

import argparse

import settings as configuration
from db.migrate import migrate
from embedded import attached
from operations.project import data_dir

HELP = "bring the database to the newest schema"


def configure(_parser: argparse.ArgumentParser) -> None:
    """There are no options."""


def run(_arguments: argparse.Namespace, environ: dict[str, str]) -> int:
    """Apply what is missing and say what it was."""
    with attached(data_dir(environ), environ) as environment:
        applied = migrate(configuration.load(environment).database_owner_url)
    print("\n".join(f"applied {name}" for name in applied) or "nothing to do: the schema is the newest")
    return 0
