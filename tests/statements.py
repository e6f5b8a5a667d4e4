"""The statements that a block sends to the database, heard where peewee logs them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class Heard(logging.Handler):
    """Every statement, in order; those that only open or close transactions are left out."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.statements: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        sql = record.msg[0] if isinstance(record.msg, tuple) else str(record.msg)
        if not sql.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")):
            self.statements.append(sql)


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements of the block."""
    heard, logger = Heard(), logging.getLogger("peewee")
    before = logger.level
    logger.addHandler(heard)
    logger.setLevel(logging.DEBUG)
    try:
        yield heard.statements
    finally:
        logger.removeHandler(heard)
        logger.setLevel(before)
