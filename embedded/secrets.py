"""The secrets of a stack on the embedded default: made once, kept in the data folder, mode 0600."""

import base64
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.fernet import Fernet

FILE = "secrets.env"


def kept_secrets(folder: Path) -> dict[str, str]:
    """Return every secret by the name of its variable; those that are missing are made and kept."""
    path = folder / FILE
    kept = _read(path)
    missing = {name: make() for name, make in _MAKERS.items() if name not in kept}
    if missing:
        kept |= missing
        _write(path, kept)
    return kept


def _token() -> str:
    return secrets.token_urlsafe(36)


def _webhook_secret() -> str:
    return "whsec_" + secrets.token_urlsafe(30)


def _standard_webhook_secret() -> str:
    """As the Standard Webhooks specification spells one: base64 behind a prefix."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def _fernet_key() -> str:
    return Fernet.generate_key().decode()


def _sign_in() -> str:
    return f"operator:{secrets.token_urlsafe(9)}"


_MAKERS: Mapping[str, Callable[[], str]] = {
    "JWT_SECRET": _token,
    "STREAM_KEY_SECRET": _token,
    "INGEST_SECRET": _token,
    "PLAYBACK_SECRET": _token,
    "ENCRYPTION_KEYS": _fernet_key,
    "STRIPE_WEBHOOK_SECRET": _webhook_secret,
    "DODO_WEBHOOK_SECRET": _standard_webhook_secret,
    "FLOWER_BASIC_AUTH": _sign_in,
}


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    lines = (line for line in path.read_text().splitlines() if "=" in line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def _write(path: Path, values: Mapping[str, str]) -> None:
    """Replace the file in one step, never readable by others, not even for a moment."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("# Made at the first start; whoever reads this file can act as anybody here.\n")
        file.writelines(f"{name}={value}\n" for name, value in values.items())
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
