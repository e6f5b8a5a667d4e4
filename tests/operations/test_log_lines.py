"""Lines of the log: whole, in their order, and written in time, also where they are gathered."""

import io
import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from log_output import MOST_GATHERED, Output

ROOT = Path(__file__).resolve().parents[2]
HELLO = """
import os, sys, logging, structlog, msgspec
import settings, logs
logs.configure_logs("api", settings.load(os.environ))
log = structlog.get_logger("test")
"""


def said(program: str, *, status: int = 0) -> list[dict[str, Any]]:
    """The lines that a process tells which runs this program."""
    ended = subprocess.run(
        [sys.executable, "-c", HELLO + program],
        cwd=ROOT,
        env={**os.environ, "LOG_FORMAT": "json", "LOG_LEVEL": "info"},
        stdout=subprocess.PIPE,
        timeout=60,
    )
    assert ended.returncode == status
    return [json.loads(line) for line in ended.stdout.splitlines()]


class Paper(io.StringIO):
    """Tells how often it was written to, and of the first time that something stands on it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes, self.something = 0, threading.Event()

    def write(self, text: str) -> int:
        self.writes += 1
        written = super().write(text)
        self.something.set()
        return written


def test_what_is_told_stands_there_at_once() -> None:
    paper = Paper()
    Output(paper).tell("one", urgent=False)
    assert paper.getvalue() == "one\n"


def test_what_is_gathered_is_written_together_and_soon() -> None:
    output = Output(paper := Paper())
    output.gather()
    for number in range(10):
        output.tell(str(number), urgent=False)
    assert paper.something.wait(30)
    with output.lock or threading.Lock():
        assert paper.getvalue().splitlines() == [str(number) for number in range(10)]
    assert paper.writes == 1


@pytest.mark.parametrize("how", ["a warning", "a record", "many"])
def test_what_is_urgent_takes_along_what_came_before_it(how: str) -> None:
    output = Output(paper := Paper())
    output.gather()
    before = MOST_GATHERED - 1 if how == "many" else 3
    with output.lock or threading.Lock():  # whoever writes now and then has to wait
        for number in range(before):
            output.tell(str(number), urgent=False)
        if how == "a record":
            output.handle(logging.makeLogRecord({"msg": "last"}))
        else:
            output.tell("last", urgent=how == "a warning")
        assert paper.getvalue().splitlines() == [*map(str, range(before)), "last"]


def test_a_page_that_cannot_be_written_ends_nobodys_work(capsys: pytest.CaptureFixture[str]) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    Output(Full()).tell("one", urgent=True)
    assert "No space left on device" in capsys.readouterr().err


def test_a_process_that_ends_has_told_all_that_it_gathered() -> None:
    lines = said("logs.gather_lines()\nfor n in range(5): log.info('said', number=n)\nsys.exit(3)", status=3)
    assert [line["number"] for line in lines] == list(range(5))


def test_a_line_says_of_what_when_by_whom_and_how_urgent() -> None:
    lines = said(
        """
structlog.contextvars.bind_contextvars(request_id="r-1")
log.debug("not told")
log.info("one", password="s3cret", amount=3)
logging.getLogger("elsewhere").warning("two %s", "words")
structlog.get_logger().error("three")
import warnings
warnings.warn("four", stacklevel=1)
try:
    1 / 0
except ZeroDivisionError:
    log.exception("five")
log.info("half", text="\\ud800")
"""
    )
    one, two, three, four, five, half = lines
    assert (one["event"], one["password"], one["amount"], one["level"]) == ("one", "***", 3, "info")
    assert all(line["request_id"] == "r-1" and line["process"] == "api" for line in lines)
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert (two["event"], two["level"], two["logger"]) == ("two words", "warning", "elsewhere")
    assert (three["level"], three["logger"]) == ("error", "__main__")
    assert "four" in four["event"]
    assert five["level"] == "error"
    assert "ZeroDivisionError" in five["exception"]
    assert half["text"] == "\ud800"
