"""`create-admin`: an account that may do everything."""

import argparse
import os

from operations import session
from services import accounts
from services.accounts import Registration
from services.actors import Role
from services.sessions import Device
from settings import SettingsError

HELP = "make an account that may do everything"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("--email", required=True)
    parser.add_argument("--password", default=os.environ.get("ADMIN_PASSWORD"), help="or set ADMIN_PASSWORD")
    parser.add_argument("--username", help="made from the e-mail address when left out")


def run(arguments: argparse.Namespace, environ: dict[str, str]) -> int:
    """Make the account; a refusal of the service (taken, too weak) is one line."""
    if not arguments.password:
        raise SettingsError("ADMIN_PASSWORD", "is missing; or use --password")
    draft = Registration(arguments.email, arguments.password, username=arguments.username)
    with session.opened(environ):
        made = accounts.register(draft, Device(user_agent="manage.py"), Role.ADMIN)
    print(f"{made.user.email} ({made.user.username}) is an administrator now")
    return 0
