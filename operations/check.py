"""`check`: whether settings, schema and connections are such that the processes will work."""

import argparse
import subprocess
from collections.abc import Iterator

from db import drift
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
        faults = [*_connections(), *_schema(settings), *_ffmpeg(settings)]
    for fault in faults:
        print(f"wrong: {fault}")
    return 1 if faults else 0


def _connections() -> Iterator[str]:
    for name, part in health.readiness().parts.items():
        if part.ok:
            print(f"{name}: answers in {part.latency_ms} ms")
        else:
            yield f"{name}: does not answer ({part.error})"


def _schema(settings: Settings) -> Iterator[str]:
    missing = pending(settings.database_owner_url)
    yield from (f"schema: migration {name} has not been applied" for name in missing)
    differences = drift.differences()
    yield from (f"schema: {line}" for line in differences)
    if not missing and not differences:
        print("schema: as the models say")


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
