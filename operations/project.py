"""Where the project lies, and the environment that its commands begin with."""

import os
from pathlib import Path

from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_DATA_DIR = ".astrotv"


def environment() -> dict[str, str]:
    """Return the process's environment, beneath it what the project's `.env` file says."""
    kept = {name: value for name, value in dotenv_values(ROOT / ".env").items() if value is not None}
    return kept | {name: value for name, value in os.environ.items() if value != ""}


def data_dir(environ: dict[str, str]) -> Path:
    """Return the data folder; a relative one is beside the code, wherever the command was called."""
    return ROOT / environ.get("DATA_DIR", DEFAULT_DATA_DIR)
