"""Where an installed package keeps the programs that came in its wheel, without importing it."""

import importlib.util
from pathlib import Path

from embedded.errors import EmbeddedError


def package_folder(package: str, variable: str) -> Path:
    """Return a package's folder; raises EmbeddedError naming the variable to set instead."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise EmbeddedError(f"{variable}: {package} is not installed here; set it to a server of yours")
    return Path(found.origin).parent
