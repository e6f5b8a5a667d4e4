"""A log file that many processes write at once, of which each day becomes a file of its own."""

import logging.handlers
import os
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

from settings_reader import SettingsError

DAYS_KEPT = 14


def open_log_file(path: Path | str) -> "DailyFile":
    """Open what LOG_FILE names; raises SettingsError where it cannot be written."""
    try:
        return DailyFile(path)
    except OSError as error:
        raise SettingsError("LOG_FILE", f"{path} cannot be written: {error.strerror}") from error


class DailyFile(logging.handlers.WatchedFileHandler):
    """Appends to a file; the first process that writes on a new day (UTC) names it after the day that is over.

    The library's own handler renames in every process, one over the other, and yesterday is lost. Here whoever
    links the file to its new name first has done it for all: the others find another file there, and go on in that.
    """

    def __init__(self, path: Path | str) -> None:
        super().__init__(path, encoding="utf-8")
        self._path = Path(self.baseFilename)
        self._day = self._began_on()

    def emit(self, record: logging.LogRecord) -> None:
        today = datetime.fromtimestamp(record.created, UTC).date()
        if today > self._day:
            with suppress(OSError):  # a folder that takes no new names: the lines go on where they were
                self._turn()
            self._day = today
        super().emit(record)

    def _began_on(self) -> date:
        """The day of what is in the file already; today where there is nothing."""
        found = self._path.stat()
        return datetime.fromtimestamp(found.st_mtime, UTC).date() if found.st_size else datetime.now(UTC).date()

    def _turn(self) -> None:
        if self.stream is None or not os.path.samestat(os.fstat(self.stream.fileno()), self._path.stat()):
            return  # somebody has been quicker
        with suppress(FileExistsError):
            self._path.with_name(f"{self._path.name}.{self._day}").hardlink_to(self._path)
            self._path.unlink()
            self._forget_old()

    def _forget_old(self) -> None:
        days = sorted(self._path.parent.glob(f"{self._path.name}.[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"))
        for old in days[:-DAYS_KEPT]:
            old.unlink(missing_ok=True)
