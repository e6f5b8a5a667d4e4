"""`migrate`: bring the database to the newest schema, or take migrations back."""

import argparse

import settings as configuration
from db.application_role import NotLetIn, let_in
from db.migrate import migrate, pending, roll_back
from embedded import EmbeddedError, attached
from operations.project import data_dir
from settings import Settings

HELP = "bring the database to the newest schema, also while the stack runs"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "--contract",
        action="store_true",
        help="also take away what the release before used, which runs nowhere any more",
    )
    parser.add_argument("--back-to", metavar="ID", help="take back every migration after this one, and its data")
    parser.add_argument("--yes", action="store_true", help="really drop what the migrations taken back had made")


def run(arguments: argparse.Namespace, environ: dict[str, str]) -> int:
    """Apply what is missing, or take back what was asked for, and say what it was."""
    if arguments.back_to and not arguments.yes:
        raise EmbeddedError("--back-to drops tables and columns with what is in them; say --yes when you want that")
    with attached(data_dir(environ), environ) as environment:
        settings = configuration.load(environment)
        if arguments.back_to:
            return _take_back(settings.database_owner_url, arguments.back_to)
        applied = migrate(settings.database_owner_url, contracts=arguments.contract)
        left = pending(settings.database_owner_url).contracting
        _let_the_application_in(settings)
    print("\n".join(f"applied {name}" for name in applied) or "nothing to do: the schema is the newest")
    if left:
        print(f"left for `migrate --contract`, once the new release runs everywhere: {', '.join(left)}")
    return 0


def _let_the_application_in(settings: Settings) -> None:
    try:
        if let_in(settings.database_owner_url, settings.database_url):
            print("the application may sign in by DATABASE_URL now")
    except NotLetIn as error:
        raise EmbeddedError(f"DATABASE_URL: nobody can sign in by it; {error}") from error


def _take_back(url: str, last_kept: str) -> int:
    try:
        undone = roll_back(url, last_kept)
    except ValueError as error:
        raise EmbeddedError(str(error)) from error
    print("\n".join(f"took back {name}" for name in undone) or "nothing to do: nothing came after it")
    return 0
