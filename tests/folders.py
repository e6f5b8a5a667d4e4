"""Folders for stacks of the tests: PostgreSQL's account reaches them, and nothing of them stays.

pytest's own temporary folders are closed to other accounts, so that a cluster run by root would
have to live elsewhere, and outlive them.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def open_folder(name: str) -> Iterator[Path]:
    """Make a folder whose name begins with `name`, with a short path; it is gone after the block."""
    with tempfile.TemporaryDirectory(prefix=name, dir="/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
