"""`schema`: the SQL of the whole schema, as it stands in the database."""

import argparse
import subprocess
import sys

import settings as configuration
from embedded import attached
from embedded.errors import EmbeddedError
from embedded.postgres import client_program
from operations.project import data_dir

HELP = "print the SQL of the whole schema"


def configure(_parser: argparse.ArgumentParser) -> None:
    """There are no options."""


def run(_arguments: argparse.Namespace, environ: dict[str, str]) -> int:
    """Print what pg_dump says of the schema."""
    with attached(data_dir(environ), environ) as environment:
        sys.stdout.write(schema(configuration.load(environment).database_owner_url))
    return 0


def schema(url: str) -> str:
    """Return the statements that make the schema, without owners; raises EmbeddedError."""
    command = [client_program("pg_dump"), "--schema-only", "--no-owner", f"--dbname={url}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EmbeddedError(f"pg_dump: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout
