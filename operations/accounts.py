"""`create-admin`: an account that may do everything."""

import argparse
import os

import bootstrap
import settings as configuration
from db.connection import connection
from embedded import attached
from operations.project import data_dir
from services import accounts
from services.accounts import Registration
from services.actors import Role
from services.sessions import Device

HELP = "make an account that may do everything"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("--email", required=True)
    parser.add_argument("--password", default=os.environ.get("ADMIN_PASSWORD"), help="or set ADMIN_PASSWORD")
    parser.add_argument("--username", help="made from the e-mail address when left out")


def run(arguments: argparse.Namespace, environ: dict[str, str]) -> int:
    """Make the account; a refusal of the service (taken, too weak) is one line."""
    if not arguments.password:
        raise configuration.SettingsError("ADMIN_PASSWORD", "is missing; or use --password")
    draft = Registration(arguments.email, arguments.password, username=arguments.username)
    with attached(data_dir(environ), environ) as environment:
        bootstrap.open_stores(configuration.load(environment))
        with connection():
            made = accounts.register(draft, Device(user_agent="manage.py"), Role.ADMIN)
        bootstrap.stop()
    print(f"{made.user.email} ({made.user.username}) is an administrator now")
    return 0
