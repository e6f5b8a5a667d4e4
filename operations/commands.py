"""What an operator can say to `manage.py`, and how its refusals read."""

import argparse
import errno
import os
import signal
import sys
from types import ModuleType

import peewee
import psycopg2
import psycopg2.errors
import redis.exceptions

from embedded import EmbeddedError
from operations import (
    accounts,
    backup,
    check,
    encryption,
    migrate,
    project,
    reconciliation,
    restart,
    restore,
    schema,
    seed,
    up,
)
from services.errors import ServiceError
from settings import SettingsError

COMMANDS: dict[str, ModuleType] = {
    "up": up,
    "restart": restart,
    "migrate": migrate,
    "seed": seed,
    "create-admin": accounts,
    "schema": schema,
    "check": check,
    "reconcile": reconciliation,
    "reencrypt": encryption,
    "backup": backup,
    "restore": restore,
}
REFUSED, FAILED, INTERRUPTED = 2, 1, 130
#: What an operator can do something about.
MENDABLE = (
    EmbeddedError,
    ServiceError,
    psycopg2.OperationalError,
    peewee.OperationalError,
    psycopg2.errors.InsufficientPrivilege,
    redis.exceptions.ConnectionError,
    redis.exceptions.AuthenticationError,
)


def main(words: list[str]) -> int:
    """Run one command; whatever an operator can mend is one line on standard error."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    arguments = _parser().parse_args(words)
    try:
        code: int = COMMANDS[arguments.command].run(arguments, project.environment())
    except KeyboardInterrupt:
        return _say("stopped", INTERRUPTED)
    except SettingsError as error:
        return _say(str(error), REFUSED)
    except MENDABLE as error:
        return _say(str(error).strip().splitlines()[0], FAILED)
    except OSError as error:
        return _say(_in_words(error), FAILED)
    return code


def _in_words(error: OSError) -> str:
    """What the system said of a file or a disk; raises the error again where it was of neither."""
    if error.errno == errno.ENOSPC:
        return f"DATA_DIR: the disk is full ({error.filename or 'while writing'})"
    if error.filename is None or error.strerror is None:
        raise error
    return f"{os.fsdecode(error.filename)}: {error.strerror}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py", description="AstroTV's operator tool")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        module.configure(commands.add_parser(name, help=module.HELP, description=module.HELP))
    return parser


def _say(line: str, code: int) -> int:
    print(f"astrotv: {line}", file=sys.stderr)
    return code
