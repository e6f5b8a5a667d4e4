"""`reencrypt`: seal everything under the newest of ENCRYPTION_KEYS, so that older ones can go."""

import argparse

from operations import session
from services import encryption
from services.key_rotation import reencrypt

HELP = "seal bank details and document keys anew under the newest key"


def configure(_parser: argparse.ArgumentParser) -> None:
    """There are no options."""


def run(_arguments: argparse.Namespace, environ: dict[str, str]) -> int:
    """Say how many rows were sealed anew; returns 1 when there are some that no key opens."""
    with session.opened(environ):
        done = reencrypt()
        newest = encryption.newest_key_id()
    print(f"{done.resealed} sealed anew under key {newest}")
    if done.unopened:
        print(f"{done.unopened} cannot be opened by any of ENCRYPTION_KEYS; the log names them")
    return 1 if done.unopened else 0
