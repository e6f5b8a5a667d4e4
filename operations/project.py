"""Where the project lies, and the environment that its commands begin with."""

import os
from pathlib import Path

from honcho.environ import parse

from settings import SettingsError

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_DATA_DIR = ".astrotv"


def environment() -> dict[str, str]:
    """Return the process's environment, beneath it what the project's `.env` file says."""
    return _kept(ROOT / ".env") | {name: value for name, value in os.environ.items() if value != ""}


def data_dir(environ: dict[str, str]) -> Path:
    """Return the data folder; a relative one is beside the code, wherever the command was called."""
    return ROOT / environ.get("DATA_DIR", DEFAULT_DATA_DIR)


def _kept(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    try:
        values: dict[str, str] = parse(file.read_text())
    except ValueError as error:
        raise SettingsError(file.name, f"cannot be read: {error}") from error
    return values
