"""What gunicorn says itself, in its master and its workers, is a JSON line as all others are."""

import json
import os
import subprocess
import sys

from operations.project import ROOT

SAYS = """
from gunicorn.config import Config
from api.gunicorn_log import Log
log = Log(Config())
log.warning("Invalid request from ip=127.0.0.1: %s", "a\\x1b[2J\\nforged")
log.setup(Config())
log.error("Worker (pid:%s) was sent SIGKILL!", 17)
try:
    raise ValueError("of a worker")
except ValueError:
    log.exception("Exception in worker process")
"""


def test_every_line_of_gunicorns_is_json_and_comes_once() -> None:
    environment = os.environ | {"LOG_FORMAT": "json", "LOG_LEVEL": "info", "LOG_FILE": ""}
    done = subprocess.run(
        [sys.executable, "-c", SAYS], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["level"] for line in said] == ["warning", "error", "error"]
    assert [line["process"] for line in said] == ["api"] * 3
    assert said[0]["event"].startswith("Invalid request from ip=127.0.0.1")
    assert "ValueError: of a worker" in said[2]["exception"]
