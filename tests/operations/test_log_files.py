"""A log file of many processes: no line is lost at midnight, whoever turns the page."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import settings as configuration
from log_files import DAYS_KEPT, DailyFile
from logs import configure_logs
from settings import SettingsError

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


@contextmanager
def writers(path: Path, count: int) -> Iterator[list[DailyFile]]:
    """As many handlers of one file as there are processes."""
    began_at = MIDNIGHT.timestamp() - 60
    path.touch()
    os.utime(path, (began_at, began_at))
    opened = [DailyFile(path) for _ in range(count)]
    for handler in opened:
        handler._day = (MIDNIGHT - timedelta(seconds=1)).date()
    try:
        yield opened
    finally:
        for handler in opened:
            handler.close()


def write(handler: logging.Handler, text: str, at: datetime) -> None:
    record = logging.LogRecord("test", logging.INFO, "", 0, text, None, None)
    record.created = at.timestamp()
    handler.emit(record)


def lines(path: Path) -> Sequence[str]:
    return path.read_text().splitlines()


def test_each_day_is_a_file_and_nothing_is_lost_between_processes(tmp_path: Path) -> None:
    path = tmp_path / "astrotv.log"
    with writers(path, 3) as (one, two, three):
        for handler, name in ((one, "one"), (two, "two"), (three, "three")):
            write(handler, f"{name} before", MIDNIGHT - timedelta(seconds=1))
        for round_ in range(2):
            for handler, name in ((two, "two"), (one, "one"), (three, "three")):
                write(handler, f"{name} after {round_}", MIDNIGHT + timedelta(seconds=round_))
    assert sorted(lines(tmp_path / "astrotv.log.2026-02-28")) == ["one before", "three before", "two before"]
    assert len(lines(path)) == 6


def test_a_process_that_was_silent_for_days_does_not_rename_todays_file(tmp_path: Path) -> None:
    path = tmp_path / "astrotv.log"
    with writers(path, 2) as (busy, silent):
        for day in range(3):
            write(busy, f"day {day}", MIDNIGHT + timedelta(days=day))
        write(silent, "at last", MIDNIGHT + timedelta(days=2, seconds=1))
    assert lines(path) == ["day 2", "at last"]
    assert sorted(found.name for found in tmp_path.iterdir()) == [
        "astrotv.log",
        *(f"astrotv.log.2026-{day}" for day in ("02-28", "03-01", "03-02")),
    ]


def test_only_the_last_days_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "astrotv.log"
    with writers(path, 1) as (only,):
        for day in range(DAYS_KEPT + 5):
            write(only, "a line", MIDNIGHT + timedelta(days=day))
    assert len(list(tmp_path.iterdir())) == DAYS_KEPT + 1
    assert not (tmp_path / "astrotv.log.2026-02-28").exists()


def test_yesterdays_file_is_named_after_its_day_by_a_process_that_starts_today(tmp_path: Path) -> None:
    path = tmp_path / "astrotv.log"
    path.write_text("of yesterday\n")
    os.utime(path, (MIDNIGHT.timestamp() - 60,) * 2)
    handler = DailyFile(path)
    write(handler, "of today", MIDNIGHT)
    handler.close()
    assert lines(tmp_path / "astrotv.log.2026-02-28") == ["of yesterday"]
    assert lines(path) == ["of today"]


@pytest.mark.parametrize("path", ["no/such/folder/astrotv.log", "."])
def test_a_file_that_cannot_be_written_is_named_with_its_setting(tmp_path: Path, path: str) -> None:
    settings = configuration.load(dict(os.environ) | {"LOG_FILE": str(tmp_path / path)})
    with pytest.raises(SettingsError, match="LOG_FILE: "):
        configure_logs("test", settings)
