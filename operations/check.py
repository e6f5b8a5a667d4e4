"""`check`: whether settings, schema and connections are such that the processes will work."""

import argparse
import smtplib
import subprocess
from collections.abc import Iterator
from urllib.parse import urlsplit

import kombu
import kombu.exceptions
import psycopg2.errors

from db import drift
from db.connection import query
from db.migrate import pending
from operations import session
from services import health
from settings import Settings

HELP = "validate the settings, the schema against the models, and the connections"
TIMEOUT_S = 20


def configure(_parser: argparse.ArgumentParser) -> None:
    """There are no options."""


def run(_arguments: argparse.Namespace, environ: dict[str, str]) -> int:
    """Print what was looked at, and what is wrong; returns 1 when something is."""
    with session.opened(environ) as settings:
        print("settings: valid")
        faults = [*_connections(), *_jobs(settings), *_mail(settings), *_role(), *_schema(settings), *_ffmpeg(settings)]
    for fault in faults:
        print(f"wrong: {fault}")
    return 1 if faults else 0


def _connections() -> Iterator[str]:
    for name, part in health.readiness().parts.items():
        if part.ok:
            print(f"{name}: answers in {part.latency_ms} ms")
        else:
            yield f"{name}: does not answer ({part.error})"


def _jobs(settings: Settings) -> Iterator[str]:
    """Where jobs go, which need not be the Redis of everything else."""
    url = settings.celery_broker_url.replace("unix://", "redis+socket://", 1)
    try:
        with kombu.Connection(url, connect_timeout=TIMEOUT_S / 4) as connection:
            connection.ensure_connection(max_retries=1, timeout=TIMEOUT_S / 2)
    except (kombu.exceptions.OperationalError, KeyError, OSError) as error:
        yield f"CELERY_BROKER_URL: jobs cannot be sent ({type(error).__name__})"
        return
    print("jobs: can be sent")


def _mail(settings: Settings) -> Iterator[str]:
    if not settings.smtp_url:
        print(f"mail: written into {settings.data_dir / 'mail'}")
        return
    place = urlsplit(settings.smtp_url)
    kind = smtplib.SMTP_SSL if place.scheme == "smtps" else smtplib.SMTP
    try:
        with kind(place.hostname or "", place.port or 0, timeout=TIMEOUT_S / 2) as server:
            server.noop()
    except (OSError, smtplib.SMTPException) as error:
        yield f"SMTP_URL: {place.hostname} does not answer ({type(error).__name__})"
        return
    print(f"mail: {place.hostname} answers")


def _role() -> Iterator[str]:
    """Row-level security means nothing to whoever owns the tables or is told to pass it by."""
    [(name, signed_in_as, passes_by, owned)] = query(_ROLE)
    if passes_by:
        yield f"DATABASE_URL: the role {name} passes row-level security by; sign in as one that does not"
    if owned:
        yield f"DATABASE_URL: the role {name} owns {owned} tables, which row-level security does not hold"
    if not passes_by and not owned:
        print(f"row-level security: holds the role {name}")
        if signed_in_as != name:
            print(f"  but {signed_in_as} signs in and takes it, and could drop it: name DATABASE_OWNER_URL apart")


def _schema(settings: Settings) -> Iterator[str]:
    try:
        missing = pending(settings.database_owner_url)
    except psycopg2.errors.InsufficientPrivilege:
        yield "DATABASE_OWNER_URL: must be the owner of the schema, who knows which migrations were applied"
        return
    yield from (f"schema: migration {name} has not been applied" for name in missing.needed)
    differences = drift.differences()
    yield from (f"schema: {line}" for line in differences)
    if not missing.needed and not differences:
        print("schema: as the models say")
    for name in missing.contracting:
        print(f"  {name} waits for `manage.py migrate --contract`, once no older release runs")


def _ffmpeg(settings: Settings) -> Iterator[str]:
    if not settings.ffmpeg_binary:
        return
    try:
        done = subprocess.run(
            [settings.ffmpeg_binary, "-version"], capture_output=True, text=True, timeout=TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        yield f"FFMPEG_BINARY: {settings.ffmpeg_binary} cannot be run ({type(error).__name__})"
        return
    print(f"ffmpeg: {' '.join(done.stdout.split()[:3])}")


_ROLE = """
SELECT rolname, session_user, rolsuper OR rolbypassrls,
       (SELECT count(*) FROM pg_tables WHERE tableowner = current_user AND schemaname = 'public')
FROM pg_roles WHERE rolname = current_user"""
