"""The stores opened for the length of one command, found or started as the folder has it."""

from collections.abc import Iterator
from contextlib import contextmanager

import bootstrap
import settings as configuration
from db.connection import connection
from embedded import attached
from operations.project import data_dir
from settings import Settings


@contextmanager
def opened(environ: dict[str, str]) -> Iterator[Settings]:
    """Open database and bus; yield the settings. Raises SettingsError and EmbeddedError."""
    with attached(data_dir(environ), environ) as environment:
        settings = configuration.load(environment)
        bootstrap.open_stores(settings)
        try:
            with connection():
                yield settings
        finally:
            bootstrap.stop()
